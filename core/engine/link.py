"""The connection to a scheduler: every question has a deadline, and what was lost is made anew."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from core.engine import cluster
from core.errors import EngineError

SCHEDULER_VARIABLE = "THAW_SCHEDULER"
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0
ANSWER_SECONDS = 5.0  # a scheduler answers within milliseconds; on a busy machine it may take seconds


@dataclass(frozen=True)
class Glance:
    """What a scheduler knows at one moment.

    Attributes
    ----------
    workers
        Address of each worker that takes tasks, and whether its training slot is taken.
    runs
        Run id of each task, and the worker that has it in hand; None where that worker is gone.
    """

    workers: dict[str, bool]
    runs: dict[str, str | None]


class Link:
    """Keeps a connection.

    Parameters
    ----------
    where
        Returns where the scheduler is; it may start one.
    ours
        Whether scheduler and workers are Thaw's own, rather than a cluster that others use too.
    name
        What the scheduler calls this client.
    """

    def __init__(
        self,
        where: Callable[[], cluster.Connection],
        *,
        ours: bool,
        name: str = "thaw",
    ):
        self.ours = ours
        self._where, self._name = where, name
        self._client: Any = None
        self._connecting = threading.Lock()

    @property
    def client(self) -> Any:
        """The connection, as :meth:`client_within` a few seconds."""
        return self.client_within(CONNECT_SECONDS)

    def client_within(self, seconds: float) -> Any:
        """Return the connection, made anew when it was lost.

        Raises
        ------
        EngineError
            When no scheduler answers, or another thread waits longer than that for one that is being started.
        """
        if not self._connecting.acquire(timeout=seconds):
            raise EngineError("The workers are still starting. Try again in a few seconds.")
        try:
            if not self.connected:
                self._drop()
                self._client = self._connect()
            return self._client
        finally:
            self._connecting.release()

    @property
    def connected(self) -> bool:
        """Whether the scheduler was there a moment ago."""
        return self._client is not None and self._client.status == "running"

    def _connect(self) -> Any:
        from distributed import Client

        address, security = self._where()
        options = {"security": security, "timeout": CONNECT_SECONDS, "set_as_default": False, "name": self._name}
        making = begun(lambda: Client(address, **options))
        try:
            return making.result(2 * CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            making.add_done_callback(_close_late)
            advice = (
                "It is looked for again." if self.ours else f"Check {SCHEDULER_VARIABLE} and that the scheduler runs."
            )
            raise EngineError(f"No scheduler answers at {address}. {advice}") from error

    def ask(self, function: Callable[..., Any], seconds: float) -> Any:
        """Return what a function says that is run on the scheduler, where it gets ``dask_scheduler``.

        Raises
        ------
        EngineError
            When the scheduler does not answer in time.
        """
        client = self.client
        function.__module__ = "__main__"  # sent by value: a foreign scheduler need not have Thaw installed
        try:
            return client.sync(client._run_on_scheduler, function, callback_timeout=seconds)
        except Exception as error:  # what Dask raises where a connection ends meanwhile is of many kinds
            raise EngineError(f"The scheduler has not answered within {seconds:.0f} seconds.") from error

    def glance(self, seconds: float = ANSWER_SECONDS) -> Glance:
        """Return which workers there are and which runs they have in hand, after so many seconds at most.

        Raises
        ------
        EngineError
            When the scheduler does not answer in time.
        """

        def look(dask_scheduler: Any = None) -> tuple[dict, dict]:
            workers = {
                address: bool(w.used_resources.get("train"))
                for address, w in dask_scheduler.workers.items()
                if w.status.name == "running"
            }
            runs = {
                str(key).removeprefix("run-"): t.processing_on.address if t.processing_on else None
                for key, t in dask_scheduler.tasks.items()
                if str(key).startswith("run-") and t.state not in {"erred", "memory", "released", "forgotten"}
            }
            return workers, runs

        return Glance(*self.ask(look, seconds))

    def within(self, seconds: float, call: Callable[[], Any]) -> Any:
        """Return what a call says that Dask gives no deadline: where the connection is lost meanwhile, it may never come back.

        Raises
        ------
        EngineError
            When it does not come back in time.
        """
        try:
            return begun(call).result(seconds)
        except TimeoutError as error:
            raise EngineError(f"The scheduler has not answered within {seconds:.0f} seconds.") from error

    def _drop(self) -> "Future[Any] | None":
        """Let go of the connection; nobody waits for its end, which may take long where the network hangs."""
        if self._client is None:
            return None
        client, self._client = self._client, None
        return begun(lambda: client.close(timeout=2))

    def close(self) -> None:
        """Disconnect; runs go on."""
        if (ending := self._drop()) is not None:
            with contextlib.suppress(Exception):  # it is gone already, in one of Dask's many ways
                ending.result(CLOSE_SECONDS)


def begun(call: Callable[[], Any]) -> "Future[Any]":
    """Return the result to come of a call, in a thread that nobody need wait for."""
    answer: Future[Any] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, name="link", daemon=True).start()
    return answer


def _close_late(made: "Future[Any]") -> None:
    """End a connection that came when nobody waited for it any more."""
    if made.exception() is None:
        with contextlib.suppress(Exception):
            made.result().close(timeout=2)
