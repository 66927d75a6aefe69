"""Answers kept on disk, by the question and the runs it is about: a run's model never changes, so neither do they."""

import contextlib
import functools
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import durable, paths

VERSION = 2  # raise it where an answer means something else
MOST = 400  # files of some ten kilobytes; the oldest go first


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of (store_uri, run_ids, plain values …) be computed once and read from the data directory afterwards.

    Only this server writes there: the files are trusted like the models beside them.
    """

    @functools.wraps(function)
    def answered(store_uri: str, run_ids: list[str], *more: Any) -> Any:
        name = json.dumps([VERSION, function.__module__, function.__qualname__, run_ids, more])
        file = _home() / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.pickle"
        with contextlib.suppress(OSError, EOFError, ValueError, AttributeError, ImportError, pickle.UnpicklingError):
            if durable.is_whole(file):
                return pickle.loads(file.read_bytes())
        made = function(store_uri, run_ids, *more)
        _write(file, made)
        return made

    return answered


def _home() -> Path:
    home = paths.subdir("cache") / "insight"
    home.mkdir(exist_ok=True)
    return home


def _write(file: Path, answer: Any) -> None:
    """Keep an answer; a full disk is no reason to withhold it."""
    with contextlib.suppress(OSError):
        durable.write(file, lambda partial: partial.write_bytes(pickle.dumps(answer)))
        for old in sorted(_home().glob("*.pickle"), key=lambda f: f.stat().st_mtime)[:-MOST]:
            durable.remove(old)
