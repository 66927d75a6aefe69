"""Random kills cost the runs in hand and nothing else: the short form of the benchmark."""

import random

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


def test_what_a_page_could_not_say_in_words_is_counted(fresh_data_dir):
    assert faults.raw_errors(fresh_data_dir) == []
    log = logs.set_up("pages")
    logs.unexpected(ZeroDivisionError("division by zero"))
    assert faults.raw_errors(fresh_data_dir) == [
        line.split(": ", 1)[1] for line in log.read_text().splitlines() if "Number" in line
    ]
