"""Downloads against a real HTTP server on this machine: good, slow, dropped, wrong, absent."""

import hashlib
import http.server
import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import data
from core.data import download
from core.errors import DataError
from core.experiment import DataSpec
from tests.conftest import write_folder
from tests.core.data.zips import zip_bytes, zip_folder

BUILT_IN = "Materials, Handwritten digits or Drawn shapes"


class Server(http.server.ThreadingHTTPServer):
    """Serves ``content``; can drop the connection half way, or wait there until ``go_on`` is set."""

    daemon_threads = True
    content: bytes = b""
    status: int = 200
    drops: bool = False
    waits: bool = False
    asked: int = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.go_on = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        half = len(self.server.content) // 2
        self.wfile.write(self.server.content[:half])
        self.wfile.flush()
        if self.server.drops:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.server.waits:
            self.server.go_on.wait(120)
        self.wfile.write(self.server.content[half:])

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def server(fresh_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a server and let both sets be fetched from it."""
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("THAW_URL_FLOWER_PHOTOS", made.url("mirror/flower_photos.tgz?x=1"))
    monkeypatch.setenv("THAW_URL_CATS_AND_DOGS", made.url("cats_and_dogs_filtered.zip"))
    yield made
    made.go_on.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return an archive laid out as flower_photos.tgz is, licence included."""
    home = write_folder(tmp_path_factory.mktemp("f") / "flower_photos", {"daisy": 5, "tulips": 5}, side=16)
    (home / "LICENSE.txt").write_text("CC BY")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(home, "flower_photos")
    return out.getvalue()


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return an archive laid out as cats_and_dogs_filtered.zip is, large enough to be watched coming."""
    classes = {f"{s}/{c}": 4 for s in ("train", "validation") for c in ("cats", "dogs")}
    home = write_folder(tmp_path_factory.mktemp("p"), classes, side=16)
    padding = {"cats_and_dogs_filtered/vectorize.py": np.random.default_rng(0).bytes(400_000)}
    return zip_bytes(zip_folder(home, "cats_and_dogs_filtered/") | padding)


def refusal(key: str) -> str:
    with pytest.raises(DataError) as refused:
        download.fetch(key)
    return str(refused.value)


def leftovers(key: str) -> list[str]:
    return sorted(p.name for p in download.DOWNLOADS[key].home.iterdir() if p.suffix != ".seal")


def wait_for(key: str, wanted: str) -> download.DownloadState:
    """Poll, as the page does, until the download is in this state."""
    end = time.monotonic() + 120
    while (now := download.state(key)).status != wanted and time.monotonic() < end:
        threading.Event().wait(0.05)
    assert now.status == wanted, now
    return now


def test_a_tar_is_fetched_and_used(server: Server, flowers: bytes) -> None:
    server.content = flowers
    spec = DataSpec(source="download:flower_photos")
    with pytest.raises(DataError, match=r"Flowers is not on this machine yet\. Download it on the Data page"):
        data.load(spec, 96)
    assert download.state("flower_photos").status == "absent"
    download.fetch("flower_photos")
    assert download.state("flower_photos").status == "ready"
    made = data.load(spec, 96)
    assert (made.class_names, made.title) == (("daisy", "tulips"), "Flowers")
    assert [r.name for r in made.rejected] == ["LICENSE.txt"]
    assert [s.ready for s in data.sources() if s.key == spec.source] == [True]
    assert leftovers("flower_photos") == ["ready.json", "sha256", "unpacked"]


def test_in_the_background_with_failure_progress_and_success(server: Server, pets: bytes) -> None:
    server.content, server.drops = pets, True
    download.start("cats_and_dogs")
    assert "It could not be downloaded" in wait_for("cats_and_dogs", "failed").message
    server.drops, server.waits = False, True
    download.start("cats_and_dogs")
    wait_for("cats_and_dogs", "running")
    download.start("cats_and_dogs")  # a second visitor presses the button too
    end = time.monotonic() + 120
    while (now := download.state("cats_and_dogs")).share == 0 and time.monotonic() < end:
        threading.Event().wait(0.05)
    assert 0 < now.share < 1
    assert now.message.endswith("of 65 MB")
    server.go_on.set()
    wait_for("cats_and_dogs", "ready")
    assert server.asked == 2
    made = data.load(DataSpec(source="download:cats_and_dogs"), 96)
    assert made.class_names == ("cats", "dogs")
    assert (len(made.train), len(made.validation), len(made.test)) == (8, 8, 0)
    download.start("cats_and_dogs")
    assert server.asked == 2


def test_a_dropped_connection_starts_again_next_time(server: Server, flowers: bytes) -> None:
    server.content, server.drops = flowers, True
    text = refusal("flower_photos")
    assert text.startswith("It could not be downloaded: no answer from http://127.0.0.1")
    assert "retrieval incomplete" in text
    assert text.endswith(f"Without a network, choose a built-in set instead: {BUILT_IN}.")
    assert leftovers("flower_photos") == []
    server.drops = False
    assert download.fetch("flower_photos").is_dir()


def test_no_server(monkeypatch: pytest.MonkeyPatch, fresh_data_dir: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("THAW_URL_FLOWER_PHOTOS", f"http://127.0.0.1:{port}/flower_photos.tgz")
    text = refusal("flower_photos")
    assert "Connection refused" in text
    assert BUILT_IN in text


def test_a_server_that_says_nothing(server: Server, flowers: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content, server.waits = flowers, True
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    assert "the server did not answer for 0.3 seconds" in refusal("flower_photos")
    assert socket.getdefaulttimeout() is None


def test_a_page_that_is_not_there(server: Server) -> None:
    server.status, server.content = 404, b"nothing here"
    assert "404" in refusal("flower_photos")


def test_a_wrong_checksum_is_thrown_away(server: Server, flowers: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    named = server.url(f"flower_photos.tgz#sha256={hashlib.sha256(flowers).hexdigest()}")
    monkeypatch.setenv("THAW_URL_FLOWER_PHOTOS", named)
    server.content = flowers[:-1] + b"x"
    text = refusal("flower_photos")
    assert text.startswith("Flowers: what came is not the file that was expected (its checksum differs)")
    assert BUILT_IN in text
    assert leftovers("flower_photos") == []
    server.content = flowers
    assert download.fetch("flower_photos").is_dir()


def test_later_downloads_are_measured_by_the_first(server: Server, flowers: bytes) -> None:
    server.content = flowers
    download.fetch("flower_photos")
    home = download.DOWNLOADS["flower_photos"].home
    (home / "ready.json").unlink()
    server.content = flowers + b"\x00"
    assert "its checksum differs" in refusal("flower_photos")
    server.content = flowers
    assert download.fetch("flower_photos").is_dir()


def test_a_broken_archive_does_not_become_the_measure(server: Server, flowers: bytes) -> None:
    server.content = b"<html>Log in to the school's network</html>"
    assert "It could not be downloaded" in refusal("flower_photos")
    server.content = flowers
    assert download.fetch("flower_photos").is_dir()


def test_the_published_checksum_holds_for_the_published_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THAW_URL_FLOWER_PHOTOS", raising=False)
    assert download._expected("flower_photos") == download.DOWNLOADS["flower_photos"].sha256
    assert len(bytes.fromhex(download.DOWNLOADS["flower_photos"].sha256 or "")) == 32


def test_a_hostile_tar_does_not_leave_its_folder(server: Server, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        evil = tarfile.TarInfo("../../../../evil.jpg")
        evil.size = 4
        archive.addfile(evil, io.BytesIO(b"evil"))
    server.content = out.getvalue()
    assert "It could not be downloaded" in refusal("flower_photos")
    assert not list(tmp_path.rglob("evil*"))


def test_a_process_that_died_leaves_it_absent(fresh_data_dir: Path) -> None:
    home = download.DOWNLOADS["flower_photos"].home
    home.mkdir(parents=True)
    for note in (json.dumps({"pid": 2**22 + 1}), "", "{}"):
        (home / "process.json").write_text(note)
        assert download.state("flower_photos").status == "absent"
