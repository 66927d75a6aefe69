"""Live: every change of the settings is trained by itself, and what was trained already is shown at once."""

import time
from collections.abc import Callable, Iterable, MutableMapping
from itertools import pairwise

from core.engine import Engine
from core.errors import ThawError
from core.experiment import N_LAYERS, Experiment, FreezeSpec
from core.network.layers import describe_mask, last_thawed_count, layer_table
from core.runs import Run, RunStore
from core.runs.run import PASSING

GROUP, AHEAD = PASSING  # runs that somebody asked for by a change, and those that may be asked for next
PAUSE_SECONDS = 0.3  # a slider that is being dragged asks for nothing
MOST_SECONDS = (
    15.0  # on two slow cores what the Lab opens with takes 5 to 8 s; what takes longer than this does not answer a knob
)
PRESETS = (0, 4, 12)
MOST_KEPT = 100  # finished live runs of a server, so that its store does not fill with them


class Live:
    """What one person's changes ask for: one run at a time, the wanted one first.

    Parameters
    ----------
    engine
        Carries runs out.
    known
        Ids of finished live runs by the identity of their Experiment; may be shared by everybody on a server.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, engine: Engine, known: MutableMapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine, self.known, self.clock = engine, known, clock
        self.wanted: Experiment | None = None
        self.since = 0.0
        self.running: Run | None = None
        self.shown: str | None = None
        self.ghost: str | None = None
        self.leftover: list[str] = []

    def want(self, experiment: Experiment, ahead: Iterable[Experiment] = ()) -> None:
        """Say what the settings are now, and do what is next: stop, start, notice an end, or train what may be asked for next.

        Parameters
        ----------
        experiment
            The settings.
        ahead
            What may be asked for next, the likeliest first.
        """
        if experiment != self.wanted:
            self.wanted, self.since = experiment, self.clock()
            if self.running and self.running.experiment != experiment:
                self._stop()
        self._sweep_up()
        self._notice_end()
        known = self.known.get(experiment.id)
        if known is not None:
            self._show(known)
        elif self.running is None and self.clock() - self.since >= PAUSE_SECONDS:
            self._start(experiment, GROUP)
        elif self.running is not None and self.running.experiment == experiment:
            self._show(self.running.id)
        following = next((x for x in ahead if x.id not in self.known), None) if known and self.running is None else None
        if following is not None:
            self._start(following, AHEAD)

    def close(self) -> None:
        """Stop what is running; finished runs stay known."""
        self._stop()
        self._sweep_up()

    def _start(self, experiment: Experiment, group: str) -> None:
        run_id = self.engine.submit(experiment, name=describe_mask(experiment.freeze), group=group)
        self.running = self.engine.store.get(run_id)
        if group == GROUP:
            self._show(run_id)

    def _show(self, run_id: str) -> None:
        if run_id != self.shown:
            if self.shown in self.known.values():
                self.ghost = self.shown
            self.shown = run_id

    def _stop(self) -> None:
        if self.running is not None:
            self.engine.stop(self.running.id)
            self.leftover.append(self.running.id)
            if self.shown == self.running.id:
                self.shown = self.ghost
            self.running = None

    def _notice_end(self) -> None:
        if self.running is None:
            return
        now = self.engine.store.get(self.running.id)
        if now.active:
            return
        if now.status == "finished":
            self.known[now.experiment.id] = now.id
            self._forget_oldest()
        self.running = None
        if now.status != "finished":
            self.since = float("inf")  # what failed is not tried again until something changes

    def _forget_oldest(self) -> None:
        for name in list(self.known)[: max(0, len(self.known) - MOST_KEPT)]:
            if (run_id := self.known[name]) not in (self.shown, self.ghost):
                del self.known[name]
                self.leftover.append(run_id)

    def _sweep_up(self) -> None:
        """Delete runs that were stopped, once they have ended."""
        for run_id in list(self.leftover):
            try:
                if not self.engine.store.get(run_id).active:
                    self.engine.store.delete(run_id)
                    self.leftover.remove(run_id)
            except ThawError:
                self.leftover.remove(run_id)


def recall(store: RunStore) -> dict[str, str]:
    """Return the finished live runs of a store by what they trained, and delete those that are old, or never finished."""
    ended = [run for group in PASSING for run in store.list(group=group, limit=500) if not run.active]
    kept = [run for run in ended if run.status == "finished"][:MOST_KEPT]
    for run in ended:
        if run not in kept:
            store.delete(run.id)
    return {run.experiment.id: run.id for run in kept}


def neighbours(experiment: Experiment) -> list[Experiment]:
    """Return what may be asked for next: a block more or less thawed, and the usual depths; nothing where single layers were chosen."""
    n = last_thawed_count(experiment.freeze)
    if n is None:
        return []
    bounds = _depths(experiment)
    near = [d for d in bounds if d > n][:1] + [d for d in reversed(bounds) if d < n][:1]
    depths = dict.fromkeys(d for d in (*near, *PRESETS) if d != n)
    lock = experiment.freeze.lock_batchnorm
    return [experiment.replace(freeze=FreezeSpec.last(d, lock_batchnorm=lock)) for d in depths]


def _depths(experiment: Experiment) -> list[int]:
    """Return by how many layers each block, counted from the end, is thawed whole."""
    table = layer_table(experiment.backbone)
    starts = [later.index for earlier, later in pairwise(table) if earlier.block != later.block]
    return [0, *(N_LAYERS - start for start in reversed(starts)), N_LAYERS]
