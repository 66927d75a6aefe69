"""Where it looks: heat maps of what an answer rests on, with a test of their honesty beside each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.insight.kept import kept
from core.insight.network import Network
from core.insight.side import Side, network, sides, store_at

DEPTHS = ("out_relu", "block_12_add", "block_5_add", "block_2_add")  # the last layer at each resolution of the network
ENOUGH_CELLS = 6  # below it a map is a few blotches: 96 pixels leave 3 x 3 at the end
COVERED = 0.2  # share of the picture that is covered to test a map
RANDOM_COVERS = 5
MOST_PICTURES = 60


@dataclass(frozen=True)
class Heat:
    """A heat map of one picture.

    Attributes
    ----------
    cells
        How much each place speaks for the class (negative: against it), shape (side, side); its layer's resolution.
    target
        The class it is about.
    probability
        That class's probability on the whole picture.
    lost, lost_at_random
        Share of the probability that goes when the hottest fifth of the picture is covered, and when a random fifth is (the mean of several).
    """

    cells: np.ndarray
    target: int
    probability: float
    lost: float
    lost_at_random: float


@dataclass(frozen=True)
class SplitHeat:
    """Heat maps of a whole split.

    Attributes
    ----------
    rows
        Positions in the split of the pictures that were looked at, shape (n,).
    shares
        What share of the heat for its true class lies where, shape (n, side, side); each map sums to 1.
    lost, lost_at_random
        As in :class:`Heat`, for each picture, shape (n,).
    """

    rows: np.ndarray
    labels: np.ndarray
    shares: np.ndarray
    lost: np.ndarray
    lost_at_random: np.ndarray

    def mean(self, label: int) -> np.ndarray:
        """Return the mean map of a class, shape (side, side); zeros where none of its pictures was looked at."""
        mine = self.shares[self.labels == label]
        return mine.mean(0) if len(mine) else np.zeros(self.shares.shape[1:])


def default_depth(size: int) -> str:
    """Return the last layer whose maps have enough cells at this image size."""
    return next((d for d in DEPTHS if cells_at(d, size) >= ENOUGH_CELLS), DEPTHS[-1])


def cells_at(depth: str, size: int) -> int:
    """Return how many cells a side a layer's maps have."""
    return size // {"out_relu": 32, "block_12_add": 16, "block_5_add": 8, "block_2_add": 4}[depth]


def cells(network: Network, images: np.ndarray, targets: np.ndarray, depth: str) -> np.ndarray:
    """Return how much each place speaks for the target classes.

    At the last layer HiResCAM: gradient times activation, summed over channels, which for a head of one dense layer adds up to the score
    without its bias. At finer layers LayerCAM: only gradients that speak for the class are counted, since there the others are noise.

    Parameters
    ----------
    network
        With a head.
    images
        0..255, shape (n, size, size, 3).
    targets
        A class a picture, int of shape (n,).
    depth
        One of :data:`DEPTHS`.

    Returns
    -------
    ndarray
        float32 of shape (n, side, side).

    References
    ----------
    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020, arXiv:2011.08891.
    Jiang, Zhang, Hou, Cheng and Wei, "LayerCAM: exploring hierarchical class activation maps for localization", IEEE TIP 2021.
    """
    parts = [_cells(network, images[part], targets[part], depth) for part in network.batches(len(images))]
    return np.concatenate(parts)


def _cells(network: Network, images: np.ndarray, targets: np.ndarray, depth: str) -> np.ndarray:
    import tensorflow as tf

    position = next(layer.index for layer in network.table if layer.name == depth)
    values = network.walk(network.enter(images), 1, position + 1)
    with tf.GradientTape() as tape:
        tape.watch(values[depth])
        score = tf.reduce_sum(tf.gather(network.answer_from(values, position + 1), targets, batch_dims=1))
    gradient = tape.gradient(score, values[depth])
    if depth != DEPTHS[0]:
        gradient = tf.nn.relu(gradient)
    return tf.reduce_sum(gradient * values[depth], -1).numpy()


