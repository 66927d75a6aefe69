"""The tree of runs: each below the one it was changed from, with what changed and what that brought."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.comparison import Comparison, compare, compare_seeds
from core.evaluation import Evaluation
from core.experiment import Experiment, differences
from core.runs.pair import same_images
from core.runs.run import Run

Evaluations = Callable[[Run], Evaluation | None]
MOST_PARTS = 2
NAMES = {"freeze.thawed": "thaw", "head.pooling": "pooling", "backbone.alpha": "width", "backbone.size": "pixels", "training.seed": "seed"}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A run in the tree, or runs that differ in their seed alone.

    Attributes
    ----------
    runs
        The oldest first.
    parent
        Position of the node that it was changed from; None for a root.
    change
        What was changed on the branch, as short as possible.
    gain
        How the validation accuracy differs from the parent's; None where it cannot be compared.
    accuracy, low, high
        Mean validation accuracy, and the lowest and highest of several runs (for one run its Wilson interval); NaN before the end.
    depth, place
        Column and row.
    """

    runs: tuple[Run, ...]
    parent: int | None
    change: str
    gain: Comparison | None
    accuracy: float
    low: float
    high: float
    depth: int = 0
    place: float = 0.0

    @property
    def run(self) -> Run:
        """The run that stands for the node: the newest."""
        return self.runs[-1]


def tree(runs: list[Run], evaluation: Evaluations) -> tuple[Node, ...]:
    """Return the nodes, parents before children.

    Parameters
    ----------
    runs
        In any order; a run whose baseline is not among them is a root.
    evaluation
        Gives a run's predictions, None while it has none.
    """
    nodes: list[Node] = []
    at: dict[str, int] = {}
    by_id = {run.id: run for run in runs}
    folded: dict[tuple[int | None, str], int] = {}
    for run in sorted(runs, key=lambda r: r.created):
        parent = at.get(run.baseline_id or "")
        key = parent, _but_for_the_seed(run.experiment).to_json()
        mine = (
            parent
            if parent is not None and _same_but_for_the_seed(by_id[run.baseline_id or ""], run)
            else folded.get(key)
        )
        if mine is None:
            mine = folded[key] = len(nodes)
            nodes.append(Node((run,), parent, "", None, np.nan, np.nan, np.nan))
        else:
            nodes[mine] = replace(nodes[mine], runs=(*nodes[mine].runs, run))
        at[run.id] = mine
    judged = [_judged(node, nodes, evaluation) for node in nodes]
    return _placed(judged)


def _but_for_the_seed(x: Experiment) -> Experiment:
    return x.replace(training=x.training.replace(seed=0), data=x.data.replace(seed=0))


def _same_but_for_the_seed(a: Run, b: Run) -> bool:
    return a.experiment != b.experiment and _but_for_the_seed(a.experiment) == _but_for_the_seed(b.experiment)


def _judged(node: Node, nodes: list[Node], evaluation: Evaluations) -> Node:
    """Return a node with its accuracy, and with what changed and what that brought where it has a parent."""
    known = [e.splits["validation"] for e in map(evaluation, node.runs) if e and len(e.splits["validation"].labels)]
    shares = [p.accuracy for p in known]
    low, high = known[0].interval if len(known) == 1 else (min(shares, default=np.nan), max(shares, default=np.nan))
    told = replace(node, accuracy=float(np.mean(shares)) if shares else np.nan, low=low, high=high)
    if node.parent is None:
        return told
    before = nodes[node.parent]
    return replace(
        told,
        change=brief_change(*map(_but_for_the_seed, (before.run.experiment, node.run.experiment))),
        gain=_gain(before, node, evaluation),
    )


def _gain(before: Node, after: Node, evaluation: Evaluations) -> Comparison | None:
    """Compare seed by seed where both have several in common, else the runs that stand for the nodes."""
    seeds = {r.experiment.training.seed: r for r in before.runs}
    pairs = [(seeds[r.experiment.training.seed], r) for r in after.runs if r.experiment.training.seed in seeds]
    pairs = pairs or [(before.run, after.run)]
    found = [(a, b, evaluation(a), evaluation(b)) for a, b in pairs]
    known = [(a, b, x, y) for a, b, x, y in found if x and y and x.class_names == y.class_names]
    if not known:
        return None
    splits = [(x.splits["validation"], y.splits["validation"]) for _, _, x, y in known]
    same = all(
        same_images(a.experiment, b.experiment, p, q) for (a, b, _, _), (p, q) in zip(known, splits, strict=True)
    )
    if len(splits) > 1 and same and all(np.array_equal(p.rows, splits[0][0].rows) for p, _ in splits):
        return compare_seeds(splits)
    told = compare(*splits[-1], same_images=same)
    return None if np.isnan(told.difference) else told


