"""Nobody gets in: of all that a started Thaw listens on, only the page server talks to strangers."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.engine import Engine, cluster
from core.runs import RunStore

ROOT = Path(__file__).resolve().parents[3]
START = "import sys, start; start.set_up = lambda *_: None; start.PYTHON = sys.executable; sys.exit(start.main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[tuple[psutil.Process, int]]:
    """The process of ``start.py`` with its first page drawn and its worker there, and the pages' port."""
    home = tmp_path_factory.mktemp("sockets")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(home))
        command = [sys.executable, "-c", START, "--no-browser", "--port", str(port), "--data-dir", str(home)]
        said = (home / "said").open("w+")
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=said, start_new_session=True)
        try:
            wait_for(lambda: (home / "cache" / "cluster" / "cluster.json").exists(), process)
            engine = Engine(RunStore())
            wait_for(lambda: engine.state().workers, process)
            yield psutil.Process(process.pid), port
            engine.close()
        finally:
            process.terminate()
            process.wait(60)
            cluster.stop()
            said.close()


def wait_for(condition, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)


def listening(parent: psutil.Process) -> list[tuple[str, int]]:
    """Return every address on which a process or one that descends from it accepts connections."""
    family = [parent, *parent.children(recursive=True)]
    assert len(family) >= 4, "start.py, the page server, the scheduler and the worker"
    found = [c for process in family for c in process.net_connections("inet")]
    return [(c.laddr.ip, c.laddr.port) for c in found if c.status == psutil.CONN_LISTEN or c.type == socket.SOCK_DGRAM]


def answer(port: int, said: bytes = b"", context: ssl.SSLContext | None = None) -> bytes:
    """Return what comes back from a port, nothing where it hangs up."""
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with context.wrap_socket(plain) if context else plain as connection:
            connection.sendall(said)
            return connection.recv(1000)
    except (ssl.SSLError, ConnectionError):
        return b""


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_only_the_page_server_talks_to_strangers(running):
    parent, page_port = running
    assert answer(page_port, b"GET /_stcore/health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.")
    addresses = listening(parent)
    assert {ip for ip, _ in addresses} == {"127.0.0.1"}
    inner = [port for _, port in addresses if port != page_port]
    assert len(inner) == 3, "the scheduler, the nanny and the worker, and no HTTP server of theirs"
    certified = cluster.security().get_connection_args("client")["ssl_context"]
    for port in inner:
        assert answer(port, b"GET / HTTP/1.0\r\n\r\n") == b"", "plain TCP"
        assert answer(port, context=unverified()) == b"", "TLS without the certificate"
        assert answer(port, context=certified) != b"", "who has the certificate is greeted"


def test_what_opens_the_cluster_is_for_its_owner_only(running):
    folder = cluster.folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    secret = folder / "key.pem"
    assert secret.stat().st_mode & 0o077 == 0
    assert "PRIVATE KEY" in secret.read_text() and "key" not in json.loads(cluster.note().read_text())


def test_ctrl_c_ends_everything(running):
    """The last test of this file: nothing is left of the start command, the page server, the cluster and its worker."""
    parent, _ = running
    family = [parent, *parent.children(recursive=True)]
    parent.send_signal(signal.SIGINT)
    _, left = psutil.wait_procs(family, timeout=250)
    assert left == []
    assert "Thaw has stopped" in (cluster.folder().parents[1] / "said").read_text()
