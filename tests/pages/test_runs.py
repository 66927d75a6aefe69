"""Runs: where was that run?"""

import io
import zipfile

from PIL import Image

from core import data
from core.experiment import DataSpec
from core.runs import RunStore


def test_can_be_searched(open_page, finished_runs):
    page = open_page("runs")
    page.text_input(key="search").set_value("page test thawed").run()
    assert set(page.dataframe[0].value["name"]) == {"page test thawed"}
    page.text_input(key="search").set_value("nothing is called so").run()
    assert any("No run matches" in i.value for i in page.info)


def test_images_have_the_names_that_people_gave_them(open_page, finished_runs, tmp_path):
    archive = tmp_path / "hats.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for kind, colour in (("bowler", "black"), ("straw", "yellow")):
            for i in range(4):
                buffer = io.BytesIO()
                Image.new("RGB", (12 + i, 12), colour).save(buffer, "PNG")
                z.writestr(f"{kind}/{i}.png", buffer.getvalue())
    store = RunStore()
    made = store.get(finished_runs[0]).experiment
    uploaded = store.create(made.replace(data=DataSpec(source=data.import_zip(archive, "hats"))), name="of an upload")
    store.finish(uploaded, "stopped")
    images = open_page("runs").dataframe[0].value.set_index("name").images
    assert set(images[["of an upload"]]) == {"hats"}
    assert set(images[["page test frozen"]]) == {"Handwritten digits"}
    store.delete(uploaded)


def test_a_note_is_searched_too(open_page, finished_runs):
    store = RunStore()
    store.set_note(finished_runs[0], "shown in class on Monday")
    page = open_page("runs")
    page.text_input(key="search").set_value("monday class").run()
    assert page.dataframe[0].value["name"].tolist() == ["page test frozen"]
    store.set_note(finished_runs[0], "")


def test_runs_of_sweeps_are_shown_on_demand(open_page, finished_runs):
    store = RunStore()
    rung = store.create(store.get(finished_runs[0]).experiment, name="a rung", group="sweep-test")
    store.finish(rung, "stopped")
    page = open_page("runs")
    assert "a rung" not in page.dataframe[0].value["name"].tolist()
    page.toggle(key="all_groups").set_value(True).run()
    assert "a rung" in page.dataframe[0].value["name"].tolist()
    store.delete(rung)
    page.run()
    assert "a rung" not in page.dataframe[0].value["name"].tolist()
