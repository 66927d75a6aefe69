"""A run that finds the disk full waits for room; one that has learnt something does not learn it twice."""

import pandas as pd
import pytest

from core.engine import execute
from core.errors import StorageError


class Store:
    def __init__(self, epochs: int = 0):
        self.epochs = epochs

    def curves(self, _run_id: str) -> pd.DataFrame:
        return pd.DataFrame({"epoch": range(self.epochs)})


def failing(times: int):
    """Return a training that finds the disk full so many times."""
    left = iter([True] * times)

    def train() -> str:
        if next(left, False):
            raise StorageError("The images could not be kept on disk.")
        return "finished"

    return train


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(execute.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(execute.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def test_a_run_waits_for_room_and_is_trained(clock):
    assert execute._given_room(failing(20), Store(), "run") == "finished"
    assert clock[0] == 20


def test_a_disk_that_stays_full_is_a_sentence_after_a_minute(clock):
    with pytest.raises(StorageError):
        execute._given_room(failing(1000), Store(), "run")
    assert 60 <= clock[0] <= 62


def test_a_run_that_has_curves_is_not_begun_again(clock):
    with pytest.raises(StorageError):
        execute._given_room(failing(1), Store(epochs=3), "run")
    assert clock[0] == 0
