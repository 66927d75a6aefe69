"""What a run can be taken away as, drawn for a real finished run."""

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from core.experiment import DataSpec
from core.runs import RunStore
from pages.parts.run import exports


def draw(run_id: str) -> None:
    from core.runs import RunStore
    from pages.parts.run import exports

    exports.draw(RunStore().get(run_id))


@pytest.fixture
def drawn():
    def made(run_id: str) -> AppTest:
        page = AppTest.from_function(draw, args=(run_id,), default_timeout=60).run()
        assert not page.exception, page.exception
        return page

    return made


def test_a_finished_run_shows_its_code_and_offers_every_file(drawn, finished_runs):
    page = drawn(finished_runs[1])
    buttons = {b.proto.label: b.proto.disabled for b in page.get("download_button")}
    assert buttons == dict.fromkeys(
        ["experiment.json", "curves.csv", "model.keras", "report.html", "Keras code"], False
    )
    assert "for layer in base_model.layers[:-4]:" in page.code[0].value


def test_a_run_whose_images_are_gone_says_so_and_keeps_the_rest(drawn, finished_runs):
    store = RunStore()
    x = store.get(finished_runs[0]).experiment
    lost = store.create(x.replace(data=DataSpec(source="upload:0000")), name="page test lost images")
    store.finish(lost, "finished")
    buttons = {b.proto.label: b.proto for b in drawn(lost).get("download_button")}
    assert buttons["Keras code"].disabled and "Upload the ZIP again" in buttons["Keras code"].help
    assert not buttons["report.html"].disabled
    store.delete(lost)


def test_what_is_downloaded_is_whole(finished_runs):
    from core import data

    run = RunStore().get(finished_runs[1])
    dataset = data.load(run.experiment.data, run.experiment.backbone.size)
    with zipfile.ZipFile(io.BytesIO(exports._bundle(run.experiment, dataset, run.name))) as archive:
        names = set(archive.namelist())
    assert {"train.py", "train.ipynb", "experiment.json", "mobilenet_v2_builtin_0.35_no_top.npz"} <= names
    assert sum(name.startswith("images/train/") for name in names) == 60
    page = exports._report(run)
    assert run.name in page and "Class by class" in page
