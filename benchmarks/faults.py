"""Kills parts of a working Thaw at random, holds its database and fills its disk, and counts what was lost.

``python -m benchmarks.faults [--kills 100] [--holds 15] [--fills 5] [--seed 0]`` prints ``kills``, ``lost_runs`` (failed, and not in hand
when something was killed), ``orphans``, ``raw_errors`` and ``unfinished``. Filling needs a small disk of its own, which root can mount.
"""

import argparse
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from core import paths
from core.engine import cluster
from core.errors import ThawError
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, FreezeSpec, TrainingSpec
from core.runs import Run, RunStore

ROOT = Path(__file__).resolve().parents[1]
QUEUED = 4  # runs that wait at every moment
PARTS = ("page server", "cluster", "worker")  # scheduler, dispatcher and nanny are the cluster's one process
RECOVERY_SECONDS = 300.0
DISK_MEGABYTES = 400
START = """import signal, sys, start
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores Ctrl+C
start.set_up, start.PYTHON, start.RESTARTS = lambda *_: None, sys.executable, 10**6
sys.exit(start.main(sys.argv[1:]))"""


def experiment(seed: int) -> Experiment:
    """Return a run of some seconds."""
    return Experiment(
        data=DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=60, n_classes=2)),
        backbone=BackboneSpec(alpha=0.35, size=96, weights="builtin"),
        freeze=FreezeSpec.last(4),
        training=TrainingSpec(epochs=60, batch_size=4, seed=seed),
    )


@dataclass
class Thaw:
    """A started ``start.py`` on a data directory, and what is done to it."""

    home: Path
    process: subprocess.Popen = field(init=False)
    output: IO[str] = field(init=False)
    in_hand: set[str] = field(default_factory=set)
    began: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-c", START, "--no-browser", "--port", str(port), "--data-dir", str(self.home)]
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.output, start_new_session=True)
        self.store: RunStore = within(60, RunStore)

    def family(self) -> list[psutil.Process]:
        """Return all processes that have Thaw's data directory: also those whose parent was killed."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get(paths.DATA_DIR_VARIABLE) == str(self.home):
                    found.append(process)
        self.began |= {p.pid for p in found}
        return found

    def part(self, name: str) -> psutil.Process | None:
        """Return the process of a part, None where it is not there at the moment."""
        signs = {"page server": "streamlit", "cluster": "core.engine", "worker": "spawn_main"}
        for process in self.family():
            with suppress(psutil.Error):
                if signs[name] in " ".join(process.cmdline()) and process.pid != self.process.pid:
                    return process
        return None

    def refill(self, seed: int) -> None:
        """Keep the queue as long as it is to be."""
        waiting = sum(run.status == "queued" for run in self.store.active())
        for n in range(QUEUED - waiting):
            within(120, lambda n=n: self.store.create(experiment(1000 * seed + n)))

    def kill(self, name: str) -> bool:
        """Kill a part in the midst of its work and return whether it was there."""
        process = self.part(name)
        if process is None:
            return False
        if name != "page server":
            self.in_hand |= self.running()
        with suppress(psutil.NoSuchProcess):
            process.kill()
        if name != "page server":
            self.in_hand |= self.running()
        return True

    def running(self) -> set[str]:
        """Return the runs that the store believes a worker is at."""
        return {run.id for run in within(120, self.store.active) if run.status == "running"}

    def recover(self) -> bool:
        """Wait until another run has begun, and return whether that happened."""
        before = {run.id for run in self.runs() if run.status != "queued"}
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            if {run.id for run in self.runs() if run.status != "queued"} - before:
                return True
            time.sleep(0.1)
        return False

    def runs(self) -> list[Run]:
        """Return all runs."""
        return within(120, lambda: self.store.list(limit=5000))

    def finish(self) -> None:
        """Wait until nothing waits or trains."""
        deadline = time.monotonic() + 2 * RECOVERY_SECONDS
        while self.store.active() and time.monotonic() < deadline:
            time.sleep(0.2)

    def said(self) -> str:
        """Return what it has printed."""
        self.output.seek(0)
        return self.output.read()

    def end(self) -> list[int]:
        """End it as Ctrl+C does and return the processes that are left."""
        self.family()
        for _ in range(2):  # the second ends the run in progress, too
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(120)
        return self.left()

    def left(self) -> list[int]:
        """Return the processes that have not ended within a minute."""
        deadline = time.monotonic() + 60
        while (left := [p for p in self.began if psutil.pid_exists(p)]) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


def within(seconds: float, call):
    """Return what a call says, asking again while the store is held, full or away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except ThawError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def hold(home: Path, seconds: float) -> None:
    """Hold the database as a backup program does."""
    with sqlite3.connect(home / "runs" / "mlflow.db", timeout=60, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def fill(home: Path, seconds: float) -> None:
    """Leave no byte of the disk for a while."""
    filler = home / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    time.sleep(seconds)
    filler.unlink()


@contextmanager
def disk(*, small: bool) -> Iterator[Path]:
    """A data directory, on a disk of its own where one is to be filled."""
    folder = Path(tempfile.mkdtemp(prefix="thaw-faults-"))
    if small:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "thaw-faults", folder], check=True)
    try:
        yield folder
    finally:
        if small:
            subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def raw_errors(home: Path) -> list[str]:
    """Return what a page could only show with a number, and every traceback that the page server printed."""
    texts = [path.read_text(errors="replace") for path in (home / "logs").glob("*.log*") if "worker" not in path.name]
    return [line for text in texts for line in re.findall(r"Number [0-9a-f]{8}: .*|Uncaught app execution.*", text)]


