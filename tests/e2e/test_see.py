"""See in a real browser: hold something up, drop a picture, draw round points, walk the path, read the tree."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from core.experiment import DropoutLayer
from core.runs import RunStore
from tests.pages.conftest import finished_runs  # noqa: F401  the runs that the tests of pages share

LONG = 180_000


@pytest.fixture
def see(chromium, server, finished_runs):  # noqa: F811
    """The page with a pair of runs."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 1300}, base_url=server.url, permissions=["camera"]
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"/see?run={finished_runs[1]}&before={finished_runs[0]}")
    expect(page.locator(".answers").nth(1)).to_be_visible(timeout=LONG)
    yield page
    context.close()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((80, 60, 3), (20, 20, 20), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_person_holds_something_up_drops_a_picture_and_walks_the_path(see):
    see.get_by_role("radio", name="Live").or_(see.get_by_role("button", name="Live")).first.click()
    see.get_by_role("button", name="Start the camera").click()
    expect(see.locator(".answers").nth(1)).to_be_visible(timeout=LONG)
    see.get_by_role("button", name="Stop the camera").click()

    see.get_by_role("radio", name="Files").or_(see.get_by_role("button", name="Files")).first.click()
    see.locator("input[type=file]").set_input_files({"name": "black.png", "mimeType": "image/png", "buffer": picture()})
    expect(see.get_by_text("black.png").first).to_be_visible(timeout=LONG)
    expect(see.locator(".answers").nth(1)).to_be_visible(timeout=LONG)
    see.locator("input[type=file]").set_input_files(
        {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    expect(see.get_by_text("is not an image").first).to_be_visible(timeout=LONG)

    see.get_by_role("tab", name="Map of pictures").click()
    points = see.locator(".map svg")
    expect(points).to_be_visible(timeout=LONG)
    box = points.bounding_box()
    see.locator(".points path").nth(3).hover(force=True)
    expect(see.locator(".map .tip")).to_be_visible()
    corners = [(0.01, 0.01), (0.5, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)]
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    see.mouse.move(*at[0])
    see.mouse.down()
    for x, y in at[1:]:
        see.mouse.move(x, y, steps=4)
    see.mouse.up()
    expect(see.get_by_text("the first 24 are shown")).to_be_visible(timeout=LONG)

    see.get_by_role("tab", name="The path between").click()
    slider = see.get_by_role("slider", name="How far along")
    expect(slider).to_be_visible(timeout=LONG)
    before = slider.get_attribute("aria-valuenow")
    slider.press("ArrowRight")
    expect(slider).not_to_have_attribute("aria-valuenow", before or "", timeout=LONG)


@pytest.fixture
def six_runs(finished_runs):  # noqa: F811
    """The pair, and four runs that were changed from its second one after another."""
    store, (first, second) = RunStore(), finished_runs[:2]
    x, last, made = store.get(second).experiment, second, []
    for rate in (0.1, 0.2, 0.3, 0.4):
        changed = x.replace(head=x.head.replace(layers=(DropoutLayer(rate=rate),)))
        made.append(store.create(changed, name=f"dropout {rate}", baseline_id=last, status="running"))
        store.log_epochs(made[-1], store.curves(second).to_dict("records"))
        store.save_results(
            made[-1], store.evaluation(second), store.diagnosis(second), *parts_of(store.measured(second))
        )
        store.finish(made[-1], "finished")
        last = made[-1]
    yield [first, second, *made]
    for run_id in made:
        store.delete(run_id)


def parts_of(measured: dict) -> tuple[dict, dict]:
    return measured["probes"], measured["frontier"]


def test_the_tree_of_six_runs_says_what_changed_and_two_clicks_compare(see, six_runs):
    see.goto("/runs")
    see.get_by_role("radio", name="Tree").or_(see.get_by_role("button", name="Tree")).first.click()
    points = see.locator(".js-plotly-plot .scatterlayer .points path.point")
    expect(points.nth(5)).to_be_attached(timeout=LONG)  # other tests may have left runs beside the six
    tree = see.locator(".js-plotly-plot").first
    for change in ("dropout", "page test thawed"):
        expect(tree.get_by_text(change).first).to_be_visible()
    points.nth(5).click(force=True)
    expect(see.get_by_text("Chosen:").first).to_be_visible(timeout=LONG)
    expect(see.get_by_role("link", name="in the Lab").first).to_be_visible()
    points.nth(0).click(force=True)
    see.get_by_role("link", name="Compare them").click()
    expect(see.locator("h1", has_text="Compare")).to_be_visible(timeout=LONG)
