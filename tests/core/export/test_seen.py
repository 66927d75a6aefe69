"""What fine-tuning changed, as a part of the report."""

import pytest

from core.errors import EngineError
from core.export import Side, report, seen
from tests.core.insight.conftest import pair, store  # noqa: F401  the runs that the tests of insight share


class Here:
    """Answers in this process what an engine asks a worker."""

    def call(self, function, *args, timeout: float):
        return function(*args)


class Nobody:
    """An engine whose workers do not answer."""

    def call(self, function, *args, timeout: float):
        raise EngineError("The worker is busy.")


@pytest.fixture(scope="module")
def html(store, pair) -> str:  # noqa: F811
    return seen.seen(Here(), store, *(store.get(i) for i in pair))


def test_it_is_small_and_needs_nothing_else(html):
    assert len(html) < 3_000_000
    assert "<script" not in html and "http" not in html.replace("http://www.w3.org", "")
    for title in ("Where it looks", "The map of pictures", "What moved", "The path between", "help and harm"):
        assert title in html
    assert html.count("<svg") == 4 and html.count("data:image/jpeg") > 20


def test_it_stands_in_the_report(store, pair, html):  # noqa: F811
    run = store.get(pair[1])
    page = report(Side(run, store.curves(run.id), store.evaluation(run.id), store.diagnosis(run.id)), seen=html)
    assert html in page and "What it learnt to look at" not in report(Side(run, store.curves(run.id), None, None))


def test_without_a_worker_the_report_goes_without(store, pair):  # noqa: F811
    assert seen.seen(Nobody(), store, None, store.get(pair[1])) == ""