def measure(home: Path, *, kills: int, holds: int, fills: int, seed: int, say=print) -> dict[str, int]:
    """Return the figures of one trial on an empty data directory."""
    chance, thaw = random.Random(seed), Thaw(home)
    done = 0
    thaw.refill(0)
    thaw.recover()
    plan = [*(chance.choice(PARTS) for _ in range(kills)), *["hold"] * holds, *["fill"] * fills]
    chance.shuffle(plan)
    for step, what in enumerate(plan, 1):
        thaw.refill(step)
        time.sleep(chance.uniform(0, 2))
        if what == "hold":
            hold(home, chance.uniform(0.5, 20))
        elif what == "fill":
            fill(home, chance.uniform(0.5, 20))
        else:
            done += thaw.kill(what)
        came_back = thaw.recover()
        say(f"{step} of {len(plan)}: {what}, {'goes on' if came_back else 'does not go on'}")
    thaw.finish()
    runs = thaw.runs()
    lost = [run for run in runs if run.status == "failed" and run.id not in thaw.in_hand]
    for run in lost:
        say(f"lost: {run.error}")
    figures = {
        "kills": done,
        "holds": holds,
        "fills": fills,
        "runs": len(runs),
        "failed_in_hand": sum(run.status == "failed" and run.id in thaw.in_hand for run in runs),
        "lost_runs": len(lost),
        "unfinished": sum(run.active for run in runs),
    }
    left = thaw.end()
    errors = raw_errors(home)
    for line in errors:
        say(f"raw: {line}")
    return {**figures, "orphans": len(left), "raw_errors": len(errors)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--holds", type=int, default=15)
    parser.add_argument("--fills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fills = options.fills if hasattr(os, "geteuid") and os.geteuid() == 0 else 0
    with disk(small=fills > 0) as home:
        os.environ[paths.DATA_DIR_VARIABLE] = str(home)
        try:
            made = measure(home, kills=options.kills, holds=options.holds, fills=fills, seed=options.seed)
        finally:
            cluster.stop()
    for name, value in made.items():
        print(f"{name} {value} {'runs' if 'run' in name or name == 'unfinished' else 'events'}")


if __name__ == "__main__":
    main()
