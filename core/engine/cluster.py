"""The embedded cluster: one Dask scheduler and one worker in processes of their own, which outlive the page server.

``python -m core.engine.cluster`` runs it until nobody has used it for a while; :func:`address` finds or starts it.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from core import paths
from core.errors import EngineError
from core.training.allocator import KEEP_MEMORY

IDLE_SECONDS = 1800.0
START_SECONDS = 60.0
END_SECONDS = 40.0  # a worker that imports TensorFlow on a busy machine hears late that it should end
MEMORY_LIMIT = "8GB"
NICENESS_VARIABLE = "THAW_NICENESS"
NICENESS = 10  # training yields the processors to whoever clicks: page server and browser answer at once beside a run
CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.daemon": False,
    # Dask's own settings tell workers to hand freed memory back at once.
    "distributed.nanny.pre-spawn-environ": {"TF_CPP_MIN_LOG_LEVEL": "3", **KEEP_MEMORY},
}


def _note() -> Path:
    return paths.subdir("cache") / "cluster.json"


def address() -> str:
    """Return the embedded scheduler's address, starting it where none answers.

    Raises
    ------
    EngineError
        When it does not start within a minute.
    """
    with _alone():
        return _alive() or _start()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait until nobody else on this machine starts or ends the cluster."""
    with (paths.subdir("cache") / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _alive() -> str | None:
    try:
        note = json.loads(_note().read_text())
        os.kill(note["pid"], 0)
        command = Path(f"/proc/{note['pid']}/cmdline")
        if command.exists() and b"core.engine.cluster" not in command.read_bytes():
            return None
    except (OSError, ValueError, KeyError):
        return None
    return note["address"]


def _start() -> str:
    _note().unlink(missing_ok=True)
    log = (paths.subdir("cache") / "cluster.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "core.engine.cluster"],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, paths.DATA_DIR_VARIABLE: str(paths.data_dir())},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if (found := _alive()) is not None:
            return found
        time.sleep(0.05)
    raise EngineError(f"The process that trains did not start. Its log, {log.name}, says why; then reload the page.")


def stop() -> None:
    """End the embedded cluster, where one runs or is being started."""
    with _alone():
        if _alive() is None:
            return
        pid = json.loads(_note().read_text())["pid"]
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while _alive() and time.monotonic() < deadline:
            time.sleep(0.05)


def dask_setup(_worker: object) -> None:
    """Warm a worker as it starts (Dask preload): TensorFlow imported and run once, beside the first task if need be."""
    import threading

    from core.engine import execute

    threading.Thread(target=execute.warm, daemon=True).start()


async def _serve() -> None:
    from distributed import Nanny, Scheduler

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        partial = _note().with_suffix(".partial")
        partial.write_text(json.dumps({"address": scheduler.address, "pid": os.getpid()}))
        partial.replace(_note())
        async with Nanny(
            scheduler.address, nthreads=2, resources={"train": 1}, memory_limit=MEMORY_LIMIT, preload=["core.engine.cluster"], dashboard=False,
            local_directory=str(paths.subdir("cache") / "dask"),
        ):  # fmt: skip
            await _until_idle(scheduler, ended)
    _note().unlink(missing_ok=True)


async def _until_idle(scheduler: object, ended: asyncio.Event) -> None:
    last_used = time.monotonic()
    while not ended.is_set() and time.monotonic() - last_used < IDLE_SECONDS:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 1.0)
        if scheduler.tasks or len(scheduler.clients) > 1:  # type: ignore[attr-defined]
            last_used = time.monotonic()


def _yield_to_others() -> None:
    """Lower the priority of this process, and of its session where Linux shares the processors between sessions (autogroup)."""
    asked = os.environ.get(NICENESS_VARIABLE, str(NICENESS))
    if not asked.isdecimal() or int(asked) > 19:
        sys.exit(f"{NICENESS_VARIABLE} is {asked!r}; set it to a whole number from 0 to 19.")
    niceness = int(asked)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def main() -> None:
    """Run scheduler and worker."""
    import dask

    dask.config.set(CONFIG)
    _yield_to_others()
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
