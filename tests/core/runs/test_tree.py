"""The tree of runs: who hangs where, what changed, and what it brought."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core import figures
from core.evaluation import Evaluation, Predictions
from core.experiment import DropoutLayer, Experiment, FreezeSpec
from core.runs import Run
from core.runs.tree import brief_change, settings_that_differ, tree

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FROZEN = Experiment()


def run(i: int, x: Experiment, baseline: int | None = None, accuracy: float = 0.5) -> Run:
    return Run(
        f"r{i}", f"run {i}", "finished", x, BEGAN + timedelta(minutes=i), baseline_id=None if baseline is None else f"r{baseline}",
        metrics={"final_validation_accuracy": accuracy}, verdict="good_fit",
    )  # fmt: skip


def answers(found: Run) -> Evaluation:
    """As many right answers of 100 as the run's accuracy says, the first ones."""
    labels = np.arange(100) % 2
    right = np.arange(100) < round(100 * found.metrics["final_validation_accuracy"])
    sure = np.where(right, 0.9, 0.1)
    probabilities = np.stack([np.where(labels == c, sure, 1 - sure) for c in (0, 1)], 1)
    split = Predictions(labels, probabilities, tuple(map(str, range(100))), np.arange(100))
    return Evaluation(("a", "b"), {"validation": split})


def thawed(n: int, **training) -> Experiment:
    return FROZEN.replace(freeze=FreezeSpec.last(n), training=FROZEN.training.replace(**training))


def test_each_run_hangs_below_its_baseline_with_what_changed_and_what_it_brought():
    runs = [
        run(0, thawed(0)),
        run(1, thawed(4), 0, 0.8),
        run(2, thawed(20), 1, 0.78),
        run(3, thawed(4, epochs=30), 0, 0.6),
    ]
    nodes = tree(runs[::-1], answers)
    assert [n.parent for n in nodes] == [None, 0, 1, 0]
    assert [n.change for n in nodes] == ["", "thaw 0 → 4", "thaw 4 → 20", "thaw 0 → 4, epochs 10 → 30"]
    assert nodes[1].gain.difference == pytest.approx(0.3) and nodes[1].gain.low > 0
    assert nodes[2].gain.low < 0 < nodes[2].gain.high
    assert [n.depth for n in nodes] == [0, 1, 2, 1]
    assert nodes[0].place == pytest.approx((nodes[1].place + nodes[3].place) / 2)


def test_seeds_are_one_node_with_mean_and_band():
    runs = [run(i, thawed(0, seed=i), None, a) for i, a in enumerate((0.5, 0.6))]
    runs += [run(2 + i, thawed(4, seed=i), i, a) for i, a in enumerate((0.7, 0.8))]
    nodes = tree(runs, answers)
    assert [len(n.runs) for n in nodes] == [2, 2]
    assert (nodes[1].accuracy, nodes[1].low, nodes[1].high) == pytest.approx((0.75, 0.7, 0.8))
    assert nodes[1].gain.seeds == 2 and nodes[1].gain.difference == pytest.approx(0.2)


def test_a_branch_from_seeds_names_no_seed_and_what_was_kept_of_one_of_them_is_no_other_seed():
    runs = [run(i, thawed(0, seed=i), None, 0.5) for i in range(2)]
    runs += [run(2, thawed(4, seed=5), 0, 0.7), run(3, thawed(0, seed=0), 0, 0.6)]
    nodes = tree(runs, answers)
    assert [len(n.runs) for n in nodes] == [2, 1, 1]
    assert nodes[1].change == "thaw 0 → 4"


def test_a_run_whose_baseline_is_gone_or_that_has_not_ended_has_its_place():
    waiting = replace(run(1, thawed(4), 0), status="queued", metrics={}, verdict="")
    nodes = tree([run(5, thawed(0), 9), waiting], lambda r: answers(r) if r.metrics else None)
    assert all(n.parent is None for n in nodes)
    assert np.isnan(nodes[0].accuracy) and nodes[0].gain is None
    assert len(figures.tree(nodes, ["a", "b"]).data) == 1


def test_changes_are_brief():
    dropout = FROZEN.replace(head=FROZEN.head.replace(layers=(DropoutLayer(rate=0.2),)))
    other = FROZEN.replace(head=FROZEN.head.replace(layers=(DropoutLayer(rate=0.5),)))
    assert brief_change(other, dropout) == "dropout 0.5 → 0.2"
    assert brief_change(FROZEN, FROZEN) == "the same again"
    many = thawed(4, epochs=3, batch_size=8, learning_rate=0.01)
    assert brief_change(FROZEN, many).endswith("and 2 more")


def test_settings_that_differ_are_numbers_or_text_with_the_accuracy_last():
    runs = [run(0, thawed(0)), run(1, thawed(4, optimizer="sgd"), 0, 0.7)]
    found = settings_that_differ(runs)
    assert list(found.columns) == ["thaw", "optimizer", "accuracy"]
    assert found.loc["r1"].tolist() == [4.0, "sgd", 0.7]
    lines = figures.parallel(found).data[0].dimensions
    assert [d.label for d in lines] == ["thaw", "optimizer", "validation accuracy"]
    assert lines[1].ticktext == ("adam", "sgd")
