"""Keeps the connection to the workers in the background, and remembers what was last seen of them."""

import logging
import threading
import time
from dataclasses import dataclass

from core.engine.dispatcher import TOPIC, Dispatcher
from core.engine.link import Link
from core.errors import EngineError
from core.runs import RunStore

WATCHED_PAUSE, PAUSE = 1.0, 5.0  # seconds between two looks, while somebody looks at a page and else
WATCHED_SECONDS = 15.0  # so long after the last question somebody is believed to look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineState:
    """What the workers are doing; ``status`` is ``starting``, ``ready``, ``busy`` or ``unreachable``."""

    status: str
    workers: int
    text: str


class Watch:
    """Asks the scheduler how it is, makes a lost connection anew and tells the dispatcher of new runs, all in a thread of its own.

    Pages therefore never wait for a scheduler: they are told what was seen last, and how long ago.
    """

    def __init__(self, store: RunStore, link: Link, dispatcher: Dispatcher | None):
        self._store, self._link, self._dispatcher = store, link, dispatcher
        self._news, self._closed = threading.Event(), threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._untold: list[str] = []
        self._asked = time.monotonic()
        self._workers, self._active = 0, 0
        self._seen: float | None = None
        self._problem = ""

    # For pages ---------------------------------------------------------------------------------------------------------

    def tell(self, run_id: str) -> None:
        """Let the dispatcher know that there is something new; it would see it by itself a little later."""
        self._untold.append(run_id)
        self.look_soon()

    def look_soon(self) -> None:
        """Look now, and more often for a while."""
        self._asked = time.monotonic()
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
                self._thread.start()
                if self._dispatcher:
                    self._dispatcher.start()
        self._news.set()

    def require(self) -> None:
        """Raise :class:`EngineError` where the workers are known to be away."""
        if self._problem:
            raise EngineError(self.state().text)

    def state(self) -> EngineState:
        """Return what was last seen."""
        self._asked = time.monotonic()
        if self._thread is None:
            self.look_soon()
        if self._problem:
            return EngineState("unreachable", self._workers, f"{self._problem} {self._age()}")
        if not self._workers:
            return EngineState("starting", 0, "The worker is starting.")
        n = self._workers
        plural = "worker" if n == 1 else "workers"
        if self._active:
            runs = "runs" if self._active > 1 else "run"
            return EngineState("busy", n, f"{n} {plural}, {self._active} {runs} in work or waiting")
        return EngineState("ready", n, f"{n} {plural} ready")

    def _age(self) -> str:
        waits = "Runs wait and go on by themselves when they are back."
        if self._seen is None:
            return waits
        return f"They last answered {time.monotonic() - self._seen:.0f} s ago. {waits}"

    # In the background -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                self._look()
                self._problem = ""
            except EngineError as error:
                self._problem = str(error)
            except Exception as error:  # Dask and the store raise kinds of their own; here they are only said
                log.warning("The workers could not be asked.", exc_info=True)
                self._problem = f"The workers do not answer ({type(error).__name__})."
            watched = time.monotonic() - self._asked < WATCHED_SECONDS
            self._news.wait(WATCHED_PAUSE if watched else PAUSE)
            self._news.clear()

    def _look(self) -> None:
        watched = time.monotonic() - self._asked < WATCHED_SECONDS
        if not (watched or self._link.connected or self._store.active()):
            return  # nobody needs it: an embedded cluster that has ended need not be started again
        self._tell()
        self._workers = len(self._link.glance().workers)
        self._seen = time.monotonic()
        if watched:
            self._active = len(self._store.active())

    def _tell(self) -> None:
        if self._dispatcher:
            self._untold.clear()
            self._dispatcher.wake()
            return
        client = self._link.client
        while self._untold:
            client.sync(client.scheduler.log_event, topic=TOPIC, msg=self._untold.pop(0), callback_timeout=5)

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()
        self._news.set()
        if self._dispatcher and self._thread:
            self._dispatcher.close()
        if self._thread:
            self._thread.join(timeout=5)
