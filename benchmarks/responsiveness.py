"""Measures what a person waits for: a real server, a real worker and a real Chromium, beside a bare Streamlit page in the same run.

``python -m benchmarks.responsiveness [--json FILE] [--markdown FILE]``
"""

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks import bare, served
from benchmarks.served import Server
from core import paths
from core.engine import Engine, cluster, execute
from core.experiment import DataSpec, Experiment, FreezeSpec
from core.runs import RunStore

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGES = {
    "Data": "Data",
    "Compare": "Compare",
    "Runs": "Runs",
    "Learn": "Learn",
    "Diagnose my curves": "Diagnose my curves",
    "Lab": "Lab",
}
TARGETS = {
    "first_page_ratio": 1.4,
    "page_switch_ratio": 1.5,
    "toggle_ratio": 1.5,
    "first_point_ratio": 1.6,
    "page_process_ratio": 1.6,
    "live_cpu_ratio": 1.5,
    "live_first_point_s": 1.0,
    "live_verdict_s": 3.5,
    "first_page_s": 3,
    "page_switch_p95_ms": 700,
    "toggle_browser_p95_ms": 400,
    "toggle_server_p95_ms": 150,
    "first_point_s": 1.5,
    "page_process_mb": 350,
    "mb_per_session": 15,
    "live_cpu_share": 0.05,
}
UNITS = {name: name.rsplit("_", 1)[-1] for name in TARGETS} | {
    "mb_per_session": "MB",
    "page_process_mb": "MB",
    "live_cpu_share": "cores",
}
HAS_POINT = """() => [...document.querySelectorAll('.st-key-lab_right .js-plotly-plot .scatterlayer .trace path')]
  .some(path => path.getAttribute('d'))"""
TOTAL = "() => document.querySelector('.st-key-lab_left .totals b')?.innerText"
WIDE_WAIT = 120_000


@contextmanager
def window(browser: Browser, url: str, path: str = "/lab") -> Iterator[Page]:
    """A browser window of its own session on a page that is ready."""
    context: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(WIDE_WAIT)
    page = context.new_page()
    page.goto(url + path)
    train_or_stop(page).wait_for()
    yield page
    context.close()


def train_or_stop(page: Page):
    """Return the Lab's one big button."""
    return page.get_by_role("button", name=re.compile("^(.*Train|.*Stop)$")).first


def p95(seconds: list[float]) -> float:
    """Return the 95th percentile in milliseconds."""
    return float(np.percentile(seconds, 95) * 1000)


def first_page(browser: Browser) -> tuple[Server, float]:
    """Return a server just started and the seconds until its first page could be used."""
    started = time.perf_counter()
    server = served.thaw()
    server.wait()
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Run the classic demonstration").wait_for(timeout=WIDE_WAIT)
    took = time.perf_counter() - started
    context.close()
    return server, took


def page_switches(page: Page, rounds: int = 3) -> list[float]:
    """Return the seconds from a click on each page's link to its content."""
    took = []
    for lap in range(rounds + 1):
        for link, title in PAGES.items():
            started = time.perf_counter()
            page.get_by_test_id("stTopNavLink").filter(has_text=re.compile(f"{re.escape(link)}$")).first.click()
            page.locator("h1", has_text=re.compile(f"^{re.escape(title)}$")).first.wait_for()
            if lap:  # the first visit of a page loads its code
                took.append(time.perf_counter() - started)
    return took


def toggles(page: Page, n: int = 12) -> tuple[list[float], list[float]]:
    """Return the seconds from a click on a layer's box to changed totals on screen, and the server's part of each.

    The server's part is from the message that carries the click to the message that carries the new total.
    """
    frames: list[tuple[float, bool, bytes]] = []

    def listen(socket_) -> None:
        def record(sent: bool):
            return lambda data: frames.append((time.perf_counter(), sent, data if isinstance(data, bytes) else b""))

        socket_.on("framesent", record(True))
        socket_.on("framereceived", record(False))

    page.on("websocket", listen)
    page.reload()
    train_or_stop(page).wait_for()
    grid = page.locator(".st-key-lab_left [data-testid=stDataFrame]").first
    grid.scroll_into_view_if_needed()
    grid.wait_for()
    page.wait_for_timeout(1500)
    browser_side, server_side = [], []
    for i in range(n):
        before, row = page.evaluate(TOTAL), (2, 4)[i % 2]  # two convolutions: locked BatchNorm changes no total
        frames.clear()
        started = time.perf_counter()
        grid.click(position={"x": 34, "y": 35 + 30 * row + 15})
        page.wait_for_function(f"before => ({TOTAL})() !== before", arg=before)
        browser_side.append(time.perf_counter() - started)
        after = page.evaluate(TOTAL).encode()
        sent = next(t for t, mine, _ in frames if mine)
        arrived = next(t for t, mine, data in frames if not mine and t > sent and after in data)
        server_side.append(arrived - sent)
        page.wait_for_timeout(300)
    return browser_side, server_side


def first_point(browser: Browser, url: str) -> float:
    """Return the seconds from a click on Train to the first point, the worker warm and the activations known."""
    took = []
    for _ in range(4):
        with window(browser, url) as page:
            page.wait_for_timeout(1000)
            started = time.perf_counter()
            page.get_by_role("button", name="Train", exact=True).click()
            page.wait_for_function(HAS_POINT, polling=20)
            took.append(time.perf_counter() - started)
            page.get_by_role("button", name="Train", exact=True).wait_for()
    return float(np.median(took[1:]))  # the first one computed the activations


LIVE_RUN = """run => {
  const shown = document.querySelector('.st-key-live_pair .sentence')?.dataset;
  return shown && shown.run !== run.before && Number(shown[run.what]) > 0;
}"""


