"""What differs between operating systems, each choice in one place."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW = 0x200, 0x08000000


def detached(system: str = os.name) -> dict[str, Any]:
    """Return how a program is started that outlives this process and that Ctrl+C in its terminal does not end."""
    if system == "nt":
        return {"creationflags": CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW}
    return {"start_new_session": True}


def on_end(loop: asyncio.AbstractEventLoop, call: Callable[[], None], system: str = os.name) -> None:
    """Call something on the loop when this process is asked to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if system == "nt":  # asyncio takes no signals there
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(call))
        else:
            loop.add_signal_handler(number, call)


def lower_priority(niceness: int, system: str = os.name) -> None:
    """Let this process, with all its threads, yield the processors to others.

    Parameters
    ----------
    niceness
        0 (as any program) to 19; Windows knows only below normal.
    system
        ``os.name``.
    """
    process = psutil.Process()
    if system == "nt":
        if niceness:
            process.nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 0x4000))
        return
    threads = [thread.id for thread in process.threads()] if threads_have_their_own() else [process.pid]
    for number in threads:
        with contextlib.suppress(OSError):  # it has ended
            now = os.getpriority(os.PRIO_PROCESS, number)
            os.setpriority(os.PRIO_PROCESS, number, max(now, niceness))


def threads_have_their_own() -> bool:
    """Tell whether each thread has a niceness of its own, as on Linux."""
    return Path(f"/proc/self/task/{threading.get_native_id()}").exists()