def covered(image: np.ndarray, heat: np.ndarray, share: float = COVERED) -> np.ndarray:
    """Return a picture whose hottest part is painted over with the picture's mean colour.

    Parameters
    ----------
    image
        Shape (size, size, 3).
    heat
        Cells, shape (side, side); scaled up smoothly.
    share
        Of the picture that is painted over, 0 to 1.
    """
    smooth = scaled_up(heat, len(image))
    hottest = np.argsort(-smooth, axis=None, kind="stable")[: round(share * smooth.size)]
    painted = image.astype(np.float32).reshape(-1, 3)
    painted[hottest] = image.mean((0, 1))
    return painted.reshape(image.shape)


def scaled_up(heat: np.ndarray, size: int) -> np.ndarray:
    """Return cells scaled up to so many pixels a side, smoothly."""
    return np.asarray(Image.fromarray(heat.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC))


def _elsewhere(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the same cells in another order: a cover as patchy as the true one, at random."""
    return rng.permutation(heat.ravel()).reshape(heat.shape)


def _losses(network: Network, images: np.ndarray, heat: np.ndarray, targets: np.ndarray, covers: int) -> np.ndarray:
    """Return, for each picture, the target's probability, the share lost under the hottest fifth, and under a random fifth."""
    rng = np.random.default_rng(0)
    shown = [
        [image, covered(image, h), *(covered(image, _elsewhere(h, rng)) for _ in range(covers))]
        for image, h in zip(images, heat, strict=True)
    ]
    answers = network.probabilities(np.concatenate(shown)).reshape(len(images), covers + 2, -1)
    own = np.take_along_axis(answers, targets[:, None, None], 2)[..., 0]
    lost = 1 - own[:, 1:] / np.maximum(own[:, :1], 1e-12)
    return np.stack([own[:, 0], lost[:, 0], lost[:, 1:].mean(1)], 1)


def look(
    store_uri: str, run_ids: list[str], pictures: dict[int, np.ndarray], target: int | None, depth: str
) -> list[Heat]:
    """Return where each run's model looks on one picture; worker only.

    Parameters
    ----------
    pictures
        For each image size that occurs, uint8 of shape (1, size, size, 3).
    target
        The class to explain; None for what each model answers.
    depth
        One of :data:`DEPTHS`.

    Raises
    ------
    RunError
        When a run kept no model.
    """
    store = store_at(store_uri)
    runs = [store.get(run_id) for run_id in run_ids]
    return [
        _look(network(store, run), pictures[run.experiment.backbone.size].astype(np.float32), target, depth)
        for run in runs
    ]


def _look(opened: Network, image: np.ndarray, target: int | None, depth: str) -> Heat:
    chosen = int(opened.probabilities(image).argmax()) if target is None else target
    targets = np.array([chosen])
    heat = cells(opened, image, targets, depth)
    probability, lost, at_random = _losses(opened, image, heat, targets, RANDOM_COVERS)[0]
    return Heat(heat[0], chosen, float(probability), float(lost), float(at_random))


@kept
def look_at_split(store_uri: str, run_ids: list[str], depth: str, split: str = "validation") -> list[SplitHeat]:
    """Return where each run's model looks for the true class, over (a sample of) a split; worker only.

    Raises
    ------
    RunError, DataError
        When a run kept no model, or its images are gone.
    """
    return [_look_at_split(side, depth, split) for side in sides(store_uri, run_ids)]


def _look_at_split(side: Side, depth: str, name: str) -> SplitHeat:
    split = side.dataset.splits[name]
    rows = np.linspace(0, len(split) - 1, min(MOST_PICTURES, len(split))).astype(int)
    images, labels = np.asarray(split.source[split.indices[rows]], np.float32), split.labels[rows]
    heat = cells(side.network, images, labels, depth)
    losses = _losses(side.network, images, heat, labels, 1)
    return SplitHeat(rows, labels, shares(heat), losses[:, 1], losses[:, 2])


def shares(heat: np.ndarray) -> np.ndarray:
    """Return what share of the heat that speaks for the class lies in each cell; maps of shape (n, side, side) that sum to 1."""
    warm = np.maximum(heat, 0)
    return warm / np.maximum(warm.sum((1, 2), keepdims=True), 1e-12)


def moved(before: SplitHeat, after: SplitHeat) -> np.ndarray:
    """Return which share of the heat lies elsewhere after than before, for each picture, shape (n,), 0 to 1."""
    return np.abs(after.shares - before.shares).sum((1, 2)) / 2
