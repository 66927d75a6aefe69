"""Where Thaw keeps what must survive a restart, and how files get there whole."""

import os
import uuid
from pathlib import Path

DATA_DIR_VARIABLE = "THAW_DATA_DIR"
ROOT_VARIABLE = "THAW_IMAGE_ROOT"
_restricted = False


def data_dir() -> Path:
    """Return the folder that holds data sets, activations, weights and runs, creating it if needed.

    Returns
    -------
    Path
        ``$THAW_DATA_DIR``, or ``.data`` beside ``app.py`` where the variable is not set.
    """
    root = os.environ.get(DATA_DIR_VARIABLE)
    path = Path(root).expanduser() if root else Path(__file__).resolve().parent.parent / ".data"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def subdir(name: str) -> Path:
    """Return the folder ``name`` below :func:`data_dir`, creating it if needed."""
    path = data_dir() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def server_root() -> Path | None:
    """Return the folder below which people may open folders on the server (``$THAW_IMAGE_ROOT``); None when none is configured."""
    root = os.environ.get(ROOT_VARIABLE)
    return Path(root).expanduser().resolve() if root else None


def restrict() -> None:
    """Let this process open only what :func:`is_open` allows: it carries out what strangers ask for.

    Page server and workers call it. In a notebook or on the command line whoever names a path may read it anyway.
    """
    global _restricted
    _restricted = True


def is_open(path: Path) -> bool:
    """Tell whether a path that an experiment names may be read: below the data directory or ``$THAW_IMAGE_ROOT``, links followed."""
    if not _restricted:
        return True
    try:
        real = path.expanduser().resolve()
    except (OSError, ValueError, RuntimeError):  # a zero byte, a loop of links, no home
        return False
    return any(real.is_relative_to(root) for root in (data_dir(), server_root()) if root)


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
