"""A file that would exhaust the server exhausts a process of its own, and is refused with a sentence."""

import os
import time

import psutil
import pytest

from core import sandbox
from core.errors import DataError, HistoryError

TIGHT = sandbox.Limits(memory=200 * 2**20, processor=2, wall=20.0)


def double(x):
    print("what is printed must not disturb")
    return 2 * x


def refuse():
    raise HistoryError("There is no epoch in it.")


def grow():
    return len(b"x" * (3 * 2**30))


def spin():
    while True:
        pass


def sleep():
    time.sleep(60)


def crash():
    os.abort()


def fail():
    raise KeyError("some reader's own error")


def count(n, progress):
    for i in range(n):
        progress(f"{i} of {n}", i / n)
        time.sleep(0.02)
    return n


def test_the_result_comes_back():
    assert sandbox.run(double, 21) == 42


def test_a_refusal_comes_back_as_it_was():
    with pytest.raises(HistoryError, match=r"There is no epoch in it\."):
        sandbox.run(refuse)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [(grow, "more memory"), (spin, "longer"), (crash, "may be damaged"), (fail, "may be damaged")],
)
def test_what_exhausts_or_breaks_it_is_said(function, sentence):
    with pytest.raises(DataError, match=sentence):
        sandbox.run(function, limits=TIGHT)


def test_what_hangs_is_ended():
    with pytest.raises(DataError, match="longer"):
        sandbox.run(sleep, limits=sandbox.Limits(wall=1.5))
    assert not children()


def test_progress_arrives_and_whoever_stops_waiting_ends_it():
    seen = []
    assert sandbox.run(count, 40, progress=lambda *now: seen.append(now)) == 40
    assert any(0 < share < 1 for _, share in seen)

    class Closed(BaseException):
        """As Streamlit raises where a tab was closed."""

    def closed(*_):
        raise Closed

    with pytest.raises(Closed):
        sandbox.run(count, 10_000, progress=closed)
    assert not children()


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "core.sandbox" in p.cmdline()]
