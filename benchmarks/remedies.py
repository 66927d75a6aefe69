"""Do recommended remedies help? Runs with known problems, repaired as the app does it, and judged on test images that nothing else saw.

``python -m benchmarks.remedies --images DIR [DIR …] [--json FILE] [--quick] [--every N] [--first N] [--weights FILE] [--alpha 0.35]``

For each run the remedies that the app would try are trained as the app trains them (:mod:`core.studies.trials`) and measured
(:func:`core.gains.measure`). The first of the recommended ones is then applied to the run itself, with the run's own seed, and both are
compared on the test images. Beside it stands what any other remedy of the same list does there, which is what drawing one at random
comes to on average. With ``--beside-seeds`` the same runs are also repaired with three seeds a remedy, judged by the validation images
alone, and the seconds of both are compared.
"""

import argparse
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")

from benchmarks.cases import Case, base, ill, observe, of_folder
from core import data, gains
from core.data import Dataset
from core.diagnosis import diagnose
from core.diagnosis.remedies import Remedy
from core.errors import ThawError
from core.evaluation import Evaluation, Predictions
from core.experiment import BackboneSpec, DataSpec, Experiment
from core.gains import Gain
from core.runs.run import TRIAL_FOLDS
from core.studies import trials
from core.training.allocator import restart_keeping_memory

GiveUp = Callable[[Predictions, Sequence[int]], bool]
RESAMPLES = 10_000
UNFAIR = "more-images"  # the runs use part of a folder to be quick; giving them the rest would help nearly always and prove little


@dataclass(frozen=True)
class Tried:
    """A remedy: what the validation images said on other seeds, and what it did on the test images of the run itself.

    Attributes
    ----------
    measured
        Gain on the validation images, as the app shows it.
    test_gain
        Change of test accuracy.
    worse, better
        Numbers of test images that were right before and are wrong after, and the other way round.
    """

    code: str
    measured: Gain
    test_gain: float
    worse: int
    better: int

    @property
    def surely_hurt(self) -> bool:
        """Whether more test images got worse than chance explains (one-sided exact McNemar test at 5%)."""
        n = self.worse + self.better
        tail = sum(math.comb(n, k) for k in range(self.worse, n + 1)) / 2**n
        return n > 0 and tail < 0.05


@dataclass(frozen=True)
class Repaired:
    """A run with a known problem and everything that was tried on it, the most helpful first."""

    folder: str
    case: str
    verdict: str
    test_accuracy: float
    n_test: int
    tried: tuple[Tried, ...]
    seconds: float = 0.0

    @property
    def chosen(self) -> Tried | None:
        """The remedy that the app would recommend first; None where it recommends nothing."""
        return next((t for t in self.tried if t.measured.recommended), None)

    @property
    def random_gain(self) -> float:
        """What a remedy drawn at random from the list gains on average."""
        return float(np.mean([t.test_gain for t in self.tried])) if self.tried else 0.0


@lru_cache(maxsize=4)
def _loaded(spec: DataSpec, size: int) -> Dataset:
    return data.load(spec, size)


class Bench:
    """Trains variants of one case."""

    def __init__(self, case: Case):
        self.case, self.known = case, dict[tuple[DataSpec, int], Dataset]()

    def dataset(self, x: Experiment) -> Dataset:
        """Return the images of an Experiment with the case's fault in them."""
        key = x.data, x.backbone.size
        if key not in self.known:
            loaded = _loaded(*key)
            self.known[key] = self.case.change(loaded) if self.case.change else loaded
        return self.known[key]

    def train(self, x: Experiment) -> Evaluation:
        """Return the answers of one run."""
        from core.training import trainer

        return trainer.train(x, self.dataset(x)).evaluation

    def on_folds(self, x: Experiment, give_up: GiveUp | None = None) -> tuple[Predictions, list[int]]:
        """Return the answers of models that did not see the images, and how many images each model judged."""
        from core.training import folds

        outcome = folds.train(x, self.dataset(x), k=TRIAL_FOLDS, give_up=give_up)
        return outcome.evaluation.splits["validation"], outcome.probes["fold_sizes"]


