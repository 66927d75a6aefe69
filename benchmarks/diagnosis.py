"""Is the diagnosis right? Runs with known causes and healthy runs on given image folders, judged by Thaw and by three published sets of rules.

``python -m benchmarks.diagnosis --images DIR [DIR …] [--json FILE] [--quick] [--weights FILE] [--alpha 0.35]``

A label is not taken for granted. A run made ill on purpose counts only if it is worse on the test images, which no rule sees, than the usual
sensible run on the same images; a sensible run counts as healthy only if it is as good as the others there, none of them is far better, and
its training accuracy is close to its test accuracy. What is left out is counted and listed.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")

from benchmarks.cases import Case, base, ill, sensible
from benchmarks.rivals import RIVALS, Answer
from core import data
from core.data import Dataset, health
from core.diagnosis import Observations, diagnose
from core.errors import ThawError
from core.experiment import BackboneSpec, DataSpec
from core.statistics import wilson
from core.training.allocator import restart_keeping_memory

# What counts as a difference on the test images: beyond what another seed gives on 100 of them, and seen by a person.
LOSS_SHARE, LOSS_NATS, ACCURACY = 0.15, 0.06, 0.04
CLOSE = 0.10  # accuracy on training images above that on test images, at most, in a healthy run
GROUPS, IMAGES_PER_CLASS = 8, 60


@dataclass(frozen=True)
class Made:
    """A run that was made, what is known about it, and how it does on the test images."""

    case: Case
    folder: str
    group: str
    seen: Observations
    test_loss: float
    test_accuracy: float
    train_accuracy: float


def groups(folder: Path, quick: bool) -> Iterator[DataSpec]:
    """Yield the sets of images that runs are compared within: all classes, neighbouring classes, other splits."""
    names = data.catalogue(DataSpec(source=f"path:{folder}")).class_names[:5]
    pairs = [names[i : i + 2] for i in range(len(names) - 1)] if len(names) > 2 else []
    chosen = [(names, 0), *((p, 0) for p in pairs), *((names, seed) for seed in range(1, GROUPS))]
    for classes, seed in chosen[: 2 if quick else GROUPS]:
        yield DataSpec(source=f"path:{folder}", classes=classes, images_per_class=IMAGES_PER_CLASS, seed=seed)


def make(case: Case, folder: str, group: str) -> Made:
    """Carry out a case and keep what a diagnosis may see apart from what the label rests on."""
    from core.training import trainer

    dataset = data.load(case.experiment.data, case.experiment.backbone.size)
    dataset = case.change(dataset) if case.change else dataset
    outcome = trainer.train(case.experiment, dataset)
    kept = {k: v for k, v in outcome.evaluation.splits.items() if k != "test"}
    seen = Observations(
        outcome.history,
        case.experiment,
        type(outcome.evaluation)(outcome.evaluation.class_names, kept),
        outcome.probes,
        tuple(health.check(_without_test(dataset))),
    )
    test = outcome.evaluation.splits["test"]
    chosen = np.clip(test.probabilities[np.arange(len(test.labels)), test.labels], 1e-7, 1)
    loss = float(-np.log(chosen).mean()) if np.isfinite(chosen).all() else float("inf")
    return Made(case, folder, group, seen, loss, test.accuracy, kept["train"].accuracy)


def _without_test(dataset: Dataset) -> Dataset:
    """Return the data set with no test images, which a diagnosis may not see."""
    import dataclasses

    empty = dataclasses.replace(
        dataset.test, indices=dataset.test.indices[:0], labels=dataset.test.labels[:0], names=()
    )
    return dataclasses.replace(dataset, test=empty)


def plan(folder: Path, backbone: BackboneSpec, quick: bool) -> list[tuple[str, Case]]:
    """Return every run of a folder with the name of its group: known causes in the first group, sensible runs in all.

    Runs of one architecture come after each other, so that it is compiled once.
    """
    specs = list(groups(folder, quick))
    names = [f"{'/'.join(s.classes or ())}, split {s.seed}" for s in specs]
    in_groups = [list(sensible(base(s, backbone))) for s in specs]
    order = sorted(range(len(specs)), key=lambda g: len(specs[g].classes or ()))
    healthy = [(names[g], in_groups[g][i]) for i in range(len(in_groups[0])) for g in order]
    return [*healthy, *((names[0], case) for case in [*ill(base(specs[0], backbone))][:: 3 if quick else 1])]


def make_all(folders: list[Path], backbone: BackboneSpec, quick: bool, tell: Callable[[str], None]) -> Iterator[Made]:
    """Make every run of every folder."""
    for folder in folders:
        planned = plan(folder, backbone, quick)
        for i, (group, case) in enumerate(planned, 1):
            made = make(case, folder.name, group)
            tell(f"{folder.name} {i}/{len(planned)} · {group} · {case.name}: test accuracy {made.test_accuracy:.0%}")
            yield made


def is_worse(made: Made, loss: float, accuracy: float, times: float = 1.0) -> bool:
    """Tell whether a run is clearly worse on the test images than these figures, by loss or by accuracy."""
    margin = times * max(LOSS_NATS, LOSS_SHARE * loss)
    return made.test_loss > loss + margin or made.test_accuracy < accuracy - times * ACCURACY


def is_proved(made: Made, peers: list[Made]) -> bool:
    """Tell whether measurement on the test images agrees with how the run was made.

    Ill runs must be worse than the usual sensible run on the same images. Healthy ones must not be, must not be twice as far behind
    the best one, and must not do much better on their training images than on the test images.
    """
    if made.case.proof == "built":
        return True
    losses, accuracies = [m.test_loss for m in peers], [m.test_accuracy for m in peers]
    worse = is_worse(made, float(np.median(losses)), float(np.median(accuracies)))
    if made.case.proof == "worse":
        return worse
    behind = is_worse(made, min(losses), max(accuracies), times=2)
    return not worse and not behind and made.train_accuracy - made.test_accuracy <= CLOSE


def proved(runs: list[Made]) -> tuple[list[Made], list[Made]]:
    """Return runs whose label is proved, and those that are left out."""
    kept, left = [], []
    for made in runs:
        peers = [m for m in runs if (m.folder, m.group) == (made.folder, made.group) and m.case.proof == "healthy"]
        (kept if is_proved(made, peers) else left).append(made)
    return kept, left


def thaw(seen: Observations) -> Answer:
    """Answer as Thaw: the verdict, and the cause it ranks first."""
    diagnosis = diagnose(seen)
    return Answer(frozenset({diagnosis.verdict}), frozenset(f.code for f in diagnosis.findings[:1]))


def score(runs: list[Made], judge: Callable[[Observations], Answer]) -> dict[str, tuple[int, int]]:
    """Return successes and trials of each figure."""
    answers = [(m.case, judge(m.seen)) for m in runs]
    healthy = [(c, a) for c, a in answers if c.proof == "healthy"]
    sick = [(c, a) for c, a in answers if c.proof != "healthy"]
    decidable = [(c, a) for c, a in answers if "inconclusive" not in c.verdicts]
    return {
        "verdict_accuracy": (sum(bool(a.verdicts & c.verdicts) for c, a in answers), len(answers)),
        "cause_accuracy": (sum(bool(a.causes & c.causes) for c, a in sick), len(sick)),
        "false_alarm_rate": (sum("good_fit" not in a.verdicts for _, a in healthy), len(healthy)),
        "inconclusive_rate": (sum("inconclusive" in a.verdicts for _, a in decidable), len(decidable)),
    }


def rows(runs: list[Made]) -> Iterator[dict[str, object]]:
    """Yield one plain row a run, for the JSON file."""
    for made in runs:
        diagnosis = diagnose(made.seen)
        yield {
            "folder": made.folder,
            "group": made.group,
            "case": made.case.name,
            "healthy": made.case.proof == "healthy",
            "acceptable_verdicts": sorted(made.case.verdicts),
            "acceptable_causes": sorted(made.case.causes),
            "verdict": diagnosis.verdict,
            "findings": [f.code for f in diagnosis.findings],
            "test_loss": round(made.test_loss, 4),
            "test_accuracy": round(made.test_accuracy, 4),
            "train_accuracy": round(made.train_accuracy, 4),
            **{name: sorted(judge(made.seen).verdicts) for name, judge in RIVALS.items()},
        }


def report(runs: list[Made]) -> dict[str, object]:
    """Print figures and a Markdown table; return everything for the JSON file."""
    kept, left = proved(runs)
    everyone = {"": thaw, **{f"{name}_": judge for name, judge in RIVALS.items()}}
    scores = {prefix: score(kept, judge) for prefix, judge in everyone.items()}
    for prefix, figures in scores.items():
        for name, (right, n) in figures.items():
            print(f"{prefix}{name} {right / n if n else float('nan'):.3f} share")
    healthy = sum(m.case.proof == "healthy" for m in kept)
    print(f"healthy_runs {healthy} runs\nill_runs {len(kept) - healthy} runs\nleft_out {len(left)} runs\n")
    _table(scores)
    table = list(rows(kept))
    _misses(table)
    plain = {p + n: {"value": r / max(k, 1), "n": k, "interval": wilson(r, k)} for p, f in scores.items() for n, (r, k) in f.items()}  # fmt: skip
    return {"figures": plain, "runs": table, "left_out": list(rows(left))}


def _table(scores: dict[str, dict[str, tuple[int, int]]]) -> None:
    names = list(scores[""])
    print("| rules | " + " | ".join(n.replace("_", " ") for n in names) + " |\n|---" * 1 + "|---" * len(names) + "|")
    titles = {"": "Thaw", "umlaut_": "UMLAUT", "sagemaker_": "SageMaker Debugger", "autotrainer_": "AutoTrainer"}
    for prefix, figures in scores.items():
        cells = []
        for right, n in figures.values():
            low, high = wilson(right, n)
            cells.append(f"{right / max(n, 1):.3f} ({low:.2f}–{high:.2f}, n = {n})")
        print(f"| {titles[prefix]} | " + " | ".join(cells) + " |")


def _misses(table: list[dict]) -> None:
    print("\n| folder | run | acceptable | Thaw says | findings |\n|---|---|---|---|---|")
    for r in table:
        wrong_cause = not r["healthy"] and not set(r["findings"][:1]) & set(r["acceptable_causes"])
        if r["verdict"] not in r["acceptable_verdicts"] or wrong_cause:
            wanted = "/".join(r["acceptable_verdicts"]) + (
                ": " + "/".join(r["acceptable_causes"]) if wrong_cause else ""
            )
            print(f"| {r['folder']} | {r['case']} | {wanted} | {r['verdict']} | {', '.join(r['findings'][:3])} |")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folders with one folder a class")
    parser.add_argument("--json", type=Path, help="where to write every run and figure")
    parser.add_argument("--quick", action="store_true", help="two groups a folder and every third case")
    parser.add_argument("--weights", default="builtin", help="builtin, imagenet, or a weights file; default builtin")
    parser.add_argument("--alpha", type=float, default=None, help="width of the network; default 1.0")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Make the runs, print the figures."""
    options = parse(arguments)
    logging.disable(logging.WARNING)
    known = options.weights in {"builtin", "imagenet", "random"}
    weights = options.weights if known else f"file:{Path(options.weights).resolve()}"
    try:
        backbone = BackboneSpec(alpha=options.alpha or 1.0, size=96, weights=weights)
        folders = [f.resolve() for f in options.images]
        runs = list(make_all(folders, backbone, options.quick, lambda line: print(line, file=sys.stderr, flush=True)))
    except (ThawError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    result = report(runs)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.diagnosis")
    sys.exit(main())
