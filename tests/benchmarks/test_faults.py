"""Random kills cost the runs in hand and nothing else (the short form of the benchmark), and Ctrl+C ends what it says."""

import random
import signal
import time

import pytest

from benchmarks import faults
from core import logs
from core.engine import cluster


@pytest.fixture
def home(fresh_data_dir):
    yield fresh_data_dir
    cluster.stop()


def test_kills_and_a_held_database_lose_nothing(home, monkeypatch):
    order = iter(
        ["cluster"]
    )  # the deaths of a worker and of the page server are tried in tests/core/engine and test_start
    monkeypatch.setattr(faults, "QUEUED", 2)
    monkeypatch.setattr(random.Random, "choice", lambda *_: next(order))
    monkeypatch.setattr(random.Random, "shuffle", lambda *_: None)
    monkeypatch.setattr(random.Random, "uniform", lambda _, low, high: low)
    made = faults.measure(home, kills=1, holds=1, fills=0, seed=0)
    assert (made["kills"], made["holds"]) == (1, 1)
    assert made["lost_runs"] == made["unfinished"] == made["orphans"] == made["raw_errors"] == 0
    assert made["failed_in_hand"] <= 2 <= made["runs"]


@pytest.fixture
def at_work(home):
    """A Thaw that is at a run, started as people start it."""
    thaw = faults.Thaw(home)
    thaw.store.create(faults.experiment(0))
    while not thaw.running():
        time.sleep(0.1)
    thaw.family()
    yield thaw
    thaw.end()


def interrupt(thaw: faults.Thaw, until_said: str) -> None:
    thaw.process.send_signal(signal.SIGINT)
    while until_said not in thaw.said() and thaw.process.poll() is None:
        time.sleep(0.05)


def test_ctrl_c_lets_the_run_in_progress_end_and_says_so(at_work):
    at_work.process.send_signal(signal.SIGINT)
    assert at_work.process.wait(180) == 0
    assert [run.status for run in at_work.runs()] == ["finished"]
    assert "A run is in progress" in at_work.said() and "Thaw has stopped" in at_work.said()
    assert at_work.left() == []


def test_ctrl_c_again_ends_the_run_too_and_keeps_its_curves(at_work):
    interrupt(at_work, "A run is in progress")
    at_work.process.send_signal(signal.SIGINT)
    assert at_work.process.wait(60) == 0
    [run] = at_work.runs()
    assert run.status == "stopped"  # by the worker itself where it still heard of it, else in its place
    assert at_work.left() == []


def test_what_a_page_could_not_say_in_words_is_counted(fresh_data_dir):
    assert faults.raw_errors(fresh_data_dir) == []
    log = logs.set_up("pages")
    logs.unexpected(ZeroDivisionError("division by zero"))
    assert faults.raw_errors(fresh_data_dir) == [
        line.split(": ", 1)[1] for line in log.read_text().splitlines() if "Number" in line
    ]
