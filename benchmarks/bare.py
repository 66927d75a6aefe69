"""What a bare Streamlit page costs here, in the same browser and at the same moment: what ours is compared with."""

import re
import statistics
import time

from playwright.sync_api import Browser, Page

from benchmarks import served

DRAWN = (
    "() => [...document.querySelectorAll('.js-plotly-plot .scatterlayer .trace path')].some(p => p.getAttribute('d'))"
)
TOTAL = "() => document.querySelector('.total')?.innerText"
ROW, HEADER, BOX = 35, 35, 120  # pixels of Streamlit's table: a row's height, the header's, where the box stands


def opened(browser: Browser, url: str, title: str) -> Page:
    """Return a page of a session of its own, shown when its title is."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.locator("h1", has_text=title).wait_for()
    return page


def first_page(browser: Browser) -> tuple[served.Server, float]:
    """Return a server just started and the seconds until its title was there."""
    started = time.perf_counter()
    server = served.bare()
    server.wait()
    page = opened(browser, server.url, "Title")
    took = time.perf_counter() - started
    page.context.close()
    return server, took


def page_switches(browser: Browser, server: served.Server, n: int = 12) -> list[float]:
    """Return the seconds from a click on a page's link to its title, two pages with a chart each in turn."""
    page, took = opened(browser, f"{server.url}/one", "One"), []
    page.wait_for_function(DRAWN)
    for i in range(n + 2):
        name = ("two", "one")[i % 2]
        started = time.perf_counter()
        page.get_by_test_id("stTopNavLink").filter(has_text=re.compile(f"^{name}$")).first.click()
        page.locator("h1", has_text=name.title()).first.wait_for()
        if i > 1:  # the first visit of a page loads its code
            took.append(time.perf_counter() - started)
    page.context.close()
    return took


def toggles(browser: Browser, server: served.Server, n: int = 12) -> list[float]:
    """Return the seconds from a click on a row's box to the changed total on screen."""
    page, took = opened(browser, f"{server.url}/editor", "Editor"), []
    grid = page.get_by_test_id("stDataFrame").first
    grid.wait_for()
    page.wait_for_timeout(1500)
    for i in range(n):
        before = page.evaluate(TOTAL)
        started = time.perf_counter()
        grid.click(position={"x": BOX, "y": HEADER + ROW * (2, 4)[i % 2] + ROW // 2})
        page.wait_for_function(f"before => ({TOTAL})() !== before", arg=before)
        took.append(time.perf_counter() - started)
        page.wait_for_timeout(300)
    page.context.close()
    return took


def first_point(browser: Browser, server: served.Server, n: int = 3) -> float:
    """Return the median seconds from a click to a chart that was not there before."""
    took = []
    for _ in range(n):
        page = opened(browser, f"{server.url}/click", "Click")
        page.wait_for_timeout(1000)
        started = time.perf_counter()
        page.get_by_role("button", name="Draw").click()
        page.wait_for_function(DRAWN, polling=20)
        took.append(time.perf_counter() - started)
        page.context.close()
    return statistics.median(took)


def live_share(browser: Browser, server: served.Server) -> float:
    """Return the share of a core the server uses while one page draws a chart each second."""
    page = opened(browser, f"{server.url}/live", "Live")
    page.wait_for_timeout(5000)
    share = server.share()
    page.context.close()
    return share
