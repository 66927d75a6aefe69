"""The Lab: choosing layers, head, augmentation and training; training for real."""

import io
import re
import time

import h5py
import numpy as np

from core.experiment import FreezeSpec, HeadSpec
from core.network import backbone
from core.runs import RunStore
from pages.parts import state


def _button(page, label):
    return next(b for b in page.button if b.label == label)


def _metric(page, label):
    return next(m.value for m in page.metric if m.label == label)


def _learns(page) -> tuple[int, int, int]:
    """Numbers of parameters that learn, as the page says them: together, in the backbone, and that as a percentage."""
    said = next(h.value for h in page.get("html") if "parameters learn" in h.value)
    both, backbone, share, head, *_ = (int(n.replace(",", "")) for n in re.findall(r"(?<=[>(])[\d,]+", said))
    assert both == backbone + head
    return both, backbone, share


def test_the_header_says_when_the_frozen_features_are_there(open_page, monkeypatch):
    ready = FreezeSpec.last(20)
    monkeypatch.setattr("core.training.known.are_ready", lambda x: x.freeze == ready)
    page = open_page("lab")
    said = lambda: any("features ready" in h.value for h in page.get("html"))  # noqa: E731
    assert not said()
    page.session_state.experiment = page.session_state.experiment.replace(freeze=ready)
    page.run()
    assert said()


def test_freezing_and_thawing_change_the_totals_and_can_be_undone(open_page):
    page = open_page("lab")
    assert page.session_state.experiment.freeze == FreezeSpec.last(4)
    _button(page, "All frozen").click().run()
    assert _learns(page)[1] == 0
    _button(page, "All thawed").click().run()
    assert _learns(page)[2] == 97  # BatchNorm stays locked
    page.toggle(key="lock_batchnorm").set_value(False).run()
    assert _learns(page)[1] == 2_223_872
    for _ in range(3):
        page.button(key="undo_button").click().run()
    assert page.session_state.experiment.freeze == FreezeSpec.last(4)
    page.button(key="redo_button").click().run()
    assert page.session_state.experiment.freeze == FreezeSpec()


def test_slider_number_block_and_range(open_page):
    page = open_page("lab")
    page.slider(key="thaw_last").set_value(38).run()
    assert page.session_state.experiment.freeze.thawed == tuple(range(116, 154))
    page.number_input(key="thaw_last_number").set_value(1).run()
    assert page.session_state.experiment.freeze.thawed == (153,)
    page.selectbox(key="block").set_value("block_16").run()
    _button(page, "Thaw block").click().run()
    assert len(page.session_state.experiment.freeze.thawed) == 8 + 1
    page.slider(key="layer_range").set_value((0, 9)).run()
    _button(page, "Thaw range").click().run()
    assert {0, 9} <= set(page.session_state.experiment.freeze.thawed)


def test_a_slider_that_has_not_heard_of_the_typed_number_does_not_undo_it(open_page, monkeypatch):
    monkeypatch.setattr(state, "ECHO_SECONDS", 600.0)  # a busy machine needs more than two to draw the page
    page = open_page("lab")
    page.number_input(key="thaw_last_number").set_value(6).run()
    assert page.slider(key="thaw_last").value == 6
    page.slider(key="thaw_last").set_value(4).run()  # what a browser reports that was not yet told
    assert page.session_state.experiment.freeze == FreezeSpec.last(6)
    page.slider(key="thaw_last").set_value(5).run()
    assert page.session_state.experiment.freeze == FreezeSpec.last(5)


def test_last_four_with_batchnorm_gives_keras_total(open_page):
    page = open_page("lab")
    page.toggle(key="lock_batchnorm").set_value(False).run()
    assert _learns(page)[1] == 412_800
    assert any("BatchNorm is thawed" in w.value for w in page.warning)


def test_head_can_be_edited_and_flatten_explodes(open_page):
    page = open_page("lab", editor_tab="Head")
    before = int(_metric(page, "Head parameters").replace(",", ""))
    _button(page, "Single dense on Flatten").click().run()
    assert page.session_state.experiment.head == HeadSpec.flatten()
    assert any("times as large" in w.value for w in page.warning)
    _button(page, "+ Dense").click().run()
    assert int(_metric(page, "Head parameters").replace(",", "")) > before
    page.number_input(key="head_0_units").set_value(16).run()
    assert page.session_state.experiment.head.layers[0].units == 16
    page.button(key="head_0_remove").click().run()
    assert page.session_state.experiment.head.layers == ()


