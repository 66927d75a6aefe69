"""Submits runs to workers, watches and stops them; one code path for the embedded cluster and for an existing one."""

import contextlib
import io
import os
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import data
from core.engine import cluster
from core.engine.execute import execute, runs_done
from core.errors import EngineError, ThawError
from core.experiment import Experiment
from core.runs import RunStore

SCHEDULER_VARIABLE = "THAW_SCHEDULER"
RECYCLE_AFTER = 16  # TensorFlow keeps about 50 MB a run
BACKGROUND = ("trial", "sweep")  # groups of runs that wait while somebody wants one run
GRACE_SECONDS = 6.0  # how long a run may be on its way to a scheduler that is busy
LONGEST_PAUSE = 0.5  # between two looks at the store: each costs the processor as much as a training step


@dataclass(frozen=True)
class EngineState:
    """What the workers are doing; ``status`` is ``starting``, ``ready``, ``busy`` or ``unreachable``."""

    status: str
    workers: int
    text: str


class Engine:
    """Carries runs to workers.

    Parameters
    ----------
    store
        Where runs are kept.
    address
        A Dask scheduler, ``tcp://host:port`` or ``tls://host:port``; ``$THAW_SCHEDULER`` by default, and without it an embedded one.
    """

    def __init__(self, store: RunStore, address: str | None = None):
        self.store = store
        self.given = address or os.environ.get(SCHEDULER_VARIABLE)
        self._client: Any = None
        self._connecting = threading.Lock()
        self._sent: dict[str, Any] = {}
        self._missing: dict[str, float] = {}

    @property
    def client(self) -> Any:
        """The connection to the scheduler, made anew when it was lost.

        Raises
        ------
        EngineError
            When no scheduler answers.
        """
        with self._connecting:
            if self._client is None or self._client.status != "running":
                self._client = self._connect()
            return self._client

    def connect_soon(self) -> None:
        """Connect in the background, so that the worker is warm before the first run is submitted."""

        def connect() -> None:
            with contextlib.suppress(ThawError):
                _ = self.client

        threading.Thread(target=connect, daemon=True).start()

    def _connect(self) -> Any:
        from distributed import Client

        address, security = cluster.Connection(self.given) if self.given else cluster.connection()
        try:
            return Client(address, security=security, timeout=10, set_as_default=False, name="thaw")
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                f"No scheduler answers at {address}. Check {SCHEDULER_VARIABLE} and that the scheduler runs."
            ) from error

    def submit(
        self, experiment: Experiment, *, name: str = "", group: str = "lab", baseline_id: str | None = None
    ) -> str:
        """Queue a run and return its id at once.

        Raises
        ------
        EngineError
            When the workers cannot be reached.
        """
        client = self.client
        self._recycle(client)
        run_id = self.store.create(experiment, name=name, group=group, baseline_id=baseline_id)
        try:
            self._send(client, run_id, experiment, priority=int(not group.startswith(BACKGROUND)))
        except ThawError as error:
            self.store.finish(run_id, "failed", error=str(error))
        return run_id

    def _send(self, client: Any, run_id: str, experiment: Experiment, *, priority: int) -> None:
        from distributed import fire_and_forget

        future = client.submit(
            execute,
            run_id,
            self.store.uri,
            self._images_for(client, experiment),
            key=f"run-{run_id}",
            pure=False,
            retries=0,
            priority=priority,
            fifo_timeout=0,  # else what is sent within a tenth of a second has no order, and "after" may be trained before "before"
            resources=self._resources(client),
        )
        fire_and_forget(future)

    def _resources(self, client: Any) -> dict[str, int] | None:
        """Ask for the one training slot of workers that have one, so that short questions are answered beside a run.

        The embedded worker has one, also while it starts: asked for none, it would carry out two runs at once.
        """
        if not self.given:
            return {"train": 1}
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        return {"train": 1} if any("train" in w.get("resources", {}) for w in workers) else None

    def _images_for(self, client: Any, experiment: Experiment) -> Any:
        """Return images for workers on other machines, sent once a data set; None where the data directory is shared."""
        kind = experiment.data.source.partition(":")[0]
        if not self.given or kind in {"builtin", "drawn"} or os.environ.get("THAW_SHARED_DATA") == "1":
            return None
        collection = data.catalogue(experiment.data)
        if collection.key not in self._sent:
            self._sent[collection.key] = client.scatter(packed(collection), hash=True, broadcast=False)
        return self._sent[collection.key]

    def call(self, function: Callable[..., Any], *args: Any, timeout: float = 60.0, trains: bool = False) -> Any:
        """Return ``function(*args)`` as computed by a worker, ahead of queued runs.

        Parameters
        ----------
        function, args
            What to compute.
        timeout
            Longest wait, seconds.
        trains
            Whether it trains: then it waits for the run that a worker is at, else it is answered beside it.

        Raises
        ------
        EngineError
            When no answer comes in time.
        """
        resources = self._resources(self.client) if trains else None
        future = self.client.submit(function, *args, pure=False, priority=10, resources=resources)
        try:
            return future.result(timeout=timeout)
        except TimeoutError as error:
            raise EngineError("The worker is busy or still starting. Try again in a few seconds.") from error

    def stop(self, run_id: str) -> None:
        """Ask a run to stop; one that waits in the queue ends at once."""
        self.store.request_stop(run_id)

    def kill(self, run_id: str) -> None:
        """Restart the worker of a run that does not listen; its curves so far are kept."""
        key = f"run-{run_id}"
        for worker, keys in self.client.processing().items():
            if any(str(k) == key for k in keys):
                self.client.restart_workers([worker], timeout=30)
        self.reconcile(patience=0)

    def reconcile(self, patience: float = GRACE_SECONDS) -> list[str]:
        """Mark runs as failed that the store believes alive and no worker knows; return their ids.

        Parameters
        ----------
        patience
            For how many seconds a run must have been missing: one that was just sent is in the store before the scheduler has it.
        """
        waiting = [r.id for r in self.store.active()]
        known, now = self._known_tasks() if waiting else set(), time.monotonic()
        self._missing = {i: self._missing.get(i, now) for i in waiting if f"run-{i}" not in known}
        lost = [i for i, since in self._missing.items() if now - since >= patience and self.store.get(i).active]
        for run_id in lost:
            reason = "The process that trained it died (killed, out of memory, or the machine restarted). The curves so far are kept."
            self.store.finish(run_id, "failed", error=reason)
        return lost

    def works_on(self, run_id: str) -> bool:
        """Tell whether a worker has a run in hand or in its queue; the model is still being written when the run has ended."""
        return f"run-{run_id}" in self._known_tasks()

    def _known_tasks(self) -> set[str]:
        """Return the keys of tasks that wait or are being worked on."""

        def alive(dask_scheduler: Any = None) -> list[str]:
            return [
                str(t.key)
                for t in dask_scheduler.tasks.values()
                if t.state not in {"erred", "memory", "released", "forgotten"}
            ]

        alive.__module__ = "__main__"  # sent by value: a foreign scheduler need not have Thaw installed
        return set(self.client.run_on_scheduler(alive))

    def state(self) -> EngineState:
        """Return what the workers are doing, in words."""
        try:
            client = self.client
            workers = client.scheduler_info(n_workers=-1)["workers"]
        except (ThawError, OSError, TimeoutError) as error:
            return EngineState("unreachable", 0, str(error))
        if not workers:
            return EngineState("starting", 0, "The worker is starting.")
        waiting = len(self.store.active())
        plural = "worker" if len(workers) == 1 else "workers"
        if waiting:
            return EngineState(
                "busy",
                len(workers),
                f"{len(workers)} {plural}, {waiting} run{'s' if waiting > 1 else ''} in work or waiting",
            )
        return EngineState("ready", len(workers), f"{len(workers)} {plural} ready")

    def wait(self, run_id: str, timeout: float = 600.0) -> str:
        """Wait until a run has ended and return its status.

        Raises
        ------
        EngineError
            When it has not ended after ``timeout`` seconds.
        """
        deadline, pause = time.monotonic() + timeout, 0.05
        while time.monotonic() < deadline:
            if not (run := self.store.get(run_id)).active:
                return run.status
            if _age(run.created) > GRACE_SECONDS:
                self.reconcile()
            time.sleep(pause)
            pause = min(1.2 * pause, LONGEST_PAUSE)
        raise EngineError(f"The run {run_id} has not ended after {timeout:.0f} seconds.")

    def _recycle(self, client: Any) -> None:
        """Restart an idle embedded worker that has carried out many runs: TensorFlow does not give all memory back."""
        if self.given or self.store.active() or self._known_tasks():
            return  # a run that has ended may still be writing its model
        done = client.run(runs_done)
        tired = [worker for worker, n in done.items() if n >= RECYCLE_AFTER]
        if tired:
            client.restart_workers(tired, timeout=30)

    def close(self) -> None:
        """Disconnect; runs go on."""
        if self._client is not None:
            self._client.close()


def _age(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def packed(collection: data.Collection) -> bytes:
    """Return a collection of files as a ZIP with a folder a class (in a folder a split, where it came with one), the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, picture in zip(collection.names, collection.pictures, strict=True):
            if isinstance(picture, Path):
                archive.writestr(zipfile.ZipInfo(name), picture.read_bytes())
    return buffer.getvalue()
