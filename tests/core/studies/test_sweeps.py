"""Sweeps: rules on known numbers, and one real sweep through the worker."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.runs import RunStore
from core.studies import sweeps


def _points(accuracies: list[float], errors: float = 0.03) -> pd.DataFrame:
    rows = [
        {
            "label": str(i),
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


def test_recommends_the_simplest_within_one_standard_error():
    assert sweeps.recommended(_points([0.70, 0.88, 0.90, 0.85])).label == "1"
    assert sweeps.recommended(_points([0.70, 0.80, 0.90, 0.85])).label == "2"


def test_recommends_nothing_from_one_run():
    assert sweeps.recommended(_points([0.9])) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_recommendation_is_never_worse_than_one_standard_error(accuracies):
    chosen = sweeps.recommended(_points(accuracies))
    assert chosen.val_accuracy >= max(accuracies) - 0.03


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
