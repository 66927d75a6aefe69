"""What moved, layer by layer: weights, likeness of features, and what a linear probe on each block reaches.

scikit-learn is imported where it is used: pages import this file and need not wait for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core import data
from core.data import Dataset
from core.experiment import N_LAYERS, Experiment
from core.insight import features
from core.insight.kept import kept
from core.insight.network import Network, block_ends
from core.insight.side import network_before, sides
from core.network.layers import LayerTable
from core.statistics import standardised

PENALTIES = np.logspace(-1, 5, 13)


@dataclass(frozen=True)
class Changes:
    """What differs between two networks.

    Attributes
    ----------
    weights
        How far each layer's weights went, relative to their size, by the layer's name; backbone only.
    likeness
        Debiased linear CKA of each block's features of the validation pictures, 1 where they are the same but for rotation and scale.
    before, after
        Validation accuracy of a linear probe on each block.
    n_validation
        Pictures that the probes were judged on.
    """

    weights: dict[str, float]
    likeness: dict[str, float]
    before: dict[str, float]
    after: dict[str, float]
    n_validation: int


@kept
def changes(store_uri: str, run_ids: list[str]) -> Changes:
    """Return what moved from one run to the other, or from the pretrained network to a run alone; worker only.

    Parameters
    ----------
    store_uri, run_ids
        One run, or two of the same pictures, width and image size.

    Raises
    ------
    RunError, DataError, WeightsError
        When a run kept no model, or its images or pretrained weights are gone.
    """
    opened = sides(store_uri, run_ids)
    before = opened[0].network if len(opened) > 1 else network_before(opened[0].run)
    after, dataset = opened[-1].network, opened[-1].dataset
    train, validation = (features.of_split([before, after], split) for split in (dataset.train, dataset.validation))
    labels = dataset.train.labels[train[0].rows], dataset.validation.labels[validation[0].rows]
    reached = [_probes(t, v, *labels) for t, v in zip(train, validation, strict=True)]
    alike = {b: cka(validation[0].blocks[b], validation[1].blocks[b]) for b in validation[0].blocks}
    return Changes(moved(before, after), alike, reached[0], reached[1], len(labels[1]))


def moved(before: Network, after: Network) -> dict[str, float]:
    """Return how far each backbone layer's weights went: the length of the difference over that of the first."""
    return {
        layer.name: _distance(before.weights[layer.name], after.weights[layer.name])
        for layer in before.table
        if layer.parameters
    }


def _distance(before: list[np.ndarray], after: list[np.ndarray]) -> float:
    a, b = (np.concatenate([w.ravel() for w in weights]) for weights in (before, after))
    return float(np.linalg.norm(b - a)) / max(float(np.linalg.norm(a)), 1e-12)


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Return the debiased linear CKA of two sets of features of the same pictures: 1 alike, about 0 unrelated.

    Parameters
    ----------
    x, y
        Shapes (n, width_x) and (n, width_y), n at least 4.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton, "Similarity of neural network representations revisited", ICML 2019. Song et al., "Feature
    selection via dependence maximization", JMLR 2012 (the unbiased estimate, without which few pictures make anything look alike).
    """
    a, b = _without_diagonal(x), _without_diagonal(y)
    scale = math.sqrt(max(_hsic(a, a), 0.0) * max(_hsic(b, b), 0.0))
    return float(_hsic(a, b) / scale) if scale > 0 else 0.0


def _without_diagonal(x: np.ndarray) -> np.ndarray:
    centred = (x - x.mean(0)).astype(np.float64)
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0)
    return gram


def _hsic(a: np.ndarray, b: np.ndarray) -> float:
    """Return the unbiased estimate from two Gram matrices without diagonals, shape (n, n), but for a factor of n alone."""
    n = len(a)
    whole = a.sum() * b.sum() / ((n - 1) * (n - 2))
    return float((a * b).sum() + whole - 2 / (n - 2) * (a.sum(0) @ b.sum(0)))


def _probes(train: features.Features, validation: features.Features, labels: np.ndarray, wanted: np.ndarray) -> dict[str, float]:  # fmt: skip
    return {block: probe(train.blocks[block], labels, validation.blocks[block], wanted) for block in train.blocks}


def probe(train: np.ndarray, labels: np.ndarray, validation: np.ndarray, wanted: np.ndarray) -> float:
    """Return the validation accuracy of a linear classifier on features; its penalty is chosen by leave-one-out on the training pictures.

    References
    ----------
    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016, arXiv:1610.01644.
    """
    from sklearn.linear_model import RidgeClassifierCV

    known, new = standardised(train, validation)
    classifier = RidgeClassifierCV(alphas=PENALTIES, class_weight="balanced")
    return float(classifier.fit(known, labels).score(new, wanted))


def probes_before_training(experiment_json: str) -> tuple[dict[str, float], int]:
    """Return what a probe on each block of the pretrained network reaches, and on how many pictures; worker only.

    Raises
    ------
    DataError, WeightsError
        When the images or the weights cannot be had.
    """
    from core.network import backbone

    x = Experiment.from_json(experiment_json)
    dataset: Dataset = data.load(x.data, x.backbone.size)
    network = Network(backbone.build(x.backbone, x.training.seed), [], x.backbone)
    train, validation = (features.of_split([network], split)[0] for split in (dataset.train, dataset.validation))
    labels = dataset.train.labels[train.rows], dataset.validation.labels[validation.rows]
    return _probes(train, validation, *labels), len(labels[1])


def forecast(reached: dict[str, float], n_validation: int, table: LayerTable) -> int:
    """Return how many last layers to thaw by the probes alone: those after the first block within a standard error of the best.

    What a linear probe reads off that block is there already; the layers after it were made for other pictures and do not add to it.

    Parameters
    ----------
    reached
        Accuracy of the probe on each block, from input to output.
    n_validation
        Pictures that the probes were judged on.
    table
        The backbone's layers.
    """
    best = max(reached.values())
    error = np.sqrt(max(best * (1 - best), 1 / (4 * n_validation)) / n_validation)
    first = next(block for block, accuracy in reached.items() if accuracy >= best - error)
    return N_LAYERS - 1 - block_ends(table)[first]
