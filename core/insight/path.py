"""The path between two runs with a common start: what the weights in between reach, and one of them kept as a model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from core.data import Split
from core.evaluation import Evaluation, Predictions
from core.insight.kept import kept
from core.insight.network import Network, first_difference
from core.insight.side import load, sides, store_at
from core.runs import Run
from core.statistics import mean_interval
from core.words import signed

SHARES = np.linspace(0, 1, 11)
CONDITIONS = ("as they are", "darkened", "blurred", "rotated", "noisy")
MOST_PICTURES = 200
MEMORY = 400 * 2**20  # bytes for what the frozen part makes of the pictures
TOGETHER = 2**24  # bytes of it that pass through the rest at once
FOLDS = 10


@dataclass(frozen=True)
class Gain:
    """By how much the best point between beats the better end, judged on pictures that did not choose it.

    Attributes
    ----------
    value, low, high
        Difference of the accuracies with its 95% interval.
    share
        The best point of all pictures: 0 is before, 1 is after.
    """

    value: float
    low: float
    high: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether the point between is surely better."""
        return self.low > 0


@dataclass(frozen=True)
class Path:
    """What eleven mixtures of two runs' weights reach on the validation pictures.

    Attributes
    ----------
    accuracy, loss
        Shape (5, 11): a row a condition, a column a share of the second run; cross-entropy in nats.
    gains
        For each condition, what the best point between brings.
    n
        Validation pictures that were looked at.
    layers
        Names of the layers whose weights differ.
    """

    accuracy: np.ndarray
    loss: np.ndarray
    gains: tuple[Gain, ...]
    n: int
    layers: tuple[str, ...]


def obstacle(before: Run, after: Run, same_classes: bool) -> str:
    """Return why there is no path between two runs; empty where there is one."""
    a, b = before.experiment, after.experiment
    if a.backbone != b.backbone:
        return "The two networks are of different width, image size or weights: no weights lie between them."
    if a.head != b.head or not same_classes:
        return "The two heads have different shapes, so their weights cannot be mixed. Train both with the same head and classes."
    if not common_start(before, after):
        return "The two runs began with different heads, and between different heads lies nothing useful. Continue the second run from the first one, or give both the same seed."
    return ""


def common_start(before: Run, after: Run) -> bool:
    """Tell whether both runs began with the same weights, or the second with what the first ended with."""
    a, b = before.experiment, after.experiment
    if getattr(b, "start", None) == a:
        return True
    stages = [getattr(x, "earlier", ()) for x in (a, b)]
    return a.training.seed == b.training.seed and stages[0] == stages[1]


