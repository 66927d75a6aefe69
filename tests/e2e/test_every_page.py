"""What holds of every page: no serious finding of axe-core, light or dark; no wider than the window; nothing asked of the network."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

from core.runs import RunStore
from pages.parts import nav
from tests import made_runs

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN = "async (options) => (await axe.run(document, {resultTypes: ['violations'], ...options})).violations"
COLOURS = {"runOnly": ["color-contrast"]}  # all that another theme can change
FITS = "width => { const main = document.querySelector('[data-testid=stMain]'); return main.clientWidth == width && main.scrollWidth <= width + 1 }"
CUT = "() => [...document.querySelectorAll('button, button *')].filter(e => e.offsetWidth > 8 && e.innerText && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX != 'visible').map(e => e.innerText)"


@pytest.fixture(scope="module")
def runs() -> tuple[str, str]:
    return made_runs.pair(RunStore(), group="scenario-classic")


@pytest.fixture
def asked(page: Page) -> list[str]:
    """Every address that the page asks for."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


@pytest.mark.parametrize("name", [*nav.PAGES, "demonstration"])
def test_every_page_can_be_used_fits_and_asks_nobody(name: str, page: Page, runs, asked: list[str], server):
    paths = {"start": "/", "lab": f"/lab?run={runs[1]}", "demonstration": f"/?show=classic&runs={','.join(runs)}"}
    page.goto(paths.get(name, f"/{name}"))
    page.locator("h1").first.wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    if "run" in paths.get(name, ""):
        expect(page.locator("[class*=_pair] .js-plotly-plot .main-svg").first).to_be_visible()
    page.evaluate(AXE)
    found = []
    for theme, options in (("light", {}), ("dark", COLOURS)):
        page.emulate_media(color_scheme=theme)
        expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
        for violation in page.evaluate(RUN, options):
            if violation["impact"] in {"serious", "critical"}:
                found += [(theme, violation["id"], node["html"][:200]) for node in violation["nodes"]]
    assert found == []
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(FITS, arg=width)  # charts and tables follow the window a moment later
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []


def test_no_button_of_the_editor_is_cut_short(page: Page):
    page.goto("/lab")
    tabs = page.locator(".st-key-lab_left").get_by_role("tab")
    expect(tabs).to_have_count(5)
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        page.locator(".st-key-lab_left [role=tabpanel]:not([inert]) button").first.wait_for()
        assert page.evaluate(CUT) == []
