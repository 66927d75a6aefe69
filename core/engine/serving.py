"""The embedded cluster: one Dask scheduler and one worker in processes of their own, which outlive the page server.

``python -m core.engine`` runs it until nobody has used it for a while; :mod:`core.engine.cluster` finds or starts it.
Whoever reaches a Dask port runs code: all listen on this computer only, and ask for the certificate that is made at each start.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import time

from distributed import Nanny, Scheduler, Security, Worker
from filelock import Timeout

from core import logs, paths
from core.engine import cluster, machine, system
from core.errors import EngineError
from core.training import processor
from core.training.allocator import KEEP_MEMORY

HERE = "127.0.0.1"
DISPATCHER = "dispatcher"
LINGER_VARIABLE = "THAW_LINGER_SECONDS"
IDLE_SECONDS = 1800.0
PAUSE_SECONDS = 0.5
LOCK_SECONDS = 5.0  # whoever asks whether one runs holds the lock for a moment
NICENESS_VARIABLE = "THAW_NICENESS"
NICENESS = 5  # a third of another program's weight: pages answer beside a run, and a run goes on beside other programs
CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "1s",  # fifty times a second three processes would wake an idle laptop
    "distributed.worker.daemon": False,
    # Dask's own settings tell workers to hand freed memory back at once.
    "distributed.nanny.pre-spawn-environ": {"TF_CPP_MIN_LOG_LEVEL": "3", **KEEP_MEMORY, **processor.settings()},
}


def dask_setup(_worker: object) -> None:
    """Warm a worker as it starts (Dask preload): TensorFlow imported and run once, beside the first task if need be."""
    from core.engine import execute

    logs.set_up("worker")
    logging.getLogger("distributed").setLevel(logging.WARNING)

    def warm() -> None:
        try:
            execute.warm()
        finally:  # at full weight until it is ready: on a busy machine somebody would wait for minutes for the first run
            system.lower_priority(niceness())

    threading.Thread(target=warm, daemon=True).start()


class QuietScheduler(Scheduler):
    """A scheduler without the HTTP server that Dask starts also where the dashboard is off."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Listen nowhere."""


class QuietWorker(Worker):
    """A worker without an HTTP server."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Listen nowhere."""


def _make_certificate() -> Security:
    """Return what only processes that may read the cluster's folder can show, valid until the next start."""
    made = Security.temporary()
    for name, text in {"cert.pem": made.tls_ca_file, "key.pem": made.tls_scheduler_key}.items():
        path = cluster.folder() / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text)
    return cluster.security()


async def _serve(store_uri: str | None) -> None:
    ended = asyncio.Event()
    system.on_end(asyncio.get_running_loop(), ended.set)
    security = _make_certificate()
    async with QuietScheduler(host=HERE, port=0, protocol="tls", security=security, dashboard=False) as scheduler:
        _announce(scheduler.address, store_uri)
        threading.Thread(
            target=_dispatch,
            args=(cluster.Connection(scheduler.address, security), store_uri),
            name="queue",
            daemon=True,
        ).start()
        async with contextlib.AsyncExitStack() as stack:
            nannies = [_nanny(scheduler.address, security, share) for share in machine.shares()]
            await asyncio.gather(*(stack.enter_async_context(nanny) for nanny in nannies))
            await _until_idle(scheduler, ended)
    cluster.note().unlink(missing_ok=True)


def _nanny(scheduler: str, security: Security, share: machine.Share) -> Nanny:
    """Return what starts a worker with its share of the machine, and starts another in its place when it dies."""
    return Nanny(
        scheduler, nthreads=2, resources={"train": 1}, memory_limit=share.memory, env=share.environment, preload=["core.engine.serving"],
        dashboard=False, local_directory=str(paths.subdir("cache") / "dask"), host=HERE, protocol="tls", security=security,
        worker_class=QuietWorker,
    )  # fmt: skip


def _announce(address: str, store_uri: str | None) -> None:
    partial = cluster.note().with_suffix(".partial")
    partial.write_text(
        json.dumps({"address": address, "pid": os.getpid(), **({"store": store_uri} if store_uri else {})})
    )
    partial.replace(cluster.note())


def _dispatch(here: cluster.Connection, store_uri: str | None) -> None:
    """Serve the queue from here, so that it moves on while no page server runs."""
    from core.engine.dispatcher import Dispatcher
    from core.engine.link import Link
    from core.runs import RunStore

    Dispatcher(RunStore(store_uri), Link(lambda: here, ours=True, name=DISPATCHER), cluster.ending().exists).start()


async def _until_idle(scheduler: Scheduler, ended: asyncio.Event) -> None:
    """Return when this process is asked to end: at once, after the runs in hand, or because nobody has needed it for a while."""
    last_used, patience = time.monotonic(), float(os.environ.get(LINGER_VARIABLE) or IDLE_SECONDS)
    while not ended.is_set() and time.monotonic() - last_used < patience:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PAUSE_SECONDS)
        if cluster.ending().exists() and not scheduler.tasks:
            return
        if scheduler.tasks or any(_is_somebody(client) for client in scheduler.clients):
            last_used = time.monotonic()


def _is_somebody(client: str) -> bool:
    """Tell whether a client of the scheduler is a page server, rather than the dispatcher or one of Dask's own."""
    return client.startswith("Client-") and DISPATCHER not in client


def niceness() -> int:
    """Return by how much workers yield the processors to whoever clicks."""
    asked = os.environ.get(NICENESS_VARIABLE, str(NICENESS))
    if not asked.isdecimal() or int(asked) > 19:
        sys.exit(f"{NICENESS_VARIABLE} is {asked!r}; set it to a whole number from 0 to 19.")
    return int(asked)


def main(store_uri: str | None = None) -> None:
    """Run scheduler, dispatcher and worker."""
    import dask

    os.umask(0o077)
    niceness()
    try:
        machine.asked()
    except EngineError as error:
        sys.exit(str(error))
    logs.set_up("queue")
    logging.getLogger("distributed").setLevel(logging.WARNING)
    dask.config.set(CONFIG)
    try:
        with cluster.running_lock().acquire(timeout=LOCK_SECONDS):
            asyncio.run(_serve(store_uri))
    except Timeout:
        sys.exit("A cluster is running on this data directory already.")
