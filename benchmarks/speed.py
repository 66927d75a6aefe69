"""Measures how much faster training is with the frozen part computed once, and that the curves stay the same.

``python -m benchmarks.speed [--images DIR] [--repeats 3] [--only CASE …] [--json FILE] [--markdown FILE]``
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import data, paths
from core.data.decode import read_picture
from core.engine import Engine, cluster, execute
from core.experiment import AugmentationSpec, BackboneSpec, DataSpec, DrawnDials, Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore
from core.studies import sweeps

N_TRAIN, N_VALIDATION, EPOCHS, SIZE = 320, 80, 10, 224


@dataclass(frozen=True)
class Case:
    """One network trained on both sides."""

    name: str
    thawed: int
    rate: float
    target: float
    warm_target: float | None = None
    augment: bool = False
    nudged: bool = False
    epochs: int = EPOCHS

    def experiment(self, images: Path) -> Experiment:
        """Return our side."""
        return Experiment(
            data=DataSpec(source=f"path:{images}", test_fraction=0.0),
            freeze=FreezeSpec.last(self.thawed, lock_batchnorm=False),
            augmentation=AugmentationSpec.preset("light" if self.augment else "none"),
            training=TrainingSpec(epochs=self.epochs, batch_size=32, learning_rate=self.rate, backbone_rate_factor=1.0),
        )


CASES = (
    Case("head_only", 0, 1e-3, 8.0, 60.0),
    Case("last4", 4, 1e-4, 4.0, 10.0),
    Case("last4_augmented", 4, 1e-4, 0.0, 8.0, augment=True),
    Case("everything_thawed", 154, 1e-5, 1.0, nudged=True),
)


IDLE, WORKERS = "first_run_after_idle", "two_workers"


def write_pictures(target: Path, source: Path | None) -> None:
    """Write 320 + 80 images below ``train`` and ``val``, as PNG at the network's size: both sides then see the same pixels."""
    spec = DataSpec(source=f"path:{source.resolve()}") if source else DataSpec(
        source="drawn:shapes", drawn=DrawnDials(n_images=N_TRAIN + N_VALIDATION)
    )  # fmt: skip
    found = data.catalogue(spec)
    classes = len(found.class_names)
    order = np.random.default_rng(0).permutation(len(found.labels))
    ranks = {c: [i for i in order if found.labels[i] == c] for c in range(classes)}
    for split, start, total in (("train", 0, N_TRAIN), ("val", N_TRAIN // classes, N_VALIDATION)):
        for c, rows in ranks.items():
            folder = target / split / found.class_names[c]
            folder.mkdir(parents=True)
            for i in rows[start : start + total // classes]:
                picture = Image.fromarray(read_picture(found.pictures[i], SIZE))
                picture.save(folder / f"{i:06d}.png")


def plain(case: Case, images: Path, *options: str) -> dict[str, Any]:
    """Run the tutorial script in a fresh process and return its seconds and history."""
    command = [sys.executable, "-m", "benchmarks.tutorial", str(images), "--thawed", str(case.thawed)]
    command += ["--rate", str(case.rate), "--epochs", str(case.epochs), *(["--augment"] if case.augment else [])]
    out = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


class Ours:
    """The engine with its one embedded worker."""

    def __init__(self) -> None:
        self.store = RunStore()
        self.engine = Engine(self.store)
        self._warm()

    def _warm(self) -> None:
        while self.engine.state().status != "ready":
            time.sleep(0.1)
        self.engine.call(execute.warm, timeout=120)

    def forget(self) -> None:
        """Remove decoded images and activations, and start the worker anew: nothing is known."""
        for name in ("activations", "datasets"):
            shutil.rmtree(paths.data_dir() / name, ignore_errors=True)
        workers = list(self.engine.client.scheduler_info(n_workers=-1)["workers"])
        self.engine.client.restart_workers(workers, timeout=60)
        self._warm()

    def run(self, experiment: Experiment) -> tuple[float, str]:
        """Return the seconds from submission to final metrics stored, and the run."""
        started = datetime.now(UTC)
        run_id = self.engine.submit(experiment)
        while self.store.get(run_id).active:
            time.sleep(0.2)  # asking more often would take the processor from the run
        run = self.store.get(run_id)
        if run.status != "finished" or run.ended is None:
            raise SystemExit(f"The run failed: {run.error} {run.message}")
        while self.engine.works_on(run_id):  # the model is written after the metrics
            time.sleep(0.2)
        seconds = (run.ended - started).total_seconds()
        return seconds, run_id


def idle_rows(ours: Ours, images: Path) -> list[tuple[str, float, str, str]]:
    """Return what Train costs after ten idle seconds a hundred images, beside a run that finds everything known: last 4."""
    experiment = next(case for case in CASES if case.name == "last4").experiment(images)
    ours.forget()
    until = time.monotonic() + 10 * (N_TRAIN + N_VALIDATION) / 100
    while time.monotonic() < until:  # as a page does that shows these settings
        ours.engine.ahead.want(experiment)
        time.sleep(1.0)
    idle, run_id = ours.run(experiment)
    computed = ours.store.measured(run_id)["frontier"]["images_computed"]
    warm = ours.run(experiment)[0]
    return [
        (IDLE, idle / warm, "times", "at most 1.3"),
        (f"{IDLE}_seconds", idle, "s", ""),
        (f"{IDLE}_images_computed", computed, "images", ""),
    ]


def worker_rows(images: Path) -> list[tuple[str, float, str, str]]:
    """Return what a sweep over depths takes with two workers that share the processors, over what one takes: nothing is known before either."""
    spec = DataSpec(source=f"path:{images}", test_fraction=0.0)
    experiment = Experiment(data=spec, backbone=BackboneSpec(size=96), training=TrainingSpec(epochs=EPOCHS))
    one, two = (_sweep_seconds(experiment, n) for n in (1, 2))
    return [
        (WORKERS, one / two, "times", ""),
        (f"{WORKERS}_seconds", two, "s", ""),
        ("one_worker_seconds", one, "s", ""),
    ]


def _sweep_seconds(experiment: Experiment, workers: int) -> float:
    cluster.stop()
    os.environ["THAW_WORKERS"] = str(workers)
    ours = Ours()
    try:
        ours.forget()
        started = time.perf_counter()
        sweep = sweeps.start_depth_sweep(ours.engine, experiment)
        for status in ("queued", "running"):
            while (sweeps.sweep_points(ours.store, sweep).status == status).any():
                time.sleep(0.2)
        return time.perf_counter() - started
    finally:
        ours.engine.close()
        cluster.stop()
        del os.environ["THAW_WORKERS"]


def measured(results: dict[str, list[dict]]) -> list[Case]:
    """Return the cases that there are results of."""
    return [case for case in CASES if case.name in results]


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest difference of two trainings' curves."""
    return {k: float(np.abs(np.array(one[k]) - np.array(other[k])).max()) for k in ("loss", "val_loss")}


def measure(case: Case, ours: Ours, images: Path, *, nudged: bool) -> dict[str, Any]:
    """Run one case once on both sides.

    With ``nudged`` the tutorial trains once more, one weight's last binary digit changed: its curves then differ by what roundings alone
    do, and no other computation of the same training can be expected nearer.
    """
    theirs = plain(case, images)
    noise = apart(plain(case, images, "--nudge")["history"], theirs["history"]) if nudged else {}
    ours.forget()
    experiment = case.experiment(images)
    cold, first = ours.run(experiment)
    warm, second = ours.run(experiment) if case.warm_target else (float("nan"), first)
    difference = {} if case.augment else apart(ours.store.curves(second), theirs["history"])
    rates = {k: ours.store.measured(r)["frontier"]["seconds"] for k, r in (("cold", first), ("warm", second))}
    print(f"# {case.name}: plain {theirs['seconds']:.2f} s, ours {cold:.2f} s, again {warm:.2f} s", file=sys.stderr)
    return {
        "plain": theirs["seconds"],
        "cold": cold,
        "warm": warm,
        "difference": difference,
        "noise": noise,
        "seconds": rates,
        "epochs": case.epochs,
    }


PEAK = """
import time, tensorflow as tf
a = tf.random.normal((3072, 3072)); f = tf.function(lambda: tf.matmul(a, a)); f()
best = 1e9
for _ in range(8):
    t = time.perf_counter(); f().numpy(); best = min(best, time.perf_counter() - t)
print(2 * 3072**3 / best)
"""


def roofline(results: dict[str, list[dict]], images: Path) -> dict[str, float]:
    """Return achieved FLOP/s of prefix and of training steps over the measured peak of a matrix multiplication."""
    peak = float(subprocess.run([sys.executable, "-c", PEAK], check=True, stdout=subprocess.PIPE, text=True).stdout)
    rates = {}
    for case in measured(results):
        from core.network.frontier import find  # imports Keras: who only wants the pictures need not wait for it

        line = find(case.experiment(images))
        last = results[case.name][-1]["seconds"]
        if case.name == "head_only":
            rates["prefix"] = (N_TRAIN + N_VALIDATION) * line.prefix_flops / last["cold"]["frozen features"]
        elif not case.augment:
            passes = results[case.name][-1]["epochs"] * (
                3 * N_TRAIN + N_VALIDATION
            )  # forward and backward count as three forward passes
            rates[f"tail_{case.name}"] = passes * line.tail_flops / last["warm"]["training"]
    return {"peak_gflops": peak / 1e9, **{k: v / peak for k, v in rates.items()}}


def figures(results: dict[str, list[dict]]) -> dict[str, tuple[float, float | None]]:
    """Return each figure with its target: medians over the repeats of plain seconds over ours."""
    ratio = lambda name, kind: statistics.median(r["plain"] / r[kind] for r in results[name])  # noqa: E731
    made: dict[str, tuple[float, float | None]] = {}
    for case in measured(results):
        if case.warm_target:
            made[f"{case.name}_warm"] = ratio(case.name, "warm"), case.warm_target
        if case.target:
            made[case.name + ("_cold" if case.warm_target else "")] = ratio(case.name, "cold"), case.target
    return made


def differences(results: dict[str, list[dict]], key: str) -> dict[str, float]:
    """Return the largest difference of a curve in each case."""
    return {
        name: max(r["difference"][key] for r in repeats)
        for name, repeats in results.items()
        if repeats[0]["difference"]
    }


def report(results: dict[str, list[dict]], images: Path) -> list[tuple[str, float, str, str]]:
    """Return rows of name, value, unit and what it should be."""
    rows = [(name, value, "times", f"at least {target:g}") for name, (value, target) in figures(results).items()]
    for name, key, limit in (("curve_difference", "loss", 1e-4), ("val_curve_difference", "val_loss", 1e-3)):
        by_case = differences(results, key)
        if by_case:
            rows.append((name, max(by_case.values()), "nats", f"at most {limit:g}"))
        rows += [(f"{name}_{case}", value, "nats", "") for case, value in by_case.items()]
        noises = {case: repeats[0]["noise"][key] for case, repeats in results.items() if repeats[0]["noise"]}
        rows += [(f"{name.replace('difference', 'noise')}_{case}", v, "nats", "") for case, v in noises.items()]
    roof = roofline(results, images)
    rows.append(("peak", roof.pop("peak_gflops"), "GFLOP/s", ""))
    rows += [(f"roofline_{k}", v, "of peak", "") for k, v in roof.items()]
    for case in measured(results):
        for side in ("plain", "cold", "warm"):
            seconds = statistics.median(r[side] for r in results[case.name])
            if seconds == seconds:
                rows.append((f"{case.name}_{side}_seconds", seconds, "s", ""))
    return rows


def markdown(rows: list[tuple[str, float, str, str]]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| figure | measured | should be |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| `{n}` | {v:.3g} {u} | {t} |" for n, v, u, t in rows)]) + "\n"


def main() -> None:
    """Measure both sides and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="a folder with one folder a class; drawn pictures without it")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="fewer for a quick look")
    names = [*(c.name for c in CASES), IDLE, WORKERS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(prefix="thaw-speed-") as home:
        os.environ[paths.DATA_DIR_VARIABLE] = f"{home}/data"
        os.environ[paths.ROOT_VARIABLE] = home  # workers open nothing else
        write_pictures(Path(home) / "images", options.images)
        cases = [replace(case, epochs=options.epochs) for case in CASES if case.name in options.only]
        results: dict[str, list[dict]] = {case.name: [] for case in cases}
        ours = Ours()
        try:
            for repeat in range(options.repeats):
                for case in cases:
                    nudged = case.nudged and repeat == 0
                    results[case.name].append(measure(case, ours, Path(home) / "images", nudged=nudged))
            rows = report(results, Path(home) / "images") if results else []
            rows += idle_rows(ours, Path(home) / "images") if IDLE in options.only else []
        finally:
            ours.engine.close()
            cluster.stop()
        rows += worker_rows(Path(home) / "images") if WORKERS in options.only else []
    for name, value, unit, _ in rows:
        print(f"{name} {value:.6g} {unit}")
    if options.json:
        options.json.write_text(json.dumps({"figures": {n: v for n, v, _, _ in rows}, "repeats": results}, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(rows))


if __name__ == "__main__":
    main()
