"""Live trains what the settings ask for, stops what they no longer ask for, and keeps nothing of that."""

import pytest

from core.experiment import Experiment, FreezeSpec, opening
from core.runs import RunStore
from core.studies.live import AHEAD, GROUP, PAUSE_SECONDS, Live, neighbours, recall


class Hand:
    """An engine whose runs end when the test says so, on the real store."""

    def __init__(self, store: RunStore):
        self.store, self.stopped = store, []

    def submit(self, experiment: Experiment, *, name: str = "", group: str = "lab") -> str:
        return self.store.create(experiment, name=name, group=group)

    def stop(self, run_id: str) -> None:
        self.stopped.append(run_id)
        self.store.request_stop(run_id)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture(scope="module")
def store() -> RunStore:
    return RunStore()


@pytest.fixture
def live(store, now) -> Live:
    for run in [*store.list(group=GROUP), *store.list(group=AHEAD)]:
        store.delete(run.id)
    return Live(Hand(store), {}, clock=lambda: now[0])


def at(n: int) -> Experiment:
    return opening().replace(freeze=FreezeSpec.last(n))


def pause(live: Live, now: list[float], x: Experiment, ahead=()) -> None:
    """Leave the settings alone for long enough."""
    live.want(x, ahead)
    now[0] += 2 * PAUSE_SECONDS
    live.want(x, ahead)


def test_a_slider_that_is_dragged_starts_one_run(live, now) -> None:
    for n in (1, 2, 3):
        live.want(at(n))
        now[0] += PAUSE_SECONDS / 2
    assert live.running is None
    now[0] += 2 * PAUSE_SECONDS
    live.want(at(3))
    assert [r.experiment for r in live.engine.store.list(group=GROUP)] == [at(3)]


def test_a_further_change_ends_the_run_and_leaves_nothing_behind(live, now) -> None:
    pause(live, now, at(4))
    first = live.running.id
    live.want(at(5))
    assert live.engine.stopped == [first]
    live.engine.store.finish(first, "stopped")
    now[0] += 2 * PAUSE_SECONDS
    live.want(at(5))
    assert [r.experiment for r in live.engine.store.list(group=GROUP)] == [at(5)]


def test_what_was_trained_is_shown_at_once_with_the_last_result_behind_it(live, now) -> None:
    for n in (4, 5):
        pause(live, now, at(n))
        live.engine.store.finish(live.running.id, "finished")
        live.want(at(n))
    five = live.shown
    live.want(at(4))
    assert live.engine.store.get(live.shown).experiment == at(4)
    assert live.ghost == five
    assert live.running is None


def test_while_nothing_changes_the_neighbours_are_trained_and_make_way_at_once(live, now) -> None:
    x = at(4)
    pause(live, now, x, neighbours(x))
    live.engine.store.finish(live.running.id, "finished")
    live.want(x, neighbours(x))
    assert live.running.group == AHEAD
    assert live.running.experiment == neighbours(x)[0]
    ahead = live.running
    live.want(ahead.experiment)  # asked for while it trains: it goes on, and is shown
    assert live.shown == ahead.id
    live.want(at(7))
    assert live.engine.stopped == [ahead.id]


def test_a_failed_run_is_not_tried_again_until_something_changes(live, now) -> None:
    pause(live, now, at(4))
    live.engine.store.finish(live.running.id, "failed", error="no room")
    for _ in range(5):
        now[0] += 1
        live.want(at(4))
    assert len(live.engine.store.list(group=GROUP)) == 1


def test_only_so_many_are_kept(live, now, monkeypatch) -> None:
    monkeypatch.setattr("core.studies.live.MOST_KEPT", 2)
    for n in (1, 2, 3, 4):
        pause(live, now, at(n))
        live.engine.store.finish(live.running.id, "finished")
        live.want(at(n))
    live.want(at(4))
    assert {len(r.experiment.freeze.thawed) for r in live.engine.store.list(group=GROUP)} == {3, 4}


def test_lists_do_not_show_live_runs_and_a_server_recalls_the_finished_ones(live) -> None:
    store = live.engine.store
    kept, broken, mine = (store.create(at(n), group=g) for n, g in ((1, GROUP), (2, AHEAD), (3, "lab")))
    store.finish(kept, "finished")
    store.finish(broken, "stopped")
    assert mine in [r.id for r in store.list()]
    assert not {kept, broken} & {r.id for r in store.list()}
    assert recall(store) == {at(1).id: kept}
    assert store.list(group=AHEAD) == []


def test_neighbours_are_a_block_away_and_the_presets() -> None:
    depths = [len(x.freeze.thawed) for x in neighbours(at(4))]
    assert len(set(depths)) == len(depths)
    assert {0, 12} <= set(depths) and 4 not in depths
    assert min(d for d in depths if d > 4) - 4 < 12
    chosen = opening().replace(freeze=FreezeSpec(thawed=(3, 9)))
    assert neighbours(chosen) == []
    assert neighbours(replace_seed(at(4)))[0].training.seed == 5


def replace_seed(x: Experiment) -> Experiment:
    return x.replace(training=x.training.replace(seed=5))
