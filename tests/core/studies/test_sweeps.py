"""Sweeps: rules on known numbers, and one real sweep through the worker."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation import Evaluation, Predictions
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.runs import RunStore
from core.studies import sweeps


def _points(accuracies: list[float], errors: float = 0.03) -> pd.DataFrame:
    rows = [
        {
            "label": str(i),
            "depth": i,
            "parameters": 10 * i,
            "n_train": 40 * (i + 1),
            "val_accuracy": a,
            "error": errors,
            "status": "finished",
            "run_id": str(i),
        }
        for i, a in enumerate(accuracies)
    ]
    return pd.DataFrame(rows)


class Answers:
    """A store that knows the validation answers of each run: so many of 100 images right, the easy ones first."""

    def __init__(self, right: list[int]):
        self.right = right

    def evaluation(self, run_id: str) -> Evaluation:
        probabilities = np.eye(2)[(np.arange(100) >= self.right[int(run_id)]).astype(int)]
        return Evaluation(
            ("a", "b"), {"validation": Predictions(np.zeros(100, int), probabilities, ("",) * 100, np.arange(100))}
        )


def _enough(right: list[int]) -> sweeps.Enough | None:
    points = _points([r / 100 for r in right]).assign(low=0.0, high=1.0)
    return sweeps.enough(Answers(right), points)


def test_three_images_more_at_one_depth_of_eight_are_no_reason_to_thaw():
    found = _enough([90, 90, 91, 93, 90, 89, 90, 90])
    assert found.label == "0" and "No depth is surely better; the cheapest is 0" in found.text
    assert "right on 3 more of 100" in found.text


def test_the_simplest_depth_that_nothing_is_surely_better_than_is_enough():
    found = _enough([60, 88, 90, 85])
    assert found.label == "1" and "1 is enough" in found.text and "0 is surely worse" in found.text


def test_one_depth_alone_is_not_judged():
    assert _enough([90]) is None


@given(st.lists(st.integers(0, 100), min_size=2, max_size=8))
def test_no_simpler_depth_is_passed_over_unless_it_is_surely_worse(right):
    chosen = int(_enough(right).label)
    assert right[chosen] > max(right[:chosen], default=-1)


def test_data_advice_tells_gain_from_noise():
    assert "probably help" in sweeps.data_advice(_points([0.5, 0.6, 0.9], errors=0.02))
    assert "hardly help" in sweeps.data_advice(_points([0.8, 0.9, 0.9, 0.9], errors=0.02))


def test_rate_suggestion_is_a_tenth_of_the_lowest():
    rates = np.geomspace(1e-6, 1, 61)
    losses = 1 - 0.5 * np.exp(-((np.log10(rates) + 2) ** 2))
    assert sweeps.suggest_rate(rates, losses) == pytest.approx(1e-3, rel=0.05)


def test_no_suggestion_from_a_flat_or_broken_ramp():
    rates = np.geomspace(1e-6, 1, 20)
    assert sweeps.suggest_rate(rates, np.ones(20)) is None
    assert sweeps.suggest_rate(rates, np.full(20, np.nan)) is None


def test_trainable_parameters_count_backbone_and_head():
    frozen = Experiment(head=HeadSpec(layers=()), backbone=BackboneSpec(size=96))
    assert sweeps.trainable_parameters(frozen, 3) == 1281 * 3
    thawed = frozen.replace(freeze=FreezeSpec.last(4, lock_batchnorm=False))
    assert sweeps.trainable_parameters(thawed, 3) == 1281 * 3 + 412_800


@pytest.fixture(scope="module")
def engine():
    from core.engine import Engine

    made = Engine(RunStore())
    yield made
    made.close()


SMALL = Experiment(
    data=DataSpec(source="builtin:digits", classes=("0", "1"), images_per_class=16),
    backbone=BackboneSpec(size=96, alpha=0.35),
    training=TrainingSpec(epochs=2),
)


def test_a_sweep_fills_in_and_goes_on_after_a_stop(engine):
    sweep_id = sweeps.start_depth_sweep(engine, SMALL, depths=(4, 0))
    for run in engine.store.list(group=f"sweep-{sweep_id}"):
        assert engine.wait(run.id, timeout=240) == "finished", engine.store.get(run.id)
    points = sweeps.sweep_points(engine.store, sweep_id)
    assert points.label.tolist() == ["all frozen", "last 4 thawed"]
    assert (points.low <= points.val_accuracy).all() and (points.val_accuracy <= points.high).all()
    assert points.n_train.tolist() == [32, 32]

    lost = engine.store.create(
        SMALL.replace(freeze=FreezeSpec.last(12)), name="last 12 thawed", group=f"sweep-{sweep_id}"
    )
    engine.store.finish(lost, "stopped")
    sweeps.continue_sweep(engine, sweep_id)
    again = next(r for r in engine.store.list(group=f"sweep-{sweep_id}") if r.name == "last 12 thawed")
    assert again.id != lost
    assert engine.wait(again.id, timeout=120) == "finished", engine.store.get(again.id)


def test_rate_ramp_ends_where_it_explodes(engine):
    found = sweeps.learning_rate_range(engine, SMALL)
    assert len(found.rates) == len(found.losses) >= 8
    assert np.all(np.diff(found.rates) > 0)