def _by_folds(bench: Bench, x: Experiment, remedies: list[Remedy]) -> dict[str, Gain]:
    """Return what each remedy gains on training and validation images, each judged by a model that did not see it."""
    seeded = lambda e: e.replace(training=e.training.replace(seed=trials._seeds(x, 1)[0]))  # noqa: E731
    before, n = bench.on_folds(seeded(x))[0], len(remedies)
    give_up = lambda after, sizes: gains.hopeless(gains.pairs_of(before, after, sizes), TRIAL_FOLDS, n)  # noqa: E731
    after = {r.code: bench.on_folds(seeded(r.apply(x) or x), give_up) for r in remedies}
    return {code: gains.measure(gains.pairs_of(before, *answers), n) for code, answers in after.items()}


def _by_seeds(bench: Bench, x: Experiment, remedies: list[Remedy]) -> dict[str, Gain]:
    """Return what each remedy gains on the validation images, over three seeds."""

    def validations(e: Experiment) -> list[Predictions]:
        seeds = trials._seeds(x, trials.ON_SEEDS.runs)
        return [bench.train(e.replace(training=e.training.replace(seed=s))).splits["validation"] for s in seeds]

    before = validations(x)
    after = {r.code: validations(r.apply(x) or x) for r in remedies}
    return {code: gains.measure(list(zip(before, made, strict=True)), len(remedies)) for code, made in after.items()}


def repair(case: Case, folder: str, beside_seeds: bool) -> list[Repaired]:
    """Diagnose a case, try its remedies, and measure on the test images what each does to the run itself: once a design."""
    x, bench = case.experiment, Bench(case)
    observed = observe(case)
    diagnosis = diagnose(observed)
    remedies = [r for r in trials.candidates(x, diagnosis, trials.MOST + 1) if r.code != UNFAIR][: trials.MOST]
    test = bench.train(x).splits["test"]
    tests = {
        r.code: bench.train(r.apply(x) or x).splits["test"] for r in remedies
    }  # the features are known from here on
    ours = _by_folds if trials.fitting(diagnosis, observed.probes).on_folds else _by_seeds
    designs = [ours, *([_by_seeds] if beside_seeds else [])]
    return [_repaired(case, folder, diagnosis.verdict, design, bench, remedies, test, tests) for design in designs]


def _repaired(case: Case, folder: str, verdict: str, design: Callable, bench: Bench, remedies: list[Remedy], test: Predictions, tests: dict[str, Predictions]) -> Repaired:  # fmt: skip
    started = time.perf_counter()
    measured = design(bench, case.experiment, remedies)
    seconds = time.perf_counter() - started
    tried = [_tried(code, gain, test, tests[code]) for code, gain in measured.items()]
    tried.sort(key=lambda t: (t.measured.recommended, t.measured.gain, t.measured.loss_gain), reverse=True)
    return Repaired(folder, case.name, verdict, test.accuracy, len(test.labels), tuple(tried), seconds)


def _tried(code: str, measured: Gain, before: Predictions, after: Predictions) -> Tried:
    was, now = before.predicted == before.labels, after.predicted == after.labels
    return Tried(code, measured, after.accuracy - before.accuracy, int((was & ~now).sum()), int((now & ~was).sum()))


def repair_all(folders: list[Path], backbone: BackboneSpec, every: int, beside_seeds: bool, tell: Callable[[str], None], first: int = 0) -> Iterator[list[Repaired]]:  # fmt: skip
    """Repair every known problem on every folder, ``every``-th case only, starting with another one in each folder, ``first`` in the first."""
    for at, folder in enumerate(folders, first):
        cases = list(ill(base(of_folder(folder), backbone)))[at % every :: every]
        for i, case in enumerate(cases, 1):
            done = repair(case, folder.name, beside_seeds)
            told = [f"{_told(d)} in {d.seconds:.0f} s" for d in done]
            tell(
                f"{folder.name} {i}/{len(cases)} · {case.name} ({done[0].verdict}, {done[0].test_accuracy:.0%}): {'; '.join(told)}"
            )
            yield done


