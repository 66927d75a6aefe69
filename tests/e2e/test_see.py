"""See in a real browser: hold something up, drop a picture, draw round points, walk the path, read the tree."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

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


def test_the_tree_shows_what_was_changed_from_what(see):
    see.goto("/runs")
    see.get_by_role("radio", name="Tree").or_(see.get_by_role("button", name="Tree")).first.click()
    expect(see.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=LONG)
    expect(see.get_by_text("page test thawed").first).to_be_visible(timeout=LONG)
