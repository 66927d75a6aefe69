"""What pages ask of the workers: queue a run, stop one, answer a short question, say how they are."""

import contextlib
import copy
import os
import time
import uuid
from collections.abc import Callable
from typing import Any, Self

from core.engine import cluster
from core.engine.ahead import Ahead
from core.engine.dispatcher import Dispatcher
from core.engine.link import SCHEDULER_VARIABLE, Link
from core.engine.watch import EngineState, Watch
from core.errors import EngineError
from core.experiment import Experiment
from core.runs import RunStore

LONGEST_PAUSE = 0.5  # between two looks at the store: each costs the processor as much as a training step


class Engine:
    """Carries runs to workers; one code path for the embedded cluster and for an existing one.

    Parameters
    ----------
    store
        Where runs are kept, and wait.
    address
        A Dask scheduler, ``tcp://host:port`` or ``tls://host:port``; ``$THAW_SCHEDULER`` by default, and without it an embedded one.
    """

    def __init__(self, store: RunStore, address: str | None = None):
        self.store, self.owner = store, ""
        self._given = given = address or os.environ.get(SCHEDULER_VARIABLE)
        self.link = Link(lambda: cluster.Connection(given) if given else cluster.connection(store.uri), ours=not given)
        # The embedded cluster has a dispatcher of its own, which needs no page; an existing one knows nothing of Thaw.
        self._dispatcher = Dispatcher(store, self.link) if given else None
        self._watch = Watch(store, self.link, self._dispatcher)
        self.ahead = Ahead(self.link)

    def asked_by(self, owner: str) -> Self:
        """Return the same engine for one person, whose runs take turns with those of others."""
        same = copy.copy(self)
        same.owner = owner
        return same

    @property
    def client(self) -> Any:
        """The connection to the scheduler, made anew when it was lost.

        Raises
        ------
        EngineError
            When no scheduler answers.
        """
        return self.link.client

    def connect_soon(self) -> None:
        """Connect in the background, so that the worker is warm before the first run is submitted, and stay connected."""
        self._watch.look_soon()

    def submit(
        self, experiment: Experiment, *, name: str = "", group: str = "lab", baseline_id: str | None = None
    ) -> str:
        """Queue a run and return its id at once; it waits in the store for as long as no worker can be reached.

        Raises
        ------
        StorageError
            When the store cannot keep it.
        """
        run_id = self.store.create(experiment, name=name, group=group, baseline_id=baseline_id, owner=self.owner)
        self._watch.tell(run_id)
        return run_id

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
            When no answer comes in time, or the workers are away.
        """
        self._watch.require()
        deadline = time.monotonic() + timeout
        client = self.link.client_within(timeout)  # whoever asks while a worker starts waits for it alone
        key = f"{function.__name__}-{uuid.uuid4().hex}"
        slot = self._slot() if trains else None
        future = client.submit(_plainly, function, *args, key=key, pure=False, priority=10, resources=slot)
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                return future.result(timeout=min(left, 1.0))
            self._watch.require()
        raise EngineError("The worker is busy or still starting. Try again in a few seconds.")

    def _slot(self) -> dict[str, int] | None:
        """Ask for the one training slot of workers that have one, so that short questions are answered beside a run."""
        if self.link.ours:
            return {"train": 1}
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return {"train": 1} if any("train" in w.get("resources", {}) for w in workers) else None

    def stop(self, run_id: str) -> None:
        """Ask a run to stop; one that waits in the queue ends at once."""
        self.store.request_stop(run_id)
        if self.store.get(run_id).status == "queued":
            self.store.finish(run_id, "stopped", message="Stopped before it began.")

    def kill(self, run_id: str) -> None:
        """Restart the worker of a run that does not listen; its curves so far are kept."""
        if worker := self.link.glance().runs.get(run_id):
            self.client.restart_workers([worker], timeout=30)
        self._watch.tell(run_id)

    def works_on(self, run_id: str) -> bool:
        """Tell whether a worker has a run in hand; the model is still being written when the run has ended."""
        return run_id in self.link.glance().runs

    def state(self) -> EngineState:
        """Return what the workers were doing a moment ago, in words; never waits."""
        return self._watch.state()

    @property
    def advice(self) -> str:
        """What is wise to change about how the scheduler is reached; empty where nothing is."""
        return advice(self._given)

    def wait(self, run_id: str, timeout: float = 600.0) -> str:
        """Wait until a run has ended and return its status.

        Raises
        ------
        EngineError
            When it has not ended after ``timeout`` seconds.
        """
        self._watch.look_soon()
        deadline, pause = time.monotonic() + timeout, 0.05
        while time.monotonic() < deadline:
            if not (run := self.store.get(run_id)).active:
                return run.status
            time.sleep(pause)
            pause = min(1.2 * pause, LONGEST_PAUSE)
        raise EngineError(f"The run {run_id} has not ended after {timeout:.0f} seconds.")

    def close(self) -> None:
        """Disconnect; runs go on."""
        self._watch.close()
        self.link.close()


def advice(address: str | None) -> str:
    """Return the advice to encrypt, where a scheduler is reached over a network without: whoever reaches it runs code on its workers."""
    scheme, _, host = (address or "").rpartition("://")
    if not address or scheme == "tls" or host.rpartition(":")[0].strip("[]") in {"localhost", "127.0.0.1", "::1"}:
        return ""
    return (
        f"The scheduler at {address} is reached without encryption: whoever is on that network can run programs on its workers. "
        "A tls:// address, with certificates, is recommended."
    )


def _plainly(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)`` on a worker; an error that only a library knows comes back in words.

    Whoever receives TensorFlow's own error imports TensorFlow to read it: the page server would stand still for seconds.
    """
    try:
        return function(*args)
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("builtins", "core"):
            raise
        lines = str(error).strip().splitlines() or [""]
        raise EngineError(f"The worker could not compute this ({type(error).__name__}: {lines[0][:200]}). Try again, or choose another run.") from None  # fmt: skip
