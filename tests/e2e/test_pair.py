"""A finished pair on one screen, on a projector, on a phone; runs are put into the store, nothing is trained."""

import json

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from core.export import Side, report
from core.runs import RunStore
from tests import made_runs

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
WINDOW = {"width": 1280, "height": 720}
FONTS = """() => [...document.querySelectorAll('[data-testid=stMain] *, .st-key-present_switch *')].filter(e =>
  e.checkVisibility() && !e.closest('[data-testid=stPlotlyChart], svg, .st-key-style, [data-testid=stIconMaterial]') &&
  [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()))
  .map(e => [parseFloat(getComputedStyle(e).fontSize), e.textContent.trim().slice(0, 40)])"""
BOXES = "found => JSON.stringify(found.map(e => e.getBoundingClientRect()))"
IN_WINDOW = """counts => Object.entries(counts).every(([selector, n]) => {
  const boxes = [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect())
  return boxes.length == n &&
    boxes.every(b => b.top >= 0 && b.bottom <= innerHeight && b.left >= 0 && b.right <= innerWidth && b.width)
})"""
LEFT_OF_RESULTS = """() => {
  const [editor, results] = ['.st-key-lab_left', '.st-key-lab_right'].map(s => document.querySelector(s).getBoundingClientRect())
  return editor.right <= results.left && editor.width < results.width
}"""
LETTERING = """() => [...document.querySelectorAll('.js-plotly-plot text')].filter(e => e.textContent.trim() && e.checkVisibility())
  .map(e => parseFloat(getComputedStyle(e).fontSize))"""


@pytest.fixture(scope="module")
def runs() -> tuple[str, str]:
    return made_runs.pair(RunStore(), group="scenario-classic")


def open_pair(page: Page, path: str, charts: int = 4) -> None:
    page.set_viewport_size(WINDOW)
    page.goto(path)
    expect(page.locator(".sentence h2")).to_be_visible()
    expect(page.locator("[class*=_pair] .js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.locator("[class*=_pair] .js-plotly-plot")).to_have_count(charts)


def expect_in_window(page: Page, counts: dict[str, int]) -> None:
    """Wait until there are as many of each of these parts as there should be, all inside the window."""
    try:
        page.wait_for_function(IN_WINDOW, arg=counts)
    except TimeoutError as error:
        boxes = {selector: json.loads(page.locator(selector).evaluate_all(BOXES)) for selector in counts}
        raise AssertionError(f"not in the window as they should be ({counts}): {boxes}") from error


PARTS = {
    ".sentence": 1,
    "[class*=_pair] .verdict": 2,
    "[class*=_pair] .js-plotly-plot": 4,
    "[class*=_pair] .finals": 2,
}


def test_a_finished_pair_in_the_lab_is_seen_without_scrolling_and_the_table_begins(page: Page, runs):
    open_pair(page, f"/lab?run={runs[1]}")
    expect(page.locator(".st-key-layer_editor [data-testid=stDataFrame]")).to_be_visible()
    expect_in_window(page, PARTS)
    table = page.locator(".st-key-layer_editor [data-testid=stDataFrame]")
    assert table.bounding_box()["y"] < 690
    table.hover()
    expect(
        page.locator(".st-key-layer_editor [data-testid=stElementToolbar]")
    ).to_be_hidden()  # it lay over “Whole table”
    page.get_by_role("button", name="Editor").click()
    expect(page.locator(".st-key-lab_left")).to_have_count(0)
    expect_in_window(page, PARTS)
    page.get_by_role("button", name="Editor").click()
    expect(page.locator(".st-key-lab_left")).to_be_visible()
    page.wait_for_function(LEFT_OF_RESULTS)


def test_on_a_phone_the_editor_comes_before_the_results(page: Page, runs):
    open_pair(page, f"/lab?run={runs[1]}")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".st-key-lab_left")).to_be_visible()
    assert page.locator(".st-key-lab_left").bounding_box()["y"] < page.locator(".st-key-lab_right").bounding_box()["y"]


def test_a_demonstration_is_seen_without_scrolling(page: Page, runs):
    open_pair(page, f"/?show=classic&runs={','.join(runs)}")
    expect_in_window(page, PARTS)


def test_on_a_projector_everything_is_large_fits_and_stays_so_from_page_to_page(page: Page, runs):
    open_pair(page, f"/lab?run={runs[1]}&present=1")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_hidden()
    assert [small for small in page.evaluate(FONTS) if small[0] < 18] == []
    assert min(page.evaluate(LETTERING)) >= 16
    expect_in_window(page, PARTS)
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").first.click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    page.wait_for_url("**/compare**present=1**")


def test_arrow_keys_step_through_a_demonstration_to_its_answer(page: Page, runs):
    page.goto(f"/?show=classic&runs={','.join(runs)}&present=1")
    for step in range(2, 7):
        expect(page.get_by_text(f"{step - 1} / 6", exact=True)).to_be_visible()
        page.locator("body[data-arrow-keys]").wait_for(state="attached")
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("6 / 6", exact=True)).to_be_visible()
    expect(page.get_by_text("Frozen, the model is right on")).to_be_in_viewport()
    assert [small for small in page.evaluate(FONTS) if small[0] < 18] == []


def test_the_style_sheet_survives_a_remedy_and_a_toast(page: Page, runs):
    open_pair(page, f"/lab?run={runs[1]}")
    page.locator("[class*=_remedy_] button").first.click()
    expect(page.get_by_test_id("stToast").first).to_be_visible()
    assert page.locator(".sentence").evaluate("e => getComputedStyle(e).borderLeftWidth") == "6px"


def test_the_report_lays_its_charts_beside_each_other_at_once(page: Page, runs, tmp_path):
    store = RunStore()
    before, after = (Side(store.get(i), store.curves(i), store.evaluation(i), store.diagnosis(i)) for i in runs)
    target = tmp_path / "report.html"
    target.write_text(report(after, before), encoding="utf-8")
    page.goto(target.as_uri())
    expect(page.locator(".plotly-graph-div .main-svg").first).to_be_visible()
    boxes = json.loads(page.locator(".two .plotly-graph-div .main-svg:first-child").evaluate_all(BOXES))
    assert boxes
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = (
                a["right"] <= b["left"] + 1
                or b["right"] <= a["left"] + 1
                or a["bottom"] <= b["top"] + 1
                or b["bottom"] <= a["top"] + 1
            )
            assert apart, (a, b)