def test_augmentation_presets_and_steps(open_page):
    page = open_page("lab", editor_tab="Augmentation")
    page.button(key="aug_light").click().run()
    assert [s.kind for s in page.session_state.experiment.augmentation.steps] == [
        "flip",
        "rotation",
        "zoom",
        "translation",
    ]
    page.slider(key="aug_1_strength").set_value(0.7).run()
    page.button(key="aug_1_arrow_upward").click().run()
    assert page.session_state.experiment.augmentation.steps[0].kind == "rotation"
    assert page.session_state.experiment.augmentation.steps[0].strength == 0.7
    page.button(key="aug_0_arrow_downward").click().run()
    assert [s.kind for s in page.session_state.experiment.augmentation.steps[:2]] == ["flip", "rotation"]
    page.select_slider(key="aug_views").set_value(0).run()
    assert page.session_state.experiment.augmentation.views == 0
    page.button(key="aug_none").click().run()
    assert page.session_state.experiment.augmentation.steps == ()


def test_training_settings_reach_the_experiment(open_page):
    page = open_page("lab", editor_tab="Training")
    page.number_input(key="training_epochs").set_value(3).run()
    page.toggle(key="stopping_on").set_value(True).run()
    page.number_input(key="stopping_patience").set_value(2).run()
    training = page.session_state.experiment.training
    assert (training.epochs, training.early_stopping.patience) == (3, 2)


def test_random_weights_are_called_not_pretrained(open_page):
    page = open_page("lab", editor_tab="Weights")
    page.radio(key="backbone_weights").set_value("random").run()
    assert any("Not pretrained" in e.value for e in page.error)
    next(b for b in page.button if b.label.startswith("Use ")).click().run()
    assert page.session_state.experiment.backbone.weights == "builtin"


def test_only_the_open_tab_is_drawn(open_page):
    page = open_page("lab", editor_tab="Training")
    keys = {w.key for kind in ("slider", "number_input", "toggle") for w in page.get(kind)}
    assert "training_epochs" in keys and "thaw_last" not in keys


def test_train_shows_curves_and_a_verdict(open_page, finished_runs):
    page = open_page("lab")
    page.session_state.experiment = RunStore().get(finished_runs[0]).experiment.replace(freeze=FreezeSpec.last(1))
    page.run()
    page.button(key="train").click().run()
    run_id = page.session_state.run_id
    store, deadline = RunStore(), time.monotonic() + 120
    while store.get(run_id).active and time.monotonic() < deadline:
        time.sleep(0.2)
    page.run()
    assert not page.exception
    assert store.get(run_id).status == "finished"
    assert any(
        v in h.value
        for h in page.get("html")
        for v in ("Good fit", "Underfitting", "Still improving", "Overfitting", "Inconclusive")
    )
    assert len(page.get("plotly_chart")) >= 3


def test_another_run_can_be_queued_beside_a_running_one(open_page, finished_runs):
    x = RunStore().get(finished_runs[0]).experiment
    slow = x.replace(freeze=FreezeSpec.last(38), training=x.training.replace(epochs=500))
    page = open_page("lab", experiment=slow, undo=[], redo=[])
    page.button(key="train").click().run()
    first = page.session_state.run_id
    page.button(key="queue").click().run()
    second = page.session_state.run_id
    assert second != first and page.session_state.baseline_id == first
    page.button(key="stop").click().run()
    page.query_params["run"] = first
    page.run()
    page.button(key="stop").click().run()
    store, deadline = RunStore(), time.monotonic() + 120
    while any(store.get(i).active for i in (first, second)) and time.monotonic() < deadline:
        time.sleep(0.1)
    ended = [store.get(i) for i in (first, second)]
    assert [(run.status, run.error) for run in ended] == [("stopped", "")] * 2
    page.run()
    assert not page.exception


