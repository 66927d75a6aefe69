"""What went wrong, for whoever runs Thaw: a log in the data directory, and a number that leads from a page to its lines."""

import logging
import logging.handlers
import uuid
from pathlib import Path

from core import paths

MEGABYTES, KEPT = 2, 5
NAME = "thaw"


def folder() -> Path:
    """Return where the logs are."""
    return paths.subdir("logs")


def set_up(process: str) -> Path:
    """Write this process's warnings and errors into ``logs/<process>.log``, which begins anew every 2 MB; five older ones are kept."""
    path = folder() / f"{process}.log"
    root = logging.getLogger()
    if not any(getattr(handler, "baseFilename", "") == str(path) for handler in root.handlers):
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=MEGABYTES * 10**6, backupCount=KEPT, encoding="utf-8", errors="backslashreplace"
        )
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    return path


def warn(text: str) -> None:
    """Write a line for whoever runs Thaw."""
    logging.getLogger(NAME).warning(text)


def unexpected(error: BaseException, when: str = "") -> str:
    """Log an error that nobody foresaw and return the sentence for people, with the number under which it is found.

    Parameters
    ----------
    error
        What was raised.
    when
        As in "while it trained".
    """
    number = uuid.uuid4().hex[:8]
    logging.getLogger(NAME).error("Number %s: %s", number, error, exc_info=error)
    return (
        f"Something unexpected happened{' ' + when if when else ''}. It is number {number} in the folder logs of the data directory, "
        "which says to whoever runs Thaw what it was. Nothing else is affected; you can try again."
    )
