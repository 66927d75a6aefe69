"""Whose turn it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.engine.dispatcher import RECYCLE_AFTER, RECYCLE_PAUSE, Dispatcher, may_begin, next_in_turn, whose
from core.engine.engine import advice
from core.experiment import Experiment
from core.runs import Run

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def waiting(number: int, group: str = "lab", owner: str = "") -> Run:
    return Run(str(number), "", "queued", Experiment(), NOON + timedelta(seconds=number), group=group, owner=owner)


def order(runs: list[Run]) -> list[str]:
    """Return the order in which one worker trains them."""
    left, served, names = list(runs), {}, []
    while left:
        run = next_in_turn(left, served)
        served[whose(run)] = len(names) + 1
        left.remove(run)
        names.append(run.id)
    return names


def test_the_oldest_comes_first():
    assert order([waiting(2), waiting(1), waiting(3)]) == ["1", "2", "3"]


def test_one_run_never_waits_for_a_sweep_or_for_trials():
    assert order([waiting(1, "sweep-a"), waiting(2, "trial-b"), waiting(3)])[0] == "3"


def test_people_take_turns():
    many = [waiting(n, owner="ann") for n in range(1, 5)]
    assert order([*many, waiting(5, owner="ben"), waiting(6, owner="ben")]) == ["1", "5", "2", "6", "3", "4"]


def test_sweeps_of_which_nobody_knows_who_asked_take_turns_too():
    runs = [waiting(1, "sweep-a"), waiting(2, "sweep-a"), waiting(3, "sweep-b")]
    assert order(runs) == ["1", "3", "2"]
    assert order([replace(run, owner="ann") for run in runs]) == ["1", "2", "3"], "one person's own come in order"


@pytest.mark.parametrize(
    ("workers", "at_work", "somebody", "begins"),
    [
        pytest.param(1, 0, True, ["sweep", "one"], id="one worker is for everybody"),
        pytest.param(3, 2, False, ["sweep", "one"], id="sweeps use all workers"),
        pytest.param(3, 1, True, ["sweep", "one"], id="and all but one while somebody works"),
        pytest.param(3, 2, True, ["one"], id="which is kept for them"),
    ],
)
def test_one_of_several_workers_is_kept_for_people_who_are_at_work(workers, at_work, somebody, begins):
    queue = [waiting(1, "sweep-a"), waiting(2)]
    busy = [waiting(10 + n, "trial-b") for n in range(at_work)]
    names = {"1": "sweep", "2": "one"}
    assert [names[run.id] for run in may_begin(queue, busy, workers, somebody=somebody)] == begins


class Restarts:
    """A connection of our own that only restarts workers."""

    ours = True

    def __init__(self):
        self.client, self.restarted = self, []

    def restart_workers(self, workers: list[str], **_: object) -> None:
        self.restarted += workers

    def within(self, _seconds: float, call) -> None:
        call()


def test_a_worker_that_has_carried_many_runs_is_renewed_when_nobody_needs_it():
    dispatcher = Dispatcher(None, Restarts())
    dispatcher._carried = {"tired": RECYCLE_AFTER, "fresh": 3, "gone": 2}
    dispatcher._recycle(["tired", "fresh"])
    assert dispatcher.link.restarted == [], "somebody has just been served"
    dispatcher._busy_at -= RECYCLE_PAUSE
    dispatcher._recycle(["fresh"])
    assert dispatcher.link.restarted == [], "the tired one is at work"
    dispatcher._recycle(["tired", "fresh"])
    assert dispatcher.link.restarted == ["tired"]
    assert dispatcher._carried == {"fresh": 3}


@pytest.mark.parametrize(
    ("address", "advised"),
    [
        (None, False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://cluster.school.example:8786", False),
        ("tcp://cluster.school.example:8786", True),
        ("cluster.school.example:8786", True),
        ("tcp://10.0.0.7:8786", True),
    ],
)
def test_encryption_is_recommended_where_others_share_the_network(address, advised):
    assert ("tls://" in advice(address)) == advised
