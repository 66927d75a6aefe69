"""Data, Compare, Runs, Diagnose and Learn."""

from core.experiment import DrawnDials
from core.runs import RunStore


def _button(page, label):
    return next(b for b in page.button if b.label == label)


def test_data_chooses_a_source_classes_and_split(open_page):
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


def test_data_refuses_a_single_class(open_page):
    page = open_page("data")
    page.multiselect(key="classes").set_value(["brick"]).run()
    assert not page.exception
    assert page.session_state.experiment.data.classes is None


def test_dials_of_the_drawn_images(open_page):
    page = open_page("data")
    page.button(key="use_drawn:shapes").click().run()
    page.slider(key="dial_n_images").set_value(60).run()
    page.slider(key="dial_brightness_shift").set_value(0.7).run()
    assert page.session_state.experiment.data.drawn == DrawnDials(n_images=60, brightness_shift=0.7)
    assert any("bright" in w.value.lower() for w in [*page.warning, *page.error])


def test_compare_shows_what_differs(open_page, finished_runs):
    page = open_page("compare", compared=finished_runs)
    assert len(page.get("plotly_chart")) == 2
    settings = page.dataframe[1].value
    assert list(settings.index) == ["freeze: thawed"]


def test_runs_can_be_searched(open_page, finished_runs):
    page = open_page("runs")
    page.text_input(key="search").set_value("page test thawed").run()
    assert page.dataframe[0].value["name"].tolist() == ["page test thawed"]
    page.text_input(key="search").set_value("nothing is called so").run()
    assert any("No run matches" in i.value for i in page.info)


def test_example_history_overfits(open_page):
    page = open_page("diagnose")
    _button(page, "Try an example").click().run()
    assert any("Overfitting" in m.value for m in page.markdown)
    assert len(page.get("plotly_chart")) == 2


def test_pasted_nonsense_gets_a_sentence(open_page):
    page = open_page("diagnose")
    page.text_area(key="history_text").set_value("a,b\n1,2\n").run()
    assert not page.exception
    assert any("loss" in e.value for e in page.error)


def test_learn_changes_the_experiment(open_page):
    page = open_page("learn")
    _button(page, "Freeze everything and feel the speed").click().run()
    assert page.session_state.experiment.freeze.thawed == ()


def test_deleting_removes_the_run(finished_runs):
    store = RunStore()
    copy = store.create(store.get(finished_runs[0]).experiment, name="to be deleted")
    store.finish(copy, "failed", error="never started")
    store.delete(copy)
    assert copy not in [r.id for r in store.list()]
