"""A real server and a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STILL = "--force-prefers-reduced-motion"  # fading takes a quarter of what a page that watches a run costs the browser
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return answer.read() == b"ok"
    except OSError:
        return False


class Server:
    """``streamlit run app.py`` on a free port; can be restarted on the same data."""

    def __init__(self, data_dir: Path):
        self.data_dir, self.port = data_dir, _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        command += ["--server.headless", "true", "--server.address", "127.0.0.1"]
        env = {**os.environ, "THAW_DATA_DIR": str(self.data_dir)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not _healthy(self.url):
            assert time.monotonic() < deadline and self.process.poll() is None, "the server did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server; the worker lives on."""
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def server(session_data_dir):
    """The server that all journeys share."""
    made = Server(session_data_dir)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, with a camera for those who may use it: a moving test picture."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("THAW_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "no Chromium was found; install it (on Debian: apt install chromium) or set THAW_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", STILL, *CAMERA])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, server):
    """A fresh window of 1440 by 1000."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, base_url=server.url)
    context.set_default_timeout(60_000)
    opened = context.new_page()
    yield opened
    lost = opened.get_by_role("dialog").filter(has_text="Connection error").all_inner_texts()
    context.close()
    assert not lost, f"the page lost its server for good: {lost}"
