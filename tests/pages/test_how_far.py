"""How far to thaw? Sweeps and the learning-rate finder, run for real on a few images."""

import time

import pytest

from core.runs import RunStore


@pytest.fixture
def small(finished_runs):
    """A frozen experiment that trains in a moment."""
    x = RunStore().get(finished_runs[0]).experiment
    return x.replace(training=x.training.replace(epochs=2))


def test_says_what_one_gets_before_anything_is_trained(open_page):
    page = open_page("how_far")
    assert sum("What you get" in i.value for i in page.info) == 2


def test_data_amount_curve_ends_with_advice(open_page, small):
    page = open_page("how_far", experiment=small, undo=[], redo=[])
    page.button(key="start_amount").click().run()
    store, deadline = RunStore(), time.monotonic() + 120
    while time.monotonic() < deadline and any(r.active for r in store.list()):
        time.sleep(0.2)
    page.run()
    assert not page.exception
    assert page.button(key="start_amount").label == "Start anew"
    assert any("training images the validation accuracy changed by" in m.value for m in page.markdown)
    assert len(page.get("plotly_chart")) == 1


def test_rate_finder_offers_a_rate_to_take(open_page, small):
    page = open_page("how_far", experiment=small, undo=[], redo=[])
    page.button(key="start_rate").click().run(timeout=120)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    take = [b for b in page.button if b.label.startswith("Use ")]
    if take:
        take[0].click().run()
        assert page.session_state.experiment.training.learning_rate != small.training.learning_rate
    else:
        assert any("nothing can be suggested" in i.value for i in page.info)
