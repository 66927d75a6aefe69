"""Files that are whole or not there: written aside, synchronised, sealed with a checksum and renamed."""

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import paths

BLOCK = 1 << 20
SAMPLES = 64  # blocks of a page that the quick check reads, first and last included
PAGE = 4096
SEAL_SUFFIX = ".seal"


def write(target: Path, fill: Callable[[Path], object]) -> None:
    """Make a file so that whoever looks sees all of it or nothing, also after a crash of the machine.

    Parameters
    ----------
    target
        The file; its folder is made where it is missing.
    fill
        Called with another name in the same folder, to be written there.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written to; ``target`` is then as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = paths.partial(target)
    try:
        fill(partial)
        publish(partial, target)
    finally:
        remove(partial)


def publish(partial: Path, target: Path) -> None:
    """Put a file that was written aside, complete, in its place, with its seal."""
    seal(partial)
    _seal(partial).replace(_seal(target))
    partial.replace(target)
    _synchronise(target.parent)


def seal(path: Path) -> None:
    """Put a complete file on the disk, and its length and checksums into a file beside it."""
    _synchronise(path)
    _seal(path).write_text(json.dumps(_described(path)))
    _synchronise(_seal(path))


def is_whole(path: Path) -> bool:
    """Tell whether a file is there as it was written.

    Length and sixty-four pages spread over the file are looked at once in a process; the whole of it only where its time of change is
    another than when it was sealed. A file without a seal comes from a version before them and is believed.
    """
    try:
        now = path.stat()
        return _checked(path, now.st_size, now.st_mtime_ns, _seal_time(path))
    except OSError:
        return False


def remove(path: Path) -> None:
    """Delete a file and its seal, where they are there."""
    path.unlink(missing_ok=True)
    _seal(path).unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write JSON as :func:`write` does."""
    write(path, lambda partial: partial.write_text(json.dumps(content), encoding="utf-8"))


def offer_json(path: Path, content: object) -> None:
    """Write JSON that can be made anew, where the disk has room for it."""
    with contextlib.suppress(OSError):
        write_json(path, content)


def read_json(path: Path) -> Any | None:
    """Return what :func:`write_json` wrote; None where it is not there, cut short, changed or no JSON."""
    if not is_whole(path):
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _seal(path: Path) -> Path:
    return path.with_name(path.name + SEAL_SUFFIX)


def _seal_time(path: Path) -> int:
    try:
        return _seal(path).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@lru_cache(maxsize=4096)
def _checked(path: Path, size: int, changed: int, _sealed: int) -> bool:
    try:
        note = json.loads(_seal(path).read_text())
        said = (note["bytes"], note["sample"], note["crc"], note["changed"])
    except FileNotFoundError:
        return size > 0
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if said[0] != size or said[1] != _sample(path, size):
        return False
    return said[3] == changed or said[2] == _crc(path)


def _described(path: Path) -> dict[str, Any]:
    now = path.stat()
    sample = _sample(path, now.st_size)
    return {"bytes": now.st_size, "sample": sample, "crc": _crc(path), "changed": now.st_mtime_ns}


def _sample(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    last = max(0, size - PAGE)
    with path.open("rb") as file:
        for i in range(SAMPLES):
            file.seek(last * i // (SAMPLES - 1))
            digest.update(file.read(PAGE))
            if size <= PAGE:
                break
    return digest.hexdigest()[:32]


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return value


def _synchronise(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk; not every system can do that for folders."""
    with contextlib.suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
