"""Writes what a trainer tells to the store."""

import json
import logging
import threading
from typing import Self

from core.errors import RunError
from core.runs.border import insist
from core.runs.run import RunProgress
from core.runs.store import RunStore


class RunRecorder:
    """Listens to a trainer and writes to the store from a thread of its own, so that training never waits for it.

    What happens within a fifth of a second is written together. While the store cannot be reached, everything is kept and tried again.
    Use it as a context: at its end everything is in the store.

    Parameters
    ----------
    store, run_id
        What it writes to.
    brisk
        Whether somebody waits for each point, and may change their mind: then it writes and hears four times as often.
    """

    PAUSE_SECONDS = 0.2

    def __init__(self, store: RunStore, run_id: str, *, brisk: bool = False):
        self.store, self.run_id = store, run_id
        self.pause = self.PAUSE_SECONDS / 4 if brisk else self.PAUSE_SECONDS
        self.current = self._written = RunProgress()
        self._waiting: list[dict[str, float]] = []
        self._stop = False
        self._news, self._closed = threading.Event(), threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._news.set()
        self._thread.join()
        insist(self.flush)

    def phase(self, name: str, *, detail: str = "") -> None:
        """Note what begins now."""
        self.current = RunProgress(phase=name, detail=detail)
        self._news.set()

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        """Note how far it is."""
        now = self.current
        self.current = RunProgress(now.phase, now.detail, epoch, epochs, batch, batches, seconds_left)
        self._news.set()

    def epoch(self, metrics: dict[str, float]) -> None:
        """Note an epoch's figures."""
        self._waiting.append(metrics)
        self._news.set()

    def stop_requested(self) -> bool:
        """Tell whether a stop was asked for, as of at most half a second ago."""
        return self._stop

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            rows, now = list(self._waiting), self.current
            if rows:
                self.store.log_epochs(self.run_id, rows)
                del self._waiting[: len(rows)]
            if now is not self._written:
                self.store.set_tags(self.run_id, progress=json.dumps(now.__dict__))
                self._written = now

    def _work(self) -> None:
        while not self._closed.is_set():
            self._news.wait(self.pause)
            self._news.clear()
            try:
                self.flush()
                self._stop = self._stop or self.store.stop_requested(self.run_id)
            except RunError:  # deleted while it trained
                self._stop = True
            except Exception:  # each store raises its own kinds; the last flush, in __exit__, reports what lasts
                logging.getLogger(__name__).warning("The run store did not answer; trying again.", exc_info=True)
            self._closed.wait(self.pause)
