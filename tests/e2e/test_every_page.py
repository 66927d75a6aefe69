"""No serious finding of axe-core on any page, light or dark."""

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
RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@pytest.fixture(scope="module")
def runs() -> tuple[str, str]:
    return made_runs.pair(RunStore(), group="scenario-classic")


@pytest.mark.parametrize("name", [*nav.PAGES, "demonstration"])
def test_axe_finds_nothing_serious(name: str, page: Page, runs):
    paths = {"start": "/", "lab": f"/lab?run={runs[1]}", "demonstration": f"/?show=classic&runs={','.join(runs)}"}
    page.goto(paths.get(name, f"/{name}"))
    page.locator("h1").first.wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    if "run" in paths.get(name, ""):
        expect(page.locator("[class*=_pair] .js-plotly-plot .main-svg").first).to_be_visible()
    page.evaluate(AXE)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
        for violation in page.evaluate(RUN):
            if violation["impact"] in {"serious", "critical"}:
                found += [(theme, violation["id"], node["html"][:200]) for node in violation["nodes"]]
    assert found == []