def test_a_head_without_hidden_layers_on_a_frozen_network_is_called_a_linear_classifier(open_page):
    page = open_page("lab")
    _button(page, "All frozen").click().run()
    assert any("only the head learns" in c.value for c in page.caption)
    page.session_state.editor_tab = "Head"
    page.run()
    _button(page, "Single dense on Flatten").click().run()
    page.session_state.editor_tab = "Layers"
    page.run()
    assert any("a linear classifier on frozen features" in c.value for c in page.caption)


def test_weights_that_do_not_exist_for_a_width_are_called_out(open_page):
    page = open_page("lab", editor_tab="Weights")
    page.selectbox(key="backbone_alpha").set_value(0.5).run()
    assert any("no built-in weights for alpha 0.5" in e.value for e in page.error)


def test_link_to_a_run_opens_it(app, finished_runs):
    app.query_params["run"] = finished_runs[1]
    app.switch_page("pages/lab.py").run()
    assert not app.exception
    assert app.session_state.experiment == RunStore().get(finished_runs[1]).experiment


def test_link_to_a_run_that_does_not_exist_is_no_error(app):
    app.query_params["run"] = "0" * 32
    app.switch_page("pages/lab.py").run()
    assert not app.exception
    assert any("Nothing trained yet" in m.value for m in app.markdown)
    assert any("There is no run" in w.value for w in app.warning)


def test_a_run_that_failed_is_not_what_the_next_one_stands_beside(open_page, finished_runs):
    x = RunStore().get(finished_runs[0]).experiment
    failed = RunStore().create(x, name="failed")
    RunStore().finish(failed, "failed", error="no such file")
    page = open_page("lab", experiment=x, undo=[], redo=[], run_id=failed)
    page.button(key="train").click().run()
    assert page.session_state.run_id != failed
    assert page.session_state.baseline_id is None
    RunStore().request_stop(page.session_state.run_id)


def test_an_uploaded_weights_file_brings_its_width_and_another_file_is_refused_at_once(open_page):
    page = open_page("lab", editor_tab="Weights")
    page.file_uploader(key="weights_upload").set_value(("mine.h5", b"no HDF5", "application/octet-stream")).run()
    assert any("mine.h5 is not a weights file" in e.value for e in page.error)
    assert page.session_state.experiment.backbone.weights == "builtin"

    content = io.BytesIO()
    with h5py.File(content, "w") as file, np.load(backbone.builtin_file(0.35)) as arrays:
        for name in arrays.files:
            file[name] = arrays[name]
    page.file_uploader(key="weights_upload").set_value(
        ("good.h5", content.getvalue(), "application/octet-stream")
    ).run()
    assert not page.error
    assert page.session_state.experiment.backbone.alpha == 0.35
    assert any("0.35 · weights from a file" in h.value for h in page.get("html")), [h.value for h in page.get("html")]
    page.selectbox(key="backbone_alpha").set_value(1.0).run()
    assert any("made for alpha 0.35, not 1.0" in e.value for e in page.error)


def test_live_says_why_it_waits_where_a_run_takes_long(open_page):
    page = open_page("lab")
    page.toggle(key="live").set_value(True).run()
    x = page.session_state.experiment
    page.session_state.experiment = x.replace(training=x.training.replace(epochs=500), freeze=FreezeSpec.last(154))
    page.run()
    assert not page.exception
    assert any("Live waits" in info.value for info in page.info)
    page.toggle(key="live").set_value(False).run()
    assert not page.exception


def test_how_long_a_run_takes_counts_the_frozen_features_until_they_are_known(open_page, finished_runs):
    known = RunStore().get(finished_runs[0]).experiment
    page = open_page("lab")
    page.session_state.experiment = known.replace(
        data=known.data.replace(seed=77), training=known.training.replace(seed=77)
    )
    page.run()
    assert "the first run takes about" in _told(page)
    page.session_state.experiment = known
    page.run()
    assert "a run takes about" in _told(page) and "the first run" not in _told(page)
    assert "all frozen now" in " ".join(m.value for m in page.markdown)


def _told(page) -> str:
    return " ".join(h.value for h in page.get("html"))
