"""Where Thaw keeps what must survive a restart, and how files get there whole."""

import os
import uuid
from pathlib import Path

DATA_DIR_VARIABLE = "THAW_DATA_DIR"


def data_dir() -> Path:
    """Return the folder that holds data sets, activations, weights and runs, creating it if needed.

    Returns
    -------
    Path
        ``$THAW_DATA_DIR``, or ``.data`` beside ``app.py`` where the variable is not set.
    """
    root = os.environ.get(DATA_DIR_VARIABLE)
    path = Path(root).expanduser() if root else Path(__file__).resolve().parent.parent / ".data"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def subdir(name: str) -> Path:
    """Return the folder ``name`` below :func:`data_dir`, creating it if needed."""
    path = data_dir() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def partial(target: Path) -> Path:
    """Return a name of its own beside ``target``, to be written and then renamed, so that a reader sees all of it or nothing."""
    return target.with_name(f"{target.stem}.{uuid.uuid4().hex}.partial{target.suffix}")


def reserve(path: Path) -> None:
    """Claim the disk space of a file now: writing to a memory map on a full disk ends the process instead of raising.

    Raises
    ------
    OSError
        When the disk has no room for it.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
