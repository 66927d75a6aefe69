"""A data directory as people leave it behind: two uploads, runs, a sweep, folds, an answer of See, a copy of the list of runs; and its damage."""

import io
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import h5py
import numpy as np

from core import data, logs
from core.data import edits, upload
from core.engine import Engine, cluster
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec
from core.insight import similarity
from core.network import uploaded
from core.network.layers import layer_table, totals
from core.runs import RunStore, keep
from core.studies import sweeps
from tests.conftest import write_folder

SETTLE_SECONDS = 240
# Made anew at each start, or read by nobody; seals are damaged in tests/core/test_durable.py.
LEFT_OUT = re.compile(r"cache/(dask|cluster)/|\.lock$|\.log(\.\d+)?$|-(wal|shm)$|\.seal$")


@dataclass(frozen=True)
class Left:
    """What lies in the data directory ``home``, and in ``copy`` as it was."""

    home: Path
    copy: Path
    archives: dict[str, bytes]
    first: str
    second: str
    sweep: str
    experiment: Experiment

    def kinds(self) -> dict[str, Path]:
        """Return the first file of each kind: files are of one kind where only numbers, hashes and dates in their paths differ."""
        found: dict[str, Path] = {}
        for path in sorted(p for p in self.copy.rglob("*") if p.is_file()):
            here = self.home / path.relative_to(self.copy)
            if not LEFT_OUT.search(path.relative_to(self.copy).as_posix()):
                found.setdefault(self.kind_of(here), here)
        return found

    def had(self, path: Path) -> bool:
        """Tell whether a file was there before anybody looked."""
        return path.is_relative_to(self.home) and (self.copy / path.relative_to(self.home)).is_file()

    def kind_of(self, path: Path) -> str:
        """Return the kind of a file below ``home``."""
        return re.sub(r"[0-9a-f]{12,}|\d+", "#", path.relative_to(self.home).as_posix())

    def upload(self, source: str) -> Path:
        """Return the folder of an upload."""
        return self.home / "datasets" / "uploads" / source.partition(":")[2]

    def restore(self) -> None:
        """Put everything back as it was, times of change included."""
        kept = {p.relative_to(self.copy): p for p in self.copy.rglob("*") if p.is_file()}
        for path in [p for p in self.home.rglob("*") if p.is_file() and p.relative_to(self.home) not in kept]:
            path.unlink()
        for name, path in kept.items():
            target = self.home / name
            if (
                not target.exists()
                or target.stat().st_mtime_ns != path.stat().st_mtime_ns
                or target.stat().st_size != path.stat().st_size
            ):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)


def emptied(content: bytes) -> bytes:
    """Return what a crash leaves of a file that was not written yet."""
    return b""


def cut(content: bytes) -> bytes:
    """Return what a crash leaves of a file that was written half."""
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    """Return what a crash leaves of a file whose length was written before its content."""
    return bytes(len(content))


def flipped(content: bytes) -> bytes:
    """Return what a failing disk makes of a file."""
    middle = len(content) // 2
    return content[:middle] + bytes(b ^ 0xFF for b in content[middle : middle + 64]) + content[middle + 64 :]


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (emptied, cut, zeroed, flipped)


def damage(path: Path, how: Callable[[bytes], bytes]) -> None:
    """Put a damaged file in the place of another; who has it open or mapped keeps what he has."""
    aside = path.with_name(f"{path.name}.aside")
    aside.write_bytes(how(path.read_bytes()))
    aside.replace(path)


def archive(seed: int, folder: Path) -> bytes:
    """Return a ZIP of two classes of twelve small photographs each."""
    write_folder(folder, {"ant": 12, "bee": 12}, seed=seed)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for path in sorted(folder.rglob("*.jpg")):
            file.write(path, path.relative_to(folder))
    return out.getvalue()


def weights() -> bytes:
    """Return a file that holds as many numbers as a narrow MobileNetV2."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["kernel"] = np.zeros(totals(layer_table(BackboneSpec(alpha=0.35)), FreezeSpec()).total, np.float32)
    return out.getvalue()


def make(home: Path, scratch: Path) -> Left:
    """Fill the data directory with real ones of everything, and end the worker."""
    logs.set_up("pages")
    archives = {}
    for seed in (0, 1):
        content = archive(seed, scratch / str(seed))
        archives[upload.import_archive(io.BytesIO(content), f"insects {seed}.zip")] = content
    source, other = archives
    spec = DataSpec(source=source, edits=edits.keep(DataSpec().edits, np.full((32, 32, 3), 90, np.uint8), "ant"))
    data.load(DataSpec(source=other), 96)
    uploaded.keep(weights(), "mine.h5")
    small = BackboneSpec(size=96, alpha=0.35, weights="builtin")
    x = Experiment(data=spec, backbone=small, training=TrainingSpec(epochs=2))
    engine = Engine(RunStore())
    try:
        until(lambda: engine.state().status == "ready")
        first = engine.submit(x, name="left frozen")
        second = engine.submit(x.continued(freeze=FreezeSpec.last(4)), name="left thawed", baseline_id=first)
        sweep = sweeps.start_depth_sweep(engine, x, (0,))
        done(engine, [first, second, *(run.id for run in engine.store.list(group=f"sweep-{sweep}"))])
        engine.call(similarity.changes, engine.store.uri, [first, second], timeout=SETTLE_SECONDS)
    finally:
        engine.close()
        cluster.stop()
    keep.back_up(engine.store.path, date.today())
    copy = scratch / "copy"
    shutil.copytree(home, copy)
    return Left(home, copy, archives, first, second, sweep, engine.store.get(second).experiment)


def done(engine: Engine, runs: list[str]) -> None:
    """Wait until runs have ended and workers have written their models."""
    ended = [engine.wait(run, timeout=SETTLE_SECONDS) for run in runs]
    assert ended == ["finished"] * len(runs), [engine.store.get(run).error for run in runs]
    until(lambda: not any(engine.works_on(run) for run in runs))


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
