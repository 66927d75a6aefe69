"""Try it: what saved models answer to any picture, and which training pictures look most alike to them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.decode import read_at, read_picture
from core.insight import features
from core.insight.side import Side, network, sides, store_at


@dataclass(frozen=True)
class Neighbours:
    """The training pictures whose features point most in the direction of a picture's.

    Attributes
    ----------
    rows
        Rows of the source's array, shape (k,), the most similar first.
    labels
        Their classes, shape (k,).
    similarities
        Cosine of the angle between the features, shape (k,).
    """

    rows: np.ndarray
    labels: np.ndarray
    similarities: np.ndarray


def at_sizes(picture: Path | np.ndarray, sizes: Sequence[int]) -> dict[int, np.ndarray]:
    """Return a picture as the networks get it: decoded, turned upright and stretched exactly as training pictures are.

    Parameters
    ----------
    picture
        A file, or uint8 RGB of shape (height, width, 3).
    sizes
        Pixels a side, one for each network's image size.

    Raises
    ------
    core.data.decode.UnusableImage
        When it cannot be used; the text is the reason.
    """
    wanted = list(dict.fromkeys(sizes))
    return dict(zip(wanted, read_at(picture, wanted), strict=True))


def from_bytes(content: bytes, sizes: Sequence[int]) -> dict[int, np.ndarray]:
    """Return the picture that a file's content holds; otherwise as :func:`at_sizes`."""
    with _as_file(content) as file:
        return at_sizes(file, sizes)


def whole(content: bytes) -> np.ndarray:
    """Return the picture that a file's content holds as it is, uint8 RGB; raises as :func:`at_sizes`."""
    with _as_file(content) as file:
        return read_picture(file)


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        file.write_bytes(content)
        yield file


def answers(store_uri: str, run_ids: list[str], pictures: dict[int, np.ndarray]) -> list[np.ndarray]:
    """Return what each run's model answers; worker only.

    Parameters
    ----------
    store_uri, run_ids
        Finished runs.
    pictures
        For each image size that occurs, uint8 of shape (n, size, size, 3).

    Returns
    -------
    list of ndarray
        float32 of shape (n, n_classes), one a run.

    Raises
    ------
    RunError
        When a run kept no model.
    """
    store = store_at(store_uri)
    runs = [store.get(run_id) for run_id in run_ids]
    return [network(store, run).probabilities(pictures[run.experiment.backbone.size]) for run in runs]


def neighbours(
    store_uri: str, run_ids: list[str], pictures: dict[int, np.ndarray], k: int = 5
) -> list[list[Neighbours]]:
    """Return the most similar training pictures of each picture, for each run; worker only. Arguments as for :func:`answers`."""
    return [_nearest(side, pictures[side.dataset.size], k) for side in sides(store_uri, run_ids)]


def _nearest(side: Side, pictures: np.ndarray, k: int) -> list[Neighbours]:
    train = side.dataset.train
    known = features.of_split([side.network], train)[0]
    wanted = features.of_pictures(side.network, pictures)
    return [_most_alike(row, known, train, k) for row in unit(wanted) @ unit(known.last).T]


def _most_alike(cosines: np.ndarray, known: features.Features, train, k: int) -> Neighbours:
    at = np.argsort(-cosines)[:k]
    rows = known.rows[at]
    return Neighbours(train.indices[rows], train.labels[rows], cosines[at])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of shape (n, width) scaled to length 1; zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
