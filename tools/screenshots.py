"""Take a screenshot of every page for the documentation: ``python -m tools.screenshots`` (starts a server of its own).

With ``--images DIR --weights FILE`` instead: what the page See says about 300 photographs, in figures that show none of them.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
LONG = 600_000
DRAWN = "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(c => c.querySelector('.main-svg'))"

SEE = (  # a question of the page See, what is there when it is answered, and the picture's name
    ("Try it", "img[alt^='training picture of']", "see_try"),
    ("Where it looks", "[data-testid=stImage] img", "see_looks"),
    ("Map of pictures", ".map svg", "see_map"),
    ("What moved", ".main-svg", "see_moved"),
    ("The path between", ".main-svg", "see_path"),
    ("Without these pictures", "[data-testid=stImage] img", "see_without"),
)


def serve(data_dir: str) -> tuple[subprocess.Popen, str]:
    """Start a server on a free port and return it with its address once it answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.address",
        "127.0.0.1",
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "THAW_DATA_DIR": data_dir}, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            return process, url
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def shoot(page: Page, target: Path, height: int = 720) -> None:
    """Save the page's first ``height`` pixels, once its charts and tables are drawn."""
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(1200)  # charts fade in, and a run of the page shows itself
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function(DRAWN)
    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": 1280, "height": min(tall + 20, height)})
    page.wait_for_timeout(1200)
    page.screenshot(path=target)
    page.set_viewport_size({"width": 1280, "height": 720})
    print(target, flush=True)


def go(page: Page, name: str) -> None:
    """Follow a link of the navigation."""
    page.get_by_test_id("stTopNavLink").filter(has_text=re.compile(f"{re.escape(name)}$")).first.click()
    page.locator("h1").first.wait_for()


def take_all(browser: Browser, url: str, folder: Path, theme: str) -> None:
    """Run the demonstration and photograph every page on the way."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=theme, base_url=url).new_page()
    page.set_default_timeout(LONG)
    ending = "" if theme == "light" else f"-{theme}"
    page.goto("/")
    page.get_by_role("button", name="Run the classic demonstration").wait_for()
    shoot(page, folder / f"start{ending}.png")
    page.get_by_role("button", name="Run the classic demonstration").click()
    expect(page.locator(".st-key-start_after .verdict h3")).to_be_visible(timeout=LONG)
    shoot(page, folder / f"demonstration{ending}.png")
    page.get_by_role("button", name="Open these runs in the Lab").click()
    expect(page.locator(".st-key-lab_after .verdict h3")).to_be_visible()
    shoot(page, folder / f"lab{ending}.png")
    go(page, "See")
    for tab, ready, name in SEE:
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator(ready).first).to_be_visible(timeout=LONG)
        shoot(page, folder / f"{name}{ending}.png")
    for name in ("Data", "Compare", "Runs", "Learn"):
        go(page, name)
        expect(page.get_by_text("Drawing the pictures")).to_have_count(0, timeout=LONG)
        shoot(page, folder / f"{name.lower()}{ending}.png")
        if name == "Compare":
            page.get_by_role("tab", name="Tree of runs").click()
            page.locator("[role=tabpanel]:not([inert]) .main-svg").first.wait_for()
            shoot(page, folder / f"tree{ending}.png", 1200)
    go(page, "Diagnose my curves")
    page.get_by_role("combobox", name=re.compile("Try an example")).click()
    page.get_by_role("option").first.click()
    page.locator('[class*="_verdict"] h3').first.wait_for()
    shoot(page, folder / f"diagnose{ending}.png")
    go(page, "How far to thaw?")
    page.get_by_role("button", name="Start", exact=True).first.click()
    expect(page.get_by_role("button", name="Start anew")).to_be_visible(timeout=4 * LONG)
    shoot(page, folder / f"how_far{ending}.png")
    page.context.close()


def train_on_photographs(images: Path, weights: Path, alpha: float) -> list[str]:
    """Train all frozen, then the last 4, 20 and 38 layers thawed, each changed from the one before, and return the runs."""
    from benchmarks.insight import write_pictures
    from core import paths
    from core.engine import Engine
    from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec
    from core.runs import RunStore

    target = paths.subdir("photographs")  # a worker reads what lies below the data directory
    write_pictures(target, images, 224)
    file = shutil.copy(weights, paths.subdir("cache"))
    base = Experiment(
        data=DataSpec(source=f"path:{target}", group_duplicates=False),
        backbone=BackboneSpec(alpha=alpha, size=224, weights=f"file:{file}"),
        training=TrainingSpec(epochs=8),
    )
    engine, ids = Engine(RunStore()), []
    for n in (0, 4, 20, 38):
        title = f"last {n} thawed" if n else "all frozen"
        experiment = base.replace(freeze=FreezeSpec.last(n))
        ids.append(engine.submit(experiment, name=title, baseline_id=ids[-1] if ids else None))
        if engine.wait(ids[-1]) != "finished":
            raise SystemExit(engine.store.get(ids[-1]).error)
    engine.close()
    return ids


def take_photographs(browser: Browser, url: str, folder: Path, theme: str, ids: list[str]) -> None:
    """Photograph the figures of See and the tree of the given runs."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=theme, base_url=url).new_page()
    page.set_default_timeout(LONG)
    ending = "" if theme == "light" else f"-{theme}"
    page.goto(f"/lab?run={ids[1]}&before={ids[0]}")
    expect(page.locator(".st-key-lab_after .verdict h3")).to_be_visible(timeout=LONG)
    go(page, "See")
    for tab, ready, name in SEE:
        if name in ("see_map", "see_moved", "see_path"):
            page.get_by_role("tab", name=tab, exact=True).click()
            expect(page.locator(ready).first).to_be_visible(timeout=LONG)
            shoot(page, folder / f"photographs_{name}{ending}.png", 1100)
    go(page, "Runs")
    page.get_by_role("radio", name="Tree").click()
    page.locator(".main-svg").first.wait_for()
    shoot(page, folder / f"photographs_tree{ending}.png", 1200)
    page.context.close()


def main() -> None:
    """Start a server on an empty data directory, photograph, and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="a folder with one folder a class")
    parser.add_argument("--weights", type=Path, help="a weights file of MobileNetV2 without top")
    parser.add_argument("--alpha", type=float, default=0.35, help="width of that network")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--theme", choices=["light", "dark"], action="append")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a worker in the middle of a sweep is ended too
    path = os.environ.get("THAW_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    with tempfile.TemporaryDirectory() as data_dir, sync_playwright() as playwright:
        os.environ["THAW_DATA_DIR"] = data_dir
        ids = train_on_photographs(args.images, args.weights, args.alpha) if args.images else []
        server, url = serve(data_dir)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            for theme in args.theme or ["light"]:
                if ids:
                    take_photographs(browser, url, args.out.resolve(), theme, ids)
                else:
                    take_all(browser, url, args.out.resolve(), theme)
        finally:
            browser.close()
            server.terminate()
            from core.engine import cluster

            cluster.stop()


if __name__ == "__main__":
    main()
