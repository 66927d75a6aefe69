"""Activations of the frozen part, kept on disk: computed once, shared by every run and every worker."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core import durable, mapped, paths
from core.errors import StorageError

LIMIT_VARIABLE = "THAW_ACTIVATIONS_GB"
DEFAULT_LIMIT_GB = 10.0
STALE_SECONDS = 3600.0
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Activations:
    """Memory-mapped outputs at the frontier, one float32 array of shape (n, …) a cut tensor."""

    arrays: tuple[np.ndarray, ...]
    reused: bool

    def rows(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the given rows of every array, in memory."""
        return [np.asarray(a[rows]) for a in self.arrays]

    @property
    def megabytes(self) -> float:
        """Size on disk."""
        return sum(a.nbytes for a in self.arrays) / 2**20


def key_of(*parts: object) -> str:
    """Return the name of an entry from everything its content depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def get(key: str) -> Activations | None:
    """Return a complete entry and mark it as used, or None."""
    folder = _home() / key
    try:
        count = int(durable.read_json(folder / "complete.json")["arrays"])  # type: ignore[index]
        files = [folder / f"{i}.npy" for i in range(count)]
        if not all(map(durable.is_whole, files)):
            return None
        arrays = tuple(np.load(file, mmap_mode="r") for file in files)
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Activations(arrays, reused=True)


def is_there(key: str) -> bool:
    """Return whether there is an entry, without looking into it or marking it as used."""
    return (_home() / key / "complete.json").exists()


def has_room(needed: int) -> bool:
    """Return whether so many bytes fit under the limit and on the disk beside everything that is there."""
    used = sum(size for _, size, _ in _entries())
    return used + needed <= _limit() and needed < shutil.disk_usage(_home()).free


def get_or_compute(
    key: str, shapes: list[tuple[int, ...]], blocks: Callable[[], Iterable[list[np.ndarray]]]
) -> Activations:
    """Return the entry ``key``, computing and keeping it when it is not there.

    Written beside and renamed when complete, so that a kill in the middle leaves nothing half-done, and two workers that compute
    the same entry do not disturb each other.

    Parameters
    ----------
    key
        From :func:`key_of`.
    shapes
        Shape of each array, first the number of images.
    blocks
        Gives consecutive rows of every array.

    Raises
    ------
    ValueError
        When ``blocks`` gives another number of rows than ``shapes`` says.
    StorageError
        When the disk has no room for them, even without the entries used longest ago.
    """
    found = get(key)
    if found:
        return found
    needed = sum(4 * int(np.prod(s, dtype=np.int64)) for s in shapes)
    make_room(needed)
    with _disk_with_room_for(needed):
        staging = Path(tempfile.mkdtemp(prefix=f"incoming-{os.getpid()}-", dir=_home()))
        try:
            _write(staging, shapes, blocks())
            _publish(staging, _home() / key)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    made = get(key)
    if made is None:
        raise OSError("activations vanished while they were written")
    return Activations(made.arrays, reused=False)


def _publish(staging: Path, folder: Path) -> None:
    """Put a complete entry in its place; one that another worker put there meanwhile stays, a damaged one does not."""
    if folder.exists() and get(folder.name) is None:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # another worker was faster: theirs is the same
        staging.rename(folder)


@contextlib.contextmanager
def _disk_with_room_for(needed: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise StorageError(
            f"There is no room on disk for {needed / 2**20:,.1f} MB of frozen features. Free some space in Thaw's data folder, "
            "or use fewer or smaller images, or fewer augmented views."
        ) from error


def _write(folder: Path, shapes: list[tuple[int, ...]], blocks: Iterable[list[np.ndarray]]) -> None:
    out = [np.lib.format.open_memmap(folder / f"{i}.npy", "w+", np.float32, s) for i, s in enumerate(shapes)]
    for i in range(len(out)):
        paths.reserve(folder / f"{i}.npy")
    row = 0
    for block in blocks:
        n = len(block[0])
        for array, values in zip(out, block, strict=True):
            array[row : row + n] = values
            if row % mapped.ROWS < n:
                mapped.release(array)
        row += n
    if row != shapes[0][0]:
        raise ValueError(f"{row} of {shapes[0][0]} rows were computed")
    for i, array in enumerate(out):
        array.flush()
        durable.seal(folder / f"{i}.npy")
    durable.write_json(folder / "complete.json", {"arrays": len(shapes), "rows": row})


def make_room(needed: int, limit: float | None = None) -> None:
    """Remove the entries used longest ago until ``needed`` more bytes fit under the limit and on the disk; remove what a kill left behind.

    Parameters
    ----------
    needed
        Bytes about to be written.
    limit
        Bytes; ``$THAW_ACTIVATIONS_GB`` gigabytes by default (10).

    Raises
    ------
    StorageError
        When ``$THAW_ACTIVATIONS_GB`` is no number.
    """
    limit = limit if limit is not None else _limit()
    for folder in _home().glob("incoming-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    entries = sorted(_entries(), key=lambda e: e[0])
    used = sum(size for _, size, _ in entries)
    on_disk = used + shutil.disk_usage(_home()).free
    if needed > on_disk:  # it will be refused: removing everything would not help
        return
    limit = min(limit, on_disk)
    for _, size, folder in entries:
        if used + needed <= limit:
            break
        shutil.rmtree(folder, ignore_errors=True)
        used -= size


def _limit() -> float:
    asked = os.environ.get(LIMIT_VARIABLE, DEFAULT_LIMIT_GB)
    try:
        return float(asked) * 2**30
    except ValueError:
        raise StorageError(f"{LIMIT_VARIABLE} is {asked!r}; set it to a number of gigabytes, such as 10.") from None


def _entries() -> list[tuple[float, int, Path]]:
    found = []
    for note in _home().glob("*/complete.json"):
        with contextlib.suppress(OSError):
            size = sum(f.stat().st_size for f in note.parent.iterdir())
            found.append((note.parent.stat().st_mtime, size, note.parent))
    return found


def _home() -> Path:
    return paths.subdir("activations")
