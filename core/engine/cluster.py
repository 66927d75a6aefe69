"""Finds, starts and ends the embedded cluster (:mod:`core.engine.serving`), which outlives the page server that started it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
from filelock import FileLock, Timeout

from core import paths
from core.engine import system
from core.errors import EngineError

if TYPE_CHECKING:
    from distributed import Security

START_SECONDS = 60.0
END_SECONDS = 40.0  # a worker that imports TensorFlow on a busy machine hears late that it should end


class Connection(NamedTuple):
    """Where a scheduler listens, and what proves to it who one is; None where Dask's own settings say that."""

    address: str
    security: "Security | None" = None


def folder() -> Path:
    """Return the folder of the cluster's note, certificate and locks, which nobody else on this machine may read."""
    path = paths.subdir("cache") / "cluster"
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    return path


def note() -> Path:
    """Return the file in which the serving process says where it listens."""
    return folder() / "cluster.json"


def ending() -> Path:
    """Return the file that tells the serving process to hand out no more runs, and to end when those in hand have ended."""
    return folder() / "ending"


def running_lock() -> FileLock:
    """Return the lock that the serving process holds as long as it lives; the system gives it back however it ends."""
    return FileLock(folder() / "running.lock", mode=0o600)


def connection(store_uri: str = "") -> Connection:
    """Return where the embedded scheduler is and what opens it, starting it where none answers.

    Parameters
    ----------
    store_uri
        The run store whose queue it serves, by default the one that the environment names; one that serves another is ended first.

    Raises
    ------
    EngineError
        When it does not start within a minute.
    """
    with _alone():
        ending().unlink(missing_ok=True)
        if store_uri and _noted("store") not in (None, store_uri):
            _end()
        return Connection(_alive() or _start(store_uri), security())


def security() -> "Security":
    """Return the certificate that the running cluster made at its start: it is the only one it trusts, in both directions."""
    from distributed import Security

    certificate, key = str(folder() / "cert.pem"), str(folder() / "key.pem")
    roles = ("client", "scheduler", "worker")
    return Security(
        require_encryption=True,
        tls_ca_file=certificate,
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )


def _alone() -> FileLock:
    """Wait until nobody else on this machine starts or ends the cluster."""
    return FileLock(folder() / "cluster.lock", mode=0o600)


def _alive() -> str | None:
    """Return the address at which the cluster listens, None where none runs or it is not ready yet."""
    try:
        with running_lock().acquire(blocking=False):
            return None
    except Timeout:
        pass
    return _noted("address")


def _noted(what: str) -> str | None:
    try:
        return str(json.loads(note().read_text())[what])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start(store_uri: str) -> str:
    note().unlink(missing_ok=True)
    log = (paths.subdir("cache") / "cluster.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "core.engine", *([store_uri] if store_uri else [])],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, paths.DATA_DIR_VARIABLE: str(paths.data_dir())},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        **system.detached(),
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (found := _alive()) is not None:
            return found
        time.sleep(0.05)
    raise EngineError(
        f"The process that trains did not start: {_last_line(Path(log.name))} Its log, {log.name}, says more."
    )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") + "." if lines else "it gave no reason."


def stop() -> None:
    """End the embedded cluster, where one runs or is being started."""
    with _alone():
        _end()


def finish(say: Callable[[str], None] = print) -> None:
    """End the embedded cluster after the runs that it has in hand, saying where that takes a while; what waits is kept for the next start."""
    with _alone():
        if (address := _alive()) is None:
            return
        ending().touch()
        process = psutil.Process(int(_noted("pid") or 0))
        if _has_runs(address):
            say("A run is in progress. Thaw ends when it has finished; press Ctrl+C again to end it now.")
    while _lives(process):
        time.sleep(0.2)


def _lives(process: psutil.Process) -> bool:
    """Tell whether a process has not ended; one that its parent has not yet taken note of has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _has_runs(address: str) -> bool:
    from core.engine.link import Link

    link = Link(lambda: Connection(address, security()), ours=True, name="ending")
    try:
        return bool(link.glance().runs)
    except EngineError:
        return False
    finally:
        link.close()


def _end() -> None:
    if _alive() is None:
        return
    process = psutil.Process(int(_noted("pid") or 0))
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
    note().unlink(missing_ok=True)
