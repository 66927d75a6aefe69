"""A server of pages in a process of its own, and what it takes of the machine."""

import os
import re
import socket
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """A server of pages on a free port; ``child`` where the command starts it as a process of its own.

    Parameters
    ----------
    command : list of str
        What starts it with this Python; ``{port}`` stands for the port.
    child : bool
        Whether pages are served by the first child of the command's process.
    """

    def __init__(self, command: list[str], *, child: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url, self.child = f"http://127.0.0.1:{self.port}", child
        filled = [sys.executable, *(part.format(port=self.port) for part in command)]
        self.process = subprocess.Popen(filled, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @cached_property
    def pid(self) -> int:
        """The process that serves pages."""
        if not self.child:
            return self.process.pid
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def share(self, seconds: float = 20.0) -> float:
        """Return the share of a core it uses now, over some seconds."""
        before, started = self.cpu_seconds, time.perf_counter()
        time.sleep(seconds)
        return (self.cpu_seconds - before) / (time.perf_counter() - started)

    def wait(self) -> None:
        """Wait until it listens."""
        while self.process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise SystemExit(f"The server ended with {self.process.returncode} before it listened.")

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def thaw() -> Server:
    """Return the start command of an installed machine."""
    return Server(["start.py", "--no-browser", "--port", "{port}"], child=True)


def bare() -> Server:
    """Return Streamlit with next to nothing on its pages."""
    options = ["--server.port", "{port}", "--server.headless", "true", "--server.fileWatcherType", "none"]
    return Server(["-m", "streamlit", "run", "benchmarks/bare_app.py", *options])
