"""Data: choosing, splitting, and turning the dials of drawn images."""

from core import data
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


def uploaded(tmp_path, classes: dict[str, int], extra: dict[str, bytes] | None = None, **spec: object):
    """Return the state that opens the page on an upload of so many pictures a folder."""
    import io

    from core import data
    from core.experiment import DataSpec, Experiment
    from tests.conftest import write_folder
    from tests.core.data.zips import zip_bytes, zip_folder

    members = zip_folder(write_folder(tmp_path / "set", classes, side=32)) | (extra or {})
    source = data.import_zip(io.BytesIO(zip_bytes(members)), "my set")
    return {"experiment": Experiment(data=DataSpec(source=source, **spec)), "undo": [], "redo": []}


def test_what_was_understood_is_shown_before_anything_is_trained(open_page, tmp_path):
    lost = {f"train/bird/{i}.jpg": b"broken" for i in range(4)}
    counts = {"train/cat": 8, "train/dog": 8, "val/cat": 4, "val/dog": 4, "extra": 2}
    page = open_page("data", **uploaded(tmp_path, counts, lost))
    assert any(
        "2 classes" not in c.value and "3 classes" in c.value and "1 folder left out" in c.value for c in page.caption
    )
    assert any("The class 'bird' lost all 4 pictures" in e.value for e in page.error)
    assert any(t.label.startswith("Health · ") for t in page.tabs)
    assert "Folders" in [t.label for t in page.tabs]
    page.toggle(key="given_split").set_value(False).run()
    assert not page.exception
    assert page.session_state.experiment.data.given_split is False


def test_edits_are_listed_and_taken_back(open_page, tmp_path):
    from core.data import edits
    from core.experiment import DataEdits

    made = edits.remove(edits.relabel(DataEdits(), ["cat/000.jpg"], "dog"), ["cat/001.jpg"])
    page = open_page("data", **uploaded(tmp_path, {"cat": 8, "dog": 8}, edits=made))
    assert any("2 edits" in m.value for m in page.markdown)
    assert {t.value for t in page.text} >= {"cat/000.jpg: moved to 'dog'", "cat/001.jpg: left out"}
    page.toggle(key="gallery_edit").set_value(True).run()
    page.toggle(key="gallery_edit").set_value(False).run()
    page.button(key="edits_clear").click().run()
    assert page.session_state.experiment.data.edits == DataEdits()


def test_edits_are_remembered_while_other_images_are_looked_at():
    from streamlit.testing.v1 import AppTest

    def script() -> None:
        import streamlit as st

        from core.data import edits
        from core.experiment import DataEdits, DataSpec, Experiment
        from pages.parts import image_sources, state

        made = edits.remove(DataEdits(), ["cat/001.jpg"])
        own = Experiment(data=DataSpec(source="upload:mine", edits=made))
        st.session_state.update(experiment=own, undo=[], redo=[])
        image_sources._choose("builtin:digits")
        st.session_state.there = state.experiment().data.edits == DataEdits()
        image_sources._choose("upload:mine")
        st.session_state.back = state.experiment().data.edits == made

    page = AppTest.from_function(script).run(timeout=30)
    assert not page.exception
    assert page.session_state.there
    assert page.session_state.back


def test_copies_are_shown_and_put_on_one_side(open_page, tmp_path):
    from tests.conftest import write_folder
    from tests.core.data.zips import zip_folder

    copies = zip_folder(write_folder(tmp_path / "set", {"train/cat": 6, "train/dog": 6}, side=32))
    again = {name.replace("train/", "val/"): content for name, content in copies.items()}
    page = open_page("data", **uploaded(tmp_path, {"train/cat": 6, "train/dog": 6}, again))
    assert any("All 12 validation images are copies" in e.value for e in page.error)
    page.button(key="one_side_validation").click().run()
    assert not page.exception
    assert not any("are copies" in e.value for e in page.error)


def test_a_refused_layout_can_be_put_right(open_page, tmp_path):
    from core.experiment import DataEdits

    state = uploaded(tmp_path, {"cat": 6, "dog": 6})
    spec = state["experiment"].data.replace(edits=DataEdits(folders=(("dog", "out"),)))
    page = open_page("data", **{**state, "experiment": state["experiment"].replace(data=spec)})
    assert any("There is only one class, 'cat'" in e.value for e in page.error)
    page.button(key="edits_clear").click().run()
    assert not any("only one class" in e.value for e in page.error)
    assert next(m.value for m in page.metric if m.label == "Classes") == "2"


def test_an_upload_is_deleted_and_the_page_goes_on(open_page, tmp_path):
    given = uploaded(tmp_path, {"hat": 6, "cap": 6})
    page = open_page("data", **given)
    page.button(key="delete_upload").click().run()
    assert not page.exception
    assert page.session_state.experiment.data.source == "builtin:creatures"
    assert given["experiment"].data.source not in {s.key for s in data.sources()}
