"""Random kills cost the runs in hand and nothing else: the short form of the benchmark."""

import random
import signal
import time
from collections.abc import Callable

import pytest

from benchmarks import faults
from core import logs
from core.engine import cluster
from core.experiment import TrainingSpec


@pytest.fixture
def home(fresh_data_dir):
    yield fresh_data_dir
    cluster.stop()


def test_kills_and_a_held_database_lose_nothing(home, monkeypatch):
    order = iter(["cluster", "page server", "worker"])
    monkeypatch.setattr(faults, "QUEUED", 2)
    monkeypatch.setattr(random.Random, "choice", lambda *_: next(order))
    monkeypatch.setattr(random.Random, "shuffle", lambda *_: None)
    monkeypatch.setattr(random.Random, "uniform", lambda _, low, high: low)
    made = faults.measure(home, kills=3, holds=1, fills=0, seed=0)
    assert (made["kills"], made["holds"]) == (3, 1)
    assert made["lost_runs"] == made["unfinished"] == made["orphans"] == made["raw_errors"] == 0
    assert made["failed_in_hand"] <= 2 < made["runs"]


def test_ctrl_c_waits_for_the_run_in_progress_and_a_second_one_ends_it(home):
    thaw = faults.Thaw(home)
    long = faults.experiment(0).replace(training=TrainingSpec(epochs=2000, batch_size=4))
    run_id = thaw.store.create(long)
    until(lambda: len(thaw.store.curves(run_id)) > 1)
    thaw.family()
    thaw.process.send_signal(signal.SIGINT)
    until(lambda: "A run is in progress" in thaw.said())
    before = len(thaw.store.curves(run_id))
    until(lambda: len(thaw.store.curves(run_id)) > before)
    assert thaw.store.get(run_id).status == "running" and thaw.process.poll() is None
    thaw.process.send_signal(signal.SIGINT)
    thaw.process.wait(120)
    assert thaw.left() == []
    assert thaw.store.get(run_id).status == "stopped" and len(thaw.store.curves(run_id)) > before


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_a_page_could_not_say_in_words_is_counted(fresh_data_dir):
    assert faults.raw_errors(fresh_data_dir) == []
    log = logs.set_up("pages")
    logs.unexpected(ZeroDivisionError("division by zero"))
    assert faults.raw_errors(fresh_data_dir) == [
        line.split(": ", 1)[1] for line in log.read_text().splitlines() if "Number" in line
    ]
