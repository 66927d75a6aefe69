"""A collection: named, labelled pictures before they are decoded at a size."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

Progress = Callable[[str, float], object]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class HealthNote:
    """One thing to know about a data set; ``severity`` is ``problem``, ``warning`` or ``info``."""

    code: str
    severity: str
    title: str
    text: str
    names: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Collection:
    """Pictures of one source.

    Attributes
    ----------
    key
        Identifies the content; the same pictures in the same order have the same key.
    labels
        Positions in ``class_names``, int64 of shape (n,).
    given
        The split each picture came with (``train``, ``validation``, ``test``), or None where it is ours to choose.
    pictures
        One file or one uint8 RGB array a picture.
    notes
        What was noticed while the source was read: labels found, classes lost.
    removed
        Rows that a person left out: still decoded, so that taking them back costs nothing, and in no split.
    added
        How many rows at the end a person added.
    """

    key: str
    title: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    given: tuple[str | None, ...]
    pictures: tuple[Path | np.ndarray, ...]
    rejected: tuple[Rejected, ...] = field(default=())
    notes: tuple[HealthNote, ...] = ()
    removed: tuple[int, ...] = ()
    added: int = 0


def size_range(collection: Collection, n: int = 400) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (width, height) of the smallest and of the largest picture, by area, of at most ``n`` spread over the source."""
    chosen = collection.pictures[:: max(1, len(collection.pictures) // n)]
    sizes = [_size(picture) for picture in chosen]
    return min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])


def _size(picture: Path | np.ndarray) -> tuple[int, int]:
    if isinstance(picture, np.ndarray):
        return picture.shape[1], picture.shape[0]
    with Image.open(picture) as image:
        return image.size


def no_progress(_what: str, _share: float) -> None:
    """Report progress to nobody."""
