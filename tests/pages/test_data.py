"""Data: choosing, splitting, and turning the dials of drawn images."""

from core.experiment import DrawnDials


def test_chooses_a_source_classes_and_split(open_page):
    page = open_page("data")
    page.button(key="use_builtin:digits").click().run()
    assert page.session_state.experiment.data.source == "builtin:digits"
    page.multiselect(key="classes").set_value(["3", "7"]).run()
    page.slider(key="validation_share").set_value(0.3).run()
    page.number_input(key="per_class").set_value(12).run()
    assert not page.exception
    data = page.session_state.experiment.data
    assert (data.classes, data.validation_fraction, data.images_per_class) == (("3", "7"), 0.3, 12)
    assert next(m.value for m in page.metric if m.label == "Train images") == "24"


def test_refuses_a_single_class(open_page):
    page = open_page("data")
    page.multiselect(key="classes").set_value(["bee"]).run()
    assert not page.exception
    assert page.session_state.experiment.data.classes is None


def test_a_dial_causes_what_the_health_notes_find(open_page):
    page = open_page("data")
    page.button(key="use_drawn:shapes").click().run()
    page.slider(key="dial_n_images").set_value(60).run()
    page.slider(key="dial_brightness_shift").set_value(0.7).run()
    assert page.session_state.experiment.data.drawn == DrawnDials(n_images=60, brightness_shift=0.7)
    assert any("bright" in w.value.lower() for w in [*page.warning, *page.error])


def test_every_source_has_a_card_and_the_one_in_use_says_so(open_page):
    page = open_page("data")
    page.button(key="use_builtin:digits").click().run()
    assert page.button(key="use_builtin:digits").disabled
    assert not page.button(key="use_builtin:materials").disabled
    assert {"download_flower_photos", "use_drawn:shapes"} <= {b.key for b in page.button}


def test_images_that_are_gone_get_a_sentence(open_page):
    from core.experiment import DataSpec, Experiment

    page = open_page("data", experiment=Experiment(data=DataSpec(source="upload:0000")), undo=[], redo=[])
    assert any("Upload the ZIP again" in e.value for e in page.error)