def live_answers(browser: Browser, url: str, changes: int = 4) -> dict[str, float]:
    """Return the seconds from a change of the epochs, with Live on, to the new run's first point and to its verdict; medians.

    Another number of epochs compiles nothing and is no neighbour that was trained ahead: the run is a new one.
    """
    points, verdicts = [], []
    with window(browser, url) as page:
        page.locator(".st-key-live label").first.click()
        page.get_by_role("tab", name="Training").click()
        field = page.locator(".st-key-training_epochs input").first
        before = ""
        for change in range(changes + 1):
            started = time.perf_counter()
            if change:
                field.fill(str(10 + change))
                field.press("Enter")
            page.wait_for_function(LIVE_RUN, arg={"before": before, "what": "epochs"}, polling=20, timeout=WIDE_WAIT)
            points.append(time.perf_counter() - started)
            page.wait_for_function(LIVE_RUN, arg={"before": before, "what": "ended"}, polling=20, timeout=WIDE_WAIT)
            verdicts.append(time.perf_counter() - started)
            before = page.locator(".st-key-live_pair .sentence").get_attribute("data-run") or ""
            page.wait_for_timeout(500)
    return {
        "live_first_point_s": float(np.median(points[1:])),  # the first run computes the activations
        "live_verdict_s": float(np.median(verdicts[1:])),
    }


def long_run() -> Experiment:
    """Return a run that is still in progress when everything was measured."""
    x = Experiment(data=DataSpec(), freeze=FreezeSpec.last(30))
    return x.replace(training=x.training.replace(epochs=500, learning_rate=1e-5))


def tell(what: str) -> None:
    """Say what is measured now."""
    print(f"# {what}", file=sys.stderr, flush=True)


def measure(browser: Browser) -> dict[str, float]:
    """Return every figure."""
    for opened in (first_page, bare.first_page):  # so that files are in memory for both
        opened(browser)[0].close()
    tell("first page")
    (plain, bare_first), (server, first) = bare.first_page(browser), first_page(browser)
    store = RunStore()
    engine = Engine(store)
    try:
        tell("warming the worker")
        engine.call(execute.warm, timeout=120)
        made = {"first_page_s": first, "first_page_ratio": first / bare_first}
        tell("first point")
        made["first_point_s"] = first_point(browser, server.url)
        made["first_point_ratio"] = made["first_point_s"] / bare.first_point(browser, plain)
        tell("live")
        made |= live_answers(browser, server.url)
        run_id = engine.submit(long_run())
        while not len(store.curves(run_id)):
            time.sleep(0.1)
        tell("beside a run")
        made |= beside_a_run(browser, server, plain, run_id)
        if not store.get(run_id).active:
            print("# the run beside it had ended before everything was measured", file=sys.stderr)
        engine.stop(run_id)
        tell("sessions")
        made["mb_per_session"] = growth(browser, server)
        return {name: made[name] for name in TARGETS}
    finally:
        engine.close()
        for each in (server, plain):
            each.close()
        cluster.stop()


def beside_a_run(browser: Browser, server: Server, plain: Server, run_id: str) -> dict[str, float]:
    """Return what pages cost while a run trains on the same processors, ours and bare ones in turn."""
    with window(browser, server.url, f"/lab?run={run_id}") as page:
        memory = server.megabytes
        page.wait_for_timeout(5000)
        tell("beside a run: watching it")
        live = server.share()
        tell("beside a run: pages")
        switches = page_switches(page)
        tell("beside a run: toggles")
        browser_side, server_side = toggles(page)
    tell("beside a run: bare pages")
    bare_live = bare.live_share(browser, plain)
    bare_switches, bare_toggles = bare.page_switches(browser, plain), bare.toggles(browser, plain)
    return {
        "live_cpu_share": live,
        "live_cpu_ratio": live / bare_live,
        "page_process_mb": memory,
        "page_process_ratio": memory / plain.megabytes,
        "page_switch_p95_ms": p95(switches),
        "page_switch_ratio": statistics.median(switches) / statistics.median(bare_switches),
        "toggle_browser_p95_ms": p95(browser_side),
        "toggle_ratio": statistics.median(browser_side) / statistics.median(bare_toggles),
        "toggle_server_p95_ms": p95(server_side),
    }


def growth(browser: Browser, server: Server, sessions: int = 10) -> float:
    """Return by how much the page process grows a session."""
    with window(browser, server.url):
        before = server.megabytes
        contexts = [browser.new_context() for _ in range(sessions)]
        for context in contexts:
            page = context.new_page()
            page.goto(server.url + "/lab")
            train_or_stop(page).wait_for(timeout=WIDE_WAIT)
        after = server.megabytes
        for context in contexts:
            context.close()
    return (after - before) / sessions


def markdown(figures: dict[str, float]) -> str:
    """Return the figures as a Markdown table."""
    rows = [f"| `{n}` | {v:.3g} {UNITS[n]} | at most {TARGETS[n]:g} |" for n, v in figures.items()]
    return "\n".join(["| figure | measured | should be |", "| --- | --- | --- |", *rows]) + "\n"


def main() -> None:
    """Measure and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    chromium = os.environ.get("THAW_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not chromium:
        raise SystemExit("No Chromium was found. Install it, or set THAW_CHROMIUM to one.")
    with tempfile.TemporaryDirectory(prefix="thaw-responsiveness-") as home, sync_playwright() as playwright:
        os.environ[paths.DATA_DIR_VARIABLE] = home
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        figures = measure(browser)
        browser.close()
    for name, value in figures.items():
        print(f"{name} {value:.4g} {UNITS[name]}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(figures))


if __name__ == "__main__":
    main()
