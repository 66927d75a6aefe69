"""Is the diagnosis right? Runs drawn at random, graded by the probabilities of their verdicts against what many images say.

``python -m benchmarks.diagnosis --images DIR [DIR …] [--weights FILE …] [--alpha 1.0] [--runs N] [--seed S] [--builtin] [--keep DIR] [--json FILE]``

The truth of a run is measured on all images of the folder that it was neither trained nor judged on, at least 400: its gap, its accuracy, its best
epoch; and the run is trained on to three times its epochs. Every run counts. Intervals draw whole splits again.
"""

import argparse
import json
import logging
import os
import pickle
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")

from benchmarks import draws, grading
from benchmarks.grading import Made
from core.errors import ThawError
from core.experiment import BackboneSpec
from core.training.allocator import restart_keeping_memory


def made(runs: list[draws.Draw], keep: Path | None, tell: Callable[[str], None]) -> Iterator[Made]:
    """Carry out runs; what lies in ``keep`` already is not made again."""
    for i, run in enumerate(runs, 1):
        file = keep / f"{run.id}.pickle" if keep else None
        if file and file.exists():
            yield Made(run, *pickle.loads(file.read_bytes()))
            continue
        from benchmarks import watched

        seen, true, sharpened = watched.make(run)
        if file:
            file.write_bytes(pickle.dumps((seen, true, sharpened)))
        tell(f"{i}/{len(runs)} {run.split} · {run.name}: gap {true.gap:+.0%}, accuracy {true.accuracy:.0%}")
        yield Made(run, seen, true, sharpened)


def in_order(runs: list[draws.Draw]) -> list[draws.Draw]:
    """Return runs of one source and network after each other: features and compiled steps are used again."""
    return sorted(runs, key=lambda r: (r.source.source, str(r.source.drawn), r.experiment.backbone.weights, r.experiment.backbone.alpha, r.split))  # fmt: skip


def report(runs: list[Made]) -> dict[str, object]:
    """Print figures, the table of rivals and the reliability table; return everything for the JSON file."""
    runs = grading.labelled(runs)
    splits = [m.run.split for m in runs]
    answers = {prefix: [judge(m.seen) for m in runs] for prefix, judge in grading.everyone(runs).items()}
    figures: dict[str, dict] = {}
    for prefix, said in answers.items():
        for name, parts in grading.ratios(runs, said).items():
            low, high = grading.interval(parts, splits)
            n = sum(p[1] for p in parts)
            figures[prefix + name] = {"value": grading.value(parts), "low": low, "high": high, "n": n}
    for name, f in figures.items():
        print(f"{name} {f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f}, n = {f['n']:.0f})")
    figures |= _sharpened(runs, splits)
    bins = grading.reliability(runs, answers[""])
    rivals = [f["value"] for name, f in figures.items() if name.endswith("_brier")]
    print(f"brier_best_rival {min(rivals):.3f}\ncalibration_error {grading.calibration_error(bins):.3f}")
    print(f"runs {len(runs)} on {len(set(splits))} splits; true classes {dict(Counter(m.label for m in runs))}\n")
    print("| said | right | runs |\n|---|---|---|")
    for said, right, n in bins:
        print(f"| {said:.2f} | {right:.2f} | {n} |")
    return {"figures": figures, "reliability": bins, "runs": list(_rows(runs, answers[""]))}


def _sharpened(runs: list[Made], splits: list[str]) -> dict[str, dict]:
    """Return and print how the runs with 70 validation images are judged after "make sure"."""
    again = [(m, grading.thaw(m.sharpened)) for m in runs if m.sharpened is not None]
    where = [s for m, s in zip(runs, splits, strict=True) if m.sharpened is not None]
    found = {}
    if again:
        parts = grading.ratios([m for m, _ in again], [s for _, s in again])
        for name in ("abstention_rate", "brier", "missed_illness_rate", "false_alarm_rate"):
            low, high = grading.interval(parts[name], where)
            found[f"{name}_sharpened"] = {
                "value": grading.value(parts[name]),
                "low": low,
                "high": high,
                "n": len(again),
            }
    for name, f in found.items():
        print(f"{name} {f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f}, n = {f['n']})")
    return found


def _rows(runs: list[Made], said: list[grading.Said]) -> Iterator[dict[str, object]]:
    for m, s in zip(runs, said, strict=True):
        t = m.truth
        yield {"split": m.run.split, "run": m.run.name, "true": m.label, "said": s.verdict, "probabilities": s.probabilities,
               "causes": sorted(s.causes), "acceptable_causes": sorted(m.run.causes), "gap": t.gap, "lost": t.lost, "gained": t.gained,
               "learnt": t.learnt, "accuracy": t.accuracy, "possible": m.possible, "validation": m.run.cut.validation}  # fmt: skip


def backbones(options: argparse.Namespace) -> list[BackboneSpec]:
    """Return the networks to draw from: each kind of weights, at the width that its file's name says."""
    found = []
    for weights in options.weights:
        if weights in {"builtin", "imagenet", "random"}:
            found.append(BackboneSpec(alpha=options.alpha, size=options.side, weights=weights))
        else:
            file = Path(weights).resolve()
            alpha = next((a for a in ("0.35", "0.5", "0.75", "1.3", "1.4") if f"_{a}_" in file.name), options.alpha)
            found.append(BackboneSpec(alpha=float(alpha), size=options.side, weights=f"file:{file}"))
    return found


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folders with one folder a class")
    parser.add_argument("--weights", nargs="+", default=["builtin"], help="builtin, imagenet, or weights files")
    parser.add_argument("--alpha", type=float, default=1.0, help="width of the network; default 1.0")
    parser.add_argument("--side", type=int, default=96, help="pixels a side; default 96")
    parser.add_argument("--runs", type=int, default=120, help="how many runs; six share a split; default 120")
    parser.add_argument("--seed", type=int, default=0, help="of the generator that draws them")
    parser.add_argument("--builtin", action="store_true", help="draw from the digits and from drawn pictures, too")
    parser.add_argument("--keep", type=Path, help="folder where runs are kept and found again")
    parser.add_argument("--json", type=Path, help="where to write every run and figure")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Make the runs, print the figures."""
    options = parse(arguments)
    logging.disable(logging.WARNING)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    try:
        sources = draws.sources([str(f.resolve()) for f in options.images], options.builtin)
        runs = in_order(list(draws.draw(sources, backbones(options), options.runs, options.seed)))
        done = list(made(runs, options.keep, lambda line: print(line, file=sys.stderr, flush=True)))
    except (ThawError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    result = report(done)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, default=float))
    return 0


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.diagnosis")
    sys.exit(main())
