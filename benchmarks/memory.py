"""How much memory do 20,000 images take, from reading the files to the verdict, in all processes together?

``python -m benchmarks.memory [--images DIR] [--n 20000] [--size 224] [--alpha 1.0] [--epochs 2] [--json FILE]``

The pictures of the folder (drawn ones where none is given) are written again and again, each with a few pixels of its own, until there
are enough. Memory is sampled from ``/proc`` while the run goes on, for this process, the scheduler and the worker: ``resident`` is what
``ps`` shows, pages of mapped files included, which the system takes back whenever it needs them; ``private`` is without those.
"""

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.speed import write_pictures
from core import paths
from core.data.decode import read_picture
from core.engine import Engine, cluster
from core.experiment import BackboneSpec, DataSpec, Experiment, TrainingSpec
from core.runs import RunStore

EVERY = 0.5  # seconds between samples


def write_many(target: Path, source: Path, n: int) -> None:
    """Write ``n`` different pictures, a folder a class, from those of ``source``."""
    rng = np.random.default_rng(0)
    known = [(p, np.asarray(read_picture(p, 224))) for p in sorted(source.rglob("*.*"))]
    for i in range(n):
        path, pixels = known[i % len(known)]
        pixels = pixels.copy()
        pixels[:8, :8] = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        folder = target / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=85)


def processes(root: int) -> Iterator[int]:
    """Yield a process and all that descend from it, the embedded scheduler and its worker among them."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # ended meanwhile
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    waiting = [root]
    while waiting:
        yield (pid := waiting.pop())
        waiting += parents.get(pid, [])


def megabytes(pids: list[int]) -> tuple[float, float]:
    """Return resident memory and the part of it that maps no file, in MB."""
    resident = private = 0
    for pid in pids:
        try:
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        except OSError:
            continue
        resident += int(lines.get("VmRSS", "0").split()[0])
        private += int(lines.get("RssAnon", "0").split()[0])
    return resident / 1024, private / 1024


class Sampler(threading.Thread):
    """Watches memory until it is told to stop, and keeps the highest values."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended, self.resident, self.private = threading.Event(), 0.0, 0.0

    def run(self) -> None:
        """Sample until the end."""
        while not self.ended.wait(EVERY):
            resident, private = megabytes(list(processes(os.getpid())))
            self.resident, self.private = max(self.resident, resident), max(self.private, private)


def main() -> None:
    """Measure and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thaw-memory-") as home:
        os.environ[paths.DATA_DIR_VARIABLE] = str(Path(home) / "data")
        os.environ[paths.ROOT_VARIABLE] = home  # workers open nothing else
        few, many = Path(home) / "few", Path(home) / "many"
        write_pictures(few, options.images)
        write_many(many, few, options.n)
        figures = measure(many, options)
    for name, value in figures.items():
        print(f"{name} {value:.4g} {'images' if name == 'images' else 'MB'}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Train the head on these images and return the highest memory seen."""
    experiment = Experiment(
        data=DataSpec(source=f"path:{folder}"),
        backbone=BackboneSpec(size=options.size, alpha=options.alpha, weights="builtin"),
        training=TrainingSpec(epochs=options.epochs),
    )
    engine, sampler = Engine(RunStore()), Sampler()
    sampler.start()
    try:
        run_id = engine.submit(experiment)
        status = engine.wait(run_id, timeout=3600)
        if status != "finished":
            raise SystemExit(f"The run ended as {status}: {engine.store.get(run_id).error}")
    finally:
        sampler.ended.set()
        engine.close()
        cluster.stop()
    return {"images": options.n, "peak_resident_mb": sampler.resident, "peak_private_mb": sampler.private}


if __name__ == "__main__":
    main()
