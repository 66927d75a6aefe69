"""Reads what strangers upload in a throw-away process: with limits on memory, processor and time, and ended with whoever waits for it."""

import contextlib
import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from core.errors import DataError, ThawError

LOOK_SECONDS = 0.2  # between two looks at the process, and between two reports of how far it is
ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Limits:
    """What a throw-away process may use.

    Attributes
    ----------
    memory
        Bytes beyond what it needs to begin.
    processor
        Seconds, of all its threads together.
    wall
        Seconds from start to end.
    """

    memory: int = 2 * 2**30
    processor: int = 900
    wall: float = 900.0


SMALL = Limits(memory=2**30, processor=30, wall=60.0)
LARGE = Limits()
Progress = Callable[[str, float], object]


def run(function: Callable[..., Any], *args: Any, limits: Limits = SMALL, progress: Progress | None = None) -> Any:
    """Return ``function(*args)``, computed in a process of its own.

    Parameters
    ----------
    function
        Found by its module and name; takes ``progress`` too where one is given.
    args
        Values that can be pickled.
    limits
        What it may use; small by default.
    progress
        Called several times a second with what is going on and the share done, also where there is no news: an exception that it raises
        ends the process and goes on to the caller, as when Streamlit stops the script of a closed tab.

    Raises
    ------
    ThawError
        Whatever of this kind the function raised.
    DataError
        When it needed more than ``limits`` or broke in any other way.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "core.sandbox"],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin and process.stdout
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin as to_process:
            pickle.dump((function.__module__, function.__qualname__, args, limits, progress is not None), to_process)
        return _wait(process, _reports(process.stdout), limits, progress)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _reports(stream: IO[bytes]) -> "queue.SimpleQueue[tuple[str, Any]]":
    """Return what the process says, as it comes; ``end`` comes last."""
    said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(Exception):  # cut off in the middle of a word when the process was ended
            while True:
                said.put(pickle.load(stream))
        said.put(("end", None))

    threading.Thread(target=read, daemon=True).start()
    return said


def _wait(process: subprocess.Popen, said: Any, limits: Limits, progress: Progress | None) -> Any:
    ends, now = time.monotonic() + limits.wall, ("Reading", 0.0)
    while time.monotonic() < ends:
        try:
            kind, value = said.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            kind, value = "nothing", None
        if kind == "result":
            return value
        if kind == "refused":
            raise value
        if kind == "end":
            raise DataError(_why_it_ended(process.wait()))
        now = value if kind == "progress" else now
        if progress:
            progress(*now)
        if _memory(process.pid) > limits.memory + BASE_MEMORY:
            raise DataError(TOO_MUCH_MEMORY)
    raise DataError(TOO_LONG)


BASE_MEMORY = 400 * 2**20  # Python with numpy, pandas and Pillow
RESERVED = 2 * 2**30  # addresses that libraries reserve and never use (Arrow alone a gigabyte); what is used is watched
TOO_MUCH_MEMORY = (
    "Reading this file takes more memory than a file of its kind should. Take a smaller one, or export it again."
)
TOO_LONG = "Reading this file takes longer than a file of its kind should. Take a smaller one, or export it again."
BROKE = "This file could not be read; it may be damaged. Export it again, or take another."


def _why_it_ended(status: int) -> str:
    return TOO_LONG if hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU else BROKE


def _memory(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


# In the process ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Carry out what stands on the standard input, and report on the standard output."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not come between two reports
        module, name, args, limits, wants_progress = pickle.load(sys.stdin.buffer)
        function = getattr(importlib.import_module(module), name)
        _limit(limits)
        extra = {"progress": _reporter(out)} if wants_progress else {}
        try:
            report: tuple[str, Any] = ("result", function(*args, **extra))
        except ThawError as error:
            report = ("refused", error)
        except MemoryError:
            report = ("refused", DataError(TOO_MUCH_MEMORY))
        except Exception:
            report = ("refused", DataError(BROKE))
        pickle.dump(report, out)


def _reporter(out: IO[bytes]) -> Progress:
    last = 0.0

    def progress(what: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= LOOK_SECONDS:
            last = time.monotonic()
            pickle.dump(("progress", (what, share)), out)
            out.flush()

    return progress


def _limit(limits: Limits) -> None:
    """Set the limits where the system knows them; elsewhere the waiting process watches memory and time."""
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = psutil.Process().memory_info().vms + limits.memory + RESERVED
    processor = int(time.process_time()) + limits.processor
    # At the soft limit of the processor the signal says why it ends; at the hard one it would be killed without a word.
    for kind, soft, hard in ((resource.RLIMIT_AS, memory, memory), (resource.RLIMIT_CPU, processor, processor + 5)):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    main()
