"""The ramp of learning rates on a real, small training."""

import numpy as np
import pytest

from core import data
from core.experiment import BackboneSpec, Experiment, TrainingSpec
from core.training.rate_finder import CHUNK, HIGHEST, LOWEST, _order, ramp
from tests.core.conftest import PICTURES

X = Experiment(
    data=PICTURES,
    backbone=BackboneSpec(alpha=0.35, size=96),
    training=TrainingSpec(batch_size=8, optimizer="sgd"),
)


@pytest.fixture(scope="module")
def measured() -> tuple[np.ndarray, np.ndarray]:
    return ramp(X, data.load(PICTURES, 96), n_steps=40)


def test_rates_grow_evenly_on_a_logarithmic_scale(measured):
    rates, losses = measured
    assert len(rates) == len(losses) >= CHUNK
    assert rates[0] == pytest.approx(LOWEST)
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(HIGHEST / LOWEST) / 39)


def test_nothing_is_learnt_at_the_lowest_rates_and_something_on_the_way(measured):
    _, losses = measured
    assert np.isfinite(losses[: 2 * CHUNK]).all()
    smooth = np.convolve(losses, np.ones(5) / 5, "valid")
    assert np.nanmin(smooth) < smooth[0]


def test_it_is_the_same_every_time(measured):
    again = ramp(X, data.load(PICTURES, 96), n_steps=40)
    np.testing.assert_array_equal(again[1], measured[1])


def test_batches_follow_the_epochs_one_after_the_other():
    order = _order(seed=3, n=10, length=25)
    assert len(order) == 25
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert order[:10].tolist() != order[10:20].tolist()
