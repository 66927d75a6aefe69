"""Hands waiting runs to free workers, one at a time, so that a worker's death costs the run in hand and no other."""

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from core.engine.execute import execute
from core.engine.images import Images
from core.engine.link import Glance, Link
from core.errors import EngineError, StoreError, ThawError
from core.runs import Run, RunStore

TOPIC = "thaw-queue"  # a message under it says that there is something new in the store
BACKGROUND = ("trial", "sweep", "seeds", "folds", "ahead")  # groups of runs that wait while somebody wants one run
BUSY_PAUSE, IDLE_PAUSE = 0.5, 5.0  # seconds between two looks when no message comes
PATIENCE = 30.0  # seconds for an answer: nobody waits for this one
SOMEBODY_SECONDS = 600.0  # so long after somebody's run one worker of several is kept free of sweeps and trials
TRIES = 3  # how often a run is sent that a worker could not even begin
RECYCLE_AFTER = 16  # runs; TensorFlow keeps about 50 MB a run
RECYCLE_PAUSE = 20.0  # seconds without a run before a tired worker is restarted
DIED = "The process that trained it died (killed, out of memory, or the machine restarted). The curves so far are kept."

log = logging.getLogger(__name__)


class Dispatcher:
    """Serves the queue of a store with the workers of a scheduler, in a thread of its own.

    The store says which runs wait; the scheduler says who is free. Several dispatchers may serve one store: a run is sent under its
    own key, which a scheduler takes once, and a run that has begun never begins again. While ``hold`` says so none is handed out.
    """

    def __init__(self, store: RunStore, link: Link, hold: Callable[[], bool] = lambda: False):
        self.store, self.link = store, link
        self._hold = hold
        self._images = Images(link)
        self._news, self._closed = threading.Event(), threading.Event()
        self._listening: Any = None
        self._sent: dict[str, Any] = {}
        self._tries: dict[str, int] = {}
        self._running: set[str] = set()
        self._served: dict[str, int] = {}
        self._turn = itertools.count(1)
        self._carried: dict[str, int] = {}
        self._busy_at = time.monotonic()
        self._somebody_at = -math.inf
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def wake(self, *_: object) -> None:
        """Look now."""
        self._news.set()

    def close(self) -> None:
        """Serve no longer; what workers have in hand goes on."""
        self._closed.set()
        self._news.set()
        self._thread.join(timeout=30)

    @property
    def busy(self) -> bool:
        """Whether runs waited or were in hand at the last look."""
        return time.monotonic() - self._busy_at < 2 * BUSY_PAUSE

    def _work(self) -> None:
        trouble = ""
        while not self._closed.is_set():
            try:
                self.look()
                trouble = ""
            except ThawError as error:  # the store or the scheduler is away; both come back
                trouble = self._say(str(error), trouble)
            except Exception as error:  # what neither has announced, such as a worker that has just gone
                trouble = self._say(repr(error), trouble, error)
            self._news.wait(BUSY_PAUSE if self.busy else IDLE_PAUSE)
            self._news.clear()

    def _say(self, now: str, before: str, error: Exception | None = None) -> str:
        if now != before:
            log.warning("The queue could not be served; trying again. %s", now, exc_info=error)
        return now

    def look(self) -> None:
        """Charge deaths to the runs in hand, and give each free worker the run whose turn it is."""
        self._listen()
        seen = self.link.glance(PATIENCE)
        active = self.store.active()
        if active:
            self._busy_at = time.monotonic()
        self._forget_ended()
        self._charge(active, seen)
        waiting = [run for run in active if run.status == "queued" and run.id not in seen.runs]
        free = [worker for worker, taken in seen.workers.items() if not taken and worker not in seen.runs.values()]
        at_work = [run for run in active if run.id in seen.runs]
        if any(not is_background(run) for run in active):
            self._somebody_at = time.monotonic()
        somebody = time.monotonic() - self._somebody_at < SOMEBODY_SECONDS
        for worker in free:
            may = may_begin(waiting, at_work, len(seen.workers), somebody=somebody)
            if not may or self._hold():
                break
            run = next_in_turn(may, self._served)
            waiting.remove(run)
            at_work.append(run)
            self._give(run, worker)
        if not active:
            self._recycle(free)

    def _listen(self) -> None:
        client = self.link.client
        if client is not self._listening:
            client.subscribe_topic(TOPIC, self.wake)
            self._listening = client
            self._sent.clear()
            self._images.forget()

    def _charge(self, active: Iterable[Run], seen: Glance) -> None:
        """Fail the runs that have begun and that nobody has in hand.

        A run counts as begun that an earlier look saw running: it was sent before this glance at the scheduler, and had it ended, the
        store, which was read after it, would say so.
        """
        running = {run.id for run in active if run.status == "running"}
        for run_id in running & self._running:
            if seen.runs.get(run_id) is None:
                self.store.finish(run_id, "failed", error=DIED)
        self._running = running
        for run in active:
            if run.id in seen.runs and seen.runs[run.id] is None:  # its worker is gone: another must not begin it
                self._cancel(run.id)

    def _give(self, run: Run, worker: str) -> None:
        self._served[whose(run)] = next(self._turn)
        try:
            images = self._images.of(run.experiment)
        except EngineError:  # the scheduler is away; the run waits
            raise
        except ThawError as error:
            self.store.finish(run.id, "failed", error=str(error))
            return
        self._send(run.id, images, worker)
        self._carried[worker] = self._carried.get(worker, 0) + 1

    def _send(self, run_id: str, images: Any, worker: str) -> None:
        from distributed import fire_and_forget

        future = self.link.client.submit(
            execute,
            run_id,
            self.store.uri,
            images,
            key=f"run-{run_id}",
            pure=False,
            retries=0,
            workers=[worker],
            resources={"train": 1} if self.link.ours else None,
        )
        fire_and_forget(future)
        future.add_done_callback(self.wake)
        self._sent[run_id] = future

    def _forget_ended(self) -> None:
        """Let go of what has ended; a run that could not even begin waits again, and fails when that lasts."""
        for run_id, future in [(i, f) for i, f in self._sent.items() if f.done()]:
            del self._sent[run_id]
            error = future.exception(timeout=5) if future.status == "error" else None
            future.release()
            if error is None or isinstance(error, StoreError) or type(error).__name__ == "KilledWorker":
                self._tries.pop(run_id, None)
                continue
            self._images.forget()
            self._tries[run_id] = self._tries.get(run_id, 0) + 1
            with contextlib.suppress(ThawError):
                if self._tries[run_id] >= TRIES and self.store.get(run_id).status == "queued":
                    self.store.finish(run_id, "failed", error=f"No worker could begin it: {error}")

    def _cancel(self, run_id: str) -> None:
        from distributed import Future

        client = self.link.client
        self.link.within(PATIENCE, lambda: Future(f"run-{run_id}", client).cancel(force=True))

    def _recycle(self, free: list[str]) -> None:
        """Restart idle workers of our own that have carried out many runs: TensorFlow does not give all memory back."""
        if not self.link.ours or time.monotonic() - self._busy_at < RECYCLE_PAUSE:
            return
        tired = [worker for worker in free if self._carried.get(worker, 0) >= RECYCLE_AFTER]
        if tired:
            self._carried = {worker: n for worker, n in self._carried.items() if worker in free and worker not in tired}
            client = self.link.client
            self.link.within(2 * PATIENCE, lambda: client.restart_workers(tired, timeout=30, raise_for_error=False))


def may_begin(waiting: list[Run], at_work: list[Run], n_workers: int, *, somebody: bool) -> list[Run]:
    """Return the waiting runs that may begin now.

    Sweeps and trials use all workers; while somebody works, all but one where there are several, so that one run need not wait for them.
    """
    crowded = n_workers > 1 and sum(map(is_background, at_work)) >= n_workers - 1
    return [run for run in waiting if not (somebody and crowded and is_background(run))]


def is_background(run: Run) -> bool:
    """Tell whether a run is one of many that answer a question, rather than one that somebody waits for."""
    return run.group.startswith(BACKGROUND)


def next_in_turn(waiting: list[Run], served: dict[str, int]) -> Run:
    """Return the run that is to be trained next: one that somebody waits for before those of sweeps and trials; of several people
    the one who was served longest ago; of their runs the oldest.

    Parameters
    ----------
    waiting
        At least one run.
    served
        For each :func:`whose`, a number that grows with the time when it was last its turn.
    """
    return min(waiting, key=lambda run: (is_background(run), served.get(whose(run), 0), run.created))


def whose(run: Run) -> str:
    """Return for whom a run is: the browser session that asked for it, or its sweep where nobody knows."""
    return run.owner or run.group
