"""A collection: named, labelled pictures before they are decoded at a size."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Progress = Callable[[str, float], None]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    name: str
    reason: str


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
    """

    key: str
    title: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    given: tuple[str | None, ...]
    pictures: tuple[Path | np.ndarray, ...]
    rejected: tuple[Rejected, ...] = field(default=())


def no_progress(_what: str, _share: float) -> None:
    """Report progress to nobody."""