@kept
def along(store_uri: str, run_ids: list[str]) -> Path:
    """Return what the mixtures of two runs' weights reach; worker only.

    Parameters
    ----------
    store_uri, run_ids
        Two runs between which :func:`obstacle` sees none.

    Raises
    ------
    RunError, DataError
        When a run kept no model, or its images are gone.

    References
    ----------
    Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    before, after = sides(store_uri, run_ids)
    a, b, split = before.network, after.network, after.dataset.validation
    start = first_difference(a, b)
    rows, values = _at_fork(a, start, split)
    labels = split.labels[rows]
    mixtures = (b.mixed(mixed_weights(a, b, float(share))) for share in SHARES)
    judged = np.stack([_judged(mixed, start, values, labels) for mixed in mixtures], 1)
    losses, right = judged[..., 0], judged[..., 1]  # a condition, a share, a picture
    gains = tuple(gain(losses[c], right[c]) for c in range(len(CONDITIONS)))
    names = tuple(name for name in a.weights if _differ(a.weights[name], b.weights[name]))
    return Path(right.mean(2), losses.mean(2), gains, len(rows), names)


def _differ(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def _at_fork(network: Network, start: int, split: Split) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Return positions of pictures, and for each condition what the layers that agree make of them."""
    one = network.walk(network.enter(np.zeros((1, *split.source.shape[1:]), np.float32)), 1, start)
    n = int(min(len(split), MOST_PICTURES, max(20, MEMORY // (len(CONDITIONS) * _bytes(one)))))
    rows = np.linspace(0, len(split) - 1, n).astype(int)
    images = np.asarray(split.source[split.indices[rows]])
    return rows, [_walked(network, under(condition, images), start) for condition in CONDITIONS]


def _bytes(values: dict[str, Any]) -> int:
    return sum(int(np.prod(v.shape)) * 4 for v in values.values())


def _walked(network: Network, images: np.ndarray, start: int) -> dict[str, Any]:
    """Return the outputs before position ``start`` of all pictures, by layer name."""
    with ThreadPoolExecutor() as pool:
        parts = list(
            pool.map(lambda part: network.walk(network.enter(images[part]), 1, start), network.batches(len(images)))
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def under(condition: str, images: np.ndarray) -> np.ndarray:
    """Return pictures changed as one of :data:`CONDITIONS` says, uint8 of the same shape.

    Darkened to half; blurred by 1/64 of the side; rotated by 20 degrees, the corners filled with the mean colour; noise of 25 grey levels.
    """
    if condition == "darkened":
        return (images * 0.5).astype(np.uint8)
    if condition == "noisy":
        noise = 25 * np.random.default_rng(0).standard_normal(images.shape, np.float32)
        return np.clip(images + noise, 0, 255).astype(np.uint8)
    change = {"blurred": _blurred, "rotated": _rotated}.get(condition)
    return np.stack([np.asarray(change(Image.fromarray(image))) for image in images]) if change else images


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(image.width / 64))


def _rotated(image: Image.Image) -> Image.Image:
    mean = tuple(int(c) for c in np.asarray(image).mean((0, 1)))
    return image.rotate(20, Image.Resampling.BILINEAR, fillcolor=mean)


def mixed_weights(a: Network, b: Network, share: float) -> dict[str, list[np.ndarray]]:
    """Return (1 - share) * a + share * b for the layers whose weights differ."""
    return {
        name: [
            ((1 - share) * x + share * y).astype(x.dtype) for x, y in zip(a.weights[name], b.weights[name], strict=True)
        ]
        for name in a.weights
        if _differ(a.weights[name], b.weights[name])
    }


def _judged(network: Network, start: int, conditions: list[dict[str, Any]], labels: np.ndarray) -> np.ndarray:
    """Return cross-entropy and whether the answer is right for each condition and picture, shape (5, n, 2)."""
    import tensorflow as tf

    n, found = len(labels), []
    size = max(1, TOGETHER * n // _bytes(conditions[0]))
    for values in conditions:
        parts = [{name: v[at : at + size] for name, v in values.items()} for at in range(0, n, size)]
        scores = np.concatenate([tf.nn.softmax(network.answer_from(part, start)) for part in parts])
        own = scores[np.arange(n), labels]
        found.append(np.stack([-np.log(np.clip(own, 1e-7, 1)), scores.argmax(1) == labels], 1))
    return np.stack(found)


def gain(losses: np.ndarray, right: np.ndarray) -> Gain:
    """Return what the best point between brings over the better end.

    The picture that judges has no say in the choice: points are chosen by the loss on the other nine tenths of the pictures.

    Parameters
    ----------
    losses, right
        Shape (11, n): cross-entropy, and 1 where the answer is right.
    """
    n = losses.shape[1]
    fold = np.random.default_rng(0).permutation(n) % FOLDS
    differences = np.zeros(n)
    for k in range(min(FOLDS, n)):
        means = losses[:, fold != k].mean(1) if (fold != k).any() else losses.mean(1)
        between, end = 1 + int(means[1:-1].argmin()), (0, len(means) - 1)[int(means[-1] < means[0])]
        differences[fold == k] = right[between, fold == k] - right[end, fold == k]
    best = 1 + int(losses.mean(1)[1:-1].argmin())
    return Gain(*mean_interval(differences), float(SHARES[best]))


def told(found: Path) -> str:
    """Say whether a point between beats both ends, and by how much."""
    best = found.gains[0]
    gain = f"{signed(100 * best.value)} points ({signed(100 * best.low)} to {signed(100 * best.high)})"
    if best.sure:
        return f"A point between is surely better than either run: {gain}, at {best.share:.0%} of the way."
    if best.low == best.value == best.high == 0:
        return "No point between is better than the better run: the best of them gets the same pictures right."
    return f"No point between is surely better than the better run: {gain} for the best one."


def keep(store_uri: str, run_ids: list[str], share: float, name: str) -> str:
    """Keep a mixture of two runs as a run of its own, with its model and its answers on every split; worker only.

    Returns
    -------
    str
        The new run's id.
    """
    before, after = sides(store_uri, run_ids)
    model = load(store_at(store_uri), after.run)
    mixed = Network.opened(model, after.run.experiment.backbone)
    mixed.set_weights(mixed_weights(before.network, after.network, share))
    splits = {
        n: Predictions(s.labels, mixed.probabilities(s.images), s.names, s.indices)
        for n, s in after.dataset.splits.items()
    }
    made = f"Not trained: weights {1 - share:.0%} “{before.run.name or before.run.id}” and {share:.0%} “{after.run.name or after.run.id}”."
    store = store_at(store_uri)
    run_id = store.create(after.run.experiment, name=name, baseline_id=after.run.id)
    store.save_evaluation(run_id, Evaluation(after.dataset.class_names, splits))
    store.save_model(run_id, model)
    store.set_note(run_id, made)
    store.finish(run_id, "finished", message=made)
    return run_id
