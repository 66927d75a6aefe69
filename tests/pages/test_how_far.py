"""How far to thaw? Sweeps and the learning-rate finder, run for real on a few images."""

import time

import pytest

from core.experiment import Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore
from tests import made_runs


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


@pytest.fixture
def sweep():
    """A depth sweep that ended, on drawn shapes; its id and its runs' Experiment."""
    x = Experiment(data=made_runs.SHAPES, training=TrainingSpec(epochs=6)).replace(backbone={"size": 96})
    store = RunStore()
    ids = [
        made_runs.put(store, x.replace(freeze=FreezeSpec.last(n)), made_runs.Made(), name=str(n), group="sweep-linked")
        for n in (0, 4)
    ]
    yield "linked", x
    for run_id in ids:
        store.delete(run_id)


def chips(page) -> str:
    return " ".join(h.value for h in page.get("html") if "chip" in h.value)


def test_a_link_to_a_sweep_shows_its_images_and_settings(app, sweep):
    """The header once named those of whoever opened the link."""
    app.query_params["depth"] = sweep[0]
    app.switch_page("pages/how_far.py").run()
    assert not app.exception, app.exception
    assert "Drawn shapes" in chips(app).split("</span>")[0] and "6 epochs" in chips(app)
    assert app.session_state.experiment.data == sweep[1].data, "what one changes next begins where the sweep is"


def test_settings_changed_after_a_sweep_do_not_change_its_header(app, sweep):
    other = Experiment()
    app.session_state.experiment = other
    app.query_params["depth"] = sweep[0]
    app.switch_page("pages/how_far.py").run()
    assert "Drawn shapes" in chips(app).split("</span>")[0]
    assert app.session_state.experiment == other
    assert any("The editor holds other settings now" in c.value for c in app.caption)


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