def _told(done: Repaired) -> str:
    chosen = done.chosen
    return f"{chosen.code} {chosen.test_gain:+.1%} on test" if chosen else "nothing recommended"


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return a 95% bootstrap interval of the mean over runs (percentile method, 10,000 resamples, fixed seed)."""
    if not len(values):
        return math.nan, math.nan
    drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    low, high = np.percentile(drawn.mean(1), [2.5, 97.5])
    return float(low), float(high)


def figures(done: list[Repaired]) -> dict[str, dict[str, object]]:
    """Return each figure with its interval, unit and number of runs."""
    chosen = [(r, r.chosen) for r in done if r.chosen]
    series = {
        "not_hurt_rate": ([float(c.test_gain >= 0) for _, c in chosen], "share"),
        "not_surely_hurt_rate": ([float(not c.surely_hurt) for _, c in chosen], "share"),
        "gain": ([c.test_gain for _, c in chosen], "accuracy"),
        "random_gain": ([r.random_gain for r, _ in chosen], "accuracy"),
        "gain_over_random": ([c.test_gain - r.random_gain for r, c in chosen], "accuracy"),
        "random_not_hurt_rate": ([float(np.mean([t.test_gain >= 0 for t in r.tried])) for r, _ in chosen], "share"),
        "recommended_share": ([float(r.chosen is not None) for r in done], "share"),
    }
    return {name: _figure(np.array(values), unit, name) for name, (values, unit) in series.items()}


def _figure(values: np.ndarray, unit: str, name: str) -> dict[str, object]:
    """Return a figure; where nothing was recommended nobody was hurt and nothing gained, of which ``n`` says that it rests on no run."""
    if not len(values):
        nobody = float(name.endswith("hurt_rate"))
        return {"value": nobody, "low": nobody, "high": nobody, "unit": unit, "n": 0}
    low, high = interval(values)
    return {
        "value": float(values.mean()),
        "low": low,
        "high": high,
        "unit": unit,
        "n": len(values),
    }


def report(done: list[Repaired], prefix: str = "") -> dict[str, object]:
    """Print figures and a Markdown table; return everything for the JSON file."""
    measured = figures(done)
    for name, f in measured.items():
        shown = prefix + name
        print(f"{shown} {f['value']:.3f} {f['unit']}\n{shown}_low {f['low']:.3f} {f['unit']}\n{shown}_high {f['high']:.3f} {f['unit']}")  # fmt: skip
    print(f"{prefix}runs {len(done)} runs\n{prefix}seconds {sum(r.seconds for r in done):.0f} s\n")
    print("| folder | run | verdict | test accuracy | recommended | change on test | at random |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for r in done:
        c = r.chosen
        told = f"{c.code} | {c.test_gain:+.1%}" if c else "nothing | "
        print(f"| {r.folder} | {r.case} | {r.verdict} | {r.test_accuracy:.1%} | {told} | {r.random_gain:+.1%} |")
    return {"figures": measured, "runs": [_row(r) for r in done]}


def _row(r: Repaired) -> dict[str, object]:
    tried = [
        {
            "code": t.code,
            "recommended": t.measured.recommended,
            "test_gain": round(t.test_gain, 4),
            "worse": t.worse,
            "better": t.better,
            **{k: round(v, 4) for k, v in vars(t.measured).items()},
        }
        for t in r.tried
    ]
    return {
        "folder": r.folder,
        "case": r.case,
        "verdict": r.verdict,
        "test_accuracy": round(r.test_accuracy, 4),
        "n_test": r.n_test,
        "tried": tried,
    }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remedies", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folders with one folder a class")
    parser.add_argument("--json", type=Path, help="where to write every run and figure")
    parser.add_argument("--quick", action="store_true", help="every sixth case, as --every 6")
    parser.add_argument("--every", type=int, default=1, help="take every N-th case of a folder; default 1, all")
    parser.add_argument("--first", type=int, default=0, help="which case to start with; default 0")
    parser.add_argument(
        "--beside-seeds", action="store_true", help="also try three seeds, judged by the validation images"
    )
    parser.add_argument("--weights", default="builtin", help="builtin, imagenet, or a weights file; default builtin")
    parser.add_argument("--alpha", type=float, default=1.0, help="width of the network; default 1.0")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Make and repair the runs, print the figures."""
    options = parse(arguments)
    logging.disable(logging.WARNING)
    known = options.weights in {"builtin", "imagenet", "random"}
    weights = options.weights if known else f"file:{Path(options.weights).resolve()}"
    every = max(1, 6 if options.quick else options.every)
    done: list[list[Repaired]] = []
    try:
        backbone = BackboneSpec(alpha=options.alpha, size=96, weights=weights)
        folders = [f.resolve() for f in options.images]
        tell = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        done += repair_all(folders, backbone, every, options.beside_seeds, tell, options.first)
    except (ThawError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    result = report([designs[0] for designs in done])
    if options.beside_seeds:
        result |= {"seeds": report([designs[1] for designs in done], "seeds_")}
        ours, theirs = (sum(designs[i].seconds for designs in done) for i in (0, 1))
        print(f"find_what_helps_speedup {theirs / ours:.2f} times")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.remedies")
    sys.exit(main())
