"""Without these pictures: which training pictures help and which harm, exactly for a ridge head on the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.insight import features
from core.insight.kept import kept
from core.insight.side import network_before, sides
from core.statistics import standardised

RIDGE = 1.0  # weight of the penalty, in units of the mean squared length of a standardised feature vector


@dataclass(frozen=True)
class Influence:
    """What leaving out each training picture does to the validation pictures.

    Attributes
    ----------
    rows
        Positions in the training split, shape (n,).
    helps
        By how much the mean squared error of the validation scores grows without the picture, as a share of that error, shape (n,);
        negative: the validation pictures are answered better without it.
    """

    rows: np.ndarray
    helps: np.ndarray

    def strongest(self, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions in ``rows`` of the pictures that help most and of those that harm most, strongest first."""
        order = np.argsort(self.helps)
        harm = order[:n]
        return order[::-1][:n], harm[self.helps[harm] < 0]


@kept
def of_training_pictures(store_uri: str, run_ids: list[str]) -> Influence:
    """Return the influence of each training picture of a run, on the features that its training began from; worker only.

    Parameters
    ----------
    store_uri, run_ids
        One run.

    Raises
    ------
    RunError, DataError, WeightsError
        When the run kept no model, or its images or pretrained weights are gone.
    """
    side = sides(store_uri, run_ids)[0]
    network, dataset = network_before(side.run), side.dataset
    train, validation = (features.of_split([network], split)[0] for split in (dataset.train, dataset.validation))
    labels = dataset.train.labels[train.rows], dataset.validation.labels[validation.rows]
    return Influence(train.rows, leave_one_out(train.last, labels[0], validation.last, labels[1], len(dataset.class_names)))  # fmt: skip


def leave_one_out(train: np.ndarray, labels: np.ndarray, validation: np.ndarray, wanted: np.ndarray, n_classes: int) -> np.ndarray:  # fmt: skip
    """Return by how much the validation error grows without each training picture, as a share of it, shape (n,).

    Parameters
    ----------
    train, labels
        Features (n, width) and classes (n,).
    validation, wanted
        The same of the validation pictures.
    n_classes
        Number of classes.

    References
    ----------
    Cook, "Detection of influential observation in linear regression", Technometrics 1977: what fits without each observation predict
    follows from the one fit with all, without approximation.
    """
    inner, across = kernels(train, validation)
    inverse = np.linalg.inv(inner + RIDGE * np.eye(len(train)))
    targets, truth = np.eye(n_classes)[labels], np.eye(n_classes)[wanted]
    dual = inverse @ targets
    errors = across @ dual - truth
    direction, step = (
        across @ inverse,
        dual / np.diag(inverse)[:, None],
    )  # scores without i: scores - direction_i * step_i
    squares = (errors**2).sum()
    without = squares - 2 * ((errors.T @ direction) * step.T).sum(0) + (direction**2).sum(0) * (step**2).sum(1)
    return without / squares - 1


def kernels(train: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear kernels among training pictures (n, n) and from validation to training pictures (m, n), with a constant."""
    x, y = standardised(train, validation)
    length = (x**2).sum(1).mean() + 1e-12
    return x @ x.T / length + 1, y @ x.T / length + 1