def brief_change(before: Experiment, after: Experiment) -> str:
    """Return what differs as "thaw 4 → 20, dropout 0.5 → 0.2"; more than two changes are counted."""
    parts = [_brief(path, *values) for path, values in differences(before, after).items()]
    more = f" and {len(parts) - MOST_PARTS} more" if len(parts) > MOST_PARTS else ""
    return (", ".join(parts[:MOST_PARTS]) + more) if parts else "the same again"


def _brief(path: str, old: Any, new: Any) -> str:
    name = NAMES.get(path, path.rpartition(".")[2].replace("_", " "))
    if path == "head.layers" and (told := _in_the_layers(old or (), new or ())):
        return told
    return f"{name} {_value(path, old)} → {_value(path, new)}"


def _in_the_layers(old: Sequence[dict], new: Sequence[dict]) -> str:
    """Return what differs in heads of the same kinds of layers: "dropout 0.5 → 0.2"; "" where the layers are others."""
    if [x["kind"] for x in old] != [x["kind"] for x in new]:
        return ""
    told = [
        f"{x['kind'] if name == 'rate' else name} {x[name]} → {y[name]}"
        for x, y in zip(old, new, strict=True)
        for name in x
        if x[name] != y[name]
    ]
    return ", ".join(dict.fromkeys(told))


def _value(path: str, value: Any) -> str:
    if path == "freeze.thawed":
        return str(len(value or ()))
    if path == "head.layers":
        return " + ".join(str(x.get("units") or x.get("rate") or x["kind"]) for x in value or ()) or "none"
    if isinstance(value, (list, tuple)):
        return str(len(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _placed(nodes: list[Node]) -> tuple[Node, ...]:
    """Give every node a column (its distance from the root) and a row: leaves in order, parents in the middle of theirs."""
    children: dict[int | None, list[int]] = {}
    for i, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(i)
    placed, next_row = list(nodes), 0

    def place(i: int, depth: int) -> None:
        nonlocal next_row
        for child in children.get(i, []):
            place(child, depth + 1)
        mine = [placed[c].place for c in children.get(i, [])]
        row = (mine[0] + mine[-1]) / 2 if mine else float(next_row)
        next_row += not mine
        placed[i] = replace(nodes[i], depth=depth, place=row)

    for root in children.get(None, []):
        place(root, 0)
    return tuple(placed)


def settings_that_differ(runs: list[Run]) -> pd.DataFrame:
    """Return one row a run: the settings in which any two differ, and the validation accuracy last; runs without one are left out.

    Returns
    -------
    DataFrame
        Columns by the settings' names (numbers, or text), and ``accuracy``; the runs' ids as index.
    """
    ended = [r for r in runs if "final_validation_accuracy" in r.metrics]
    changed = list(dict.fromkeys(path for r in ended[1:] for path in differences(ended[0].experiment, r.experiment)))
    rows = []
    for run in ended:
        dump = run.experiment.model_dump(mode="json")
        row = {NAMES.get(p, p.rpartition(".")[2].replace("_", " ")): _plain(p, _at(dump, p)) for p in changed}
        rows.append({**row, "accuracy": run.metrics["final_validation_accuracy"]})
    return pd.DataFrame(rows, index=pd.Index([r.id for r in ended]))


def _at(dump: Any, path: str) -> Any:
    for key in path.split("."):
        dump = dump.get(key) if isinstance(dump, dict) else None
    return dump


def _plain(path: str, value: Any) -> float | str:
    """Return a number where there is one, else text."""
    if isinstance(value, (bool, str)) or value is None:
        return str(value)
    return (
        float(value)
        if isinstance(value, (int, float))
        else float(len(value))
        if path == "freeze.thawed"
        else _value(path, value)
    )
