"""What the losses of the same images did, and how sure that is."""

import numpy as np
import pytest

from core.statistics import cross_entropy, fall_of_a_doubling
from core.training.paired import LossPaths, summary_of


def paths(mean: np.ndarray, spread: float, n: int = 100) -> LossPaths:
    kept, own = LossPaths(), np.random.default_rng(0).normal(0, spread, n)
    for epoch, value in enumerate(mean):
        kept.append(value + own * (epoch / len(mean)))
    return kept


def test_a_rise_is_measured_from_the_lowest_epoch():
    found = paths(np.array([1.0, 0.6, 0.5, 0.6, 0.7]), 0.0).summary()
    assert found["best"] == 2
    assert found["rise"] == pytest.approx(0.2, abs=1e-6)
    assert found["rise_error"] == pytest.approx(0.0, abs=1e-6)


def test_images_that_differ_make_it_less_sure():
    some, many = (paths(np.linspace(1, 0.5, 8), 0.3, n).summary() for n in (25, 400))
    assert some["doubling_error"] == pytest.approx(4 * many["doubling_error"], rel=0.3)


def test_each_doubling_takes_the_same_off_a_logarithm():
    losses = 2 - 0.3 * np.log2(np.arange(1, 17))
    assert fall_of_a_doubling(losses[:, None])[0] == pytest.approx(0.3)


def test_nothing_is_said_of_two_epochs_or_of_losses_that_are_not_finite():
    assert paths(np.array([1.0, 0.5]), 0.1).summary() == {}
    assert paths(np.array([1.0, np.inf, 0.5]), 0.1).summary() == {}


def test_smoothing_spreads_part_of_the_target():
    sure = np.array([[0.9, 0.1]])
    assert cross_entropy(sure, np.array([0]))[0] == pytest.approx(-np.log(0.9))
    half = cross_entropy(sure, np.array([0]), 1.0)[0]
    assert half == pytest.approx(-np.log(0.9) / 2 - np.log(0.1) / 2)


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_before_three_epochs_have_ended_nothing_is_said(epochs):
    """A run that was stopped in its first epoch once failed here."""
    assert summary_of([[np.ones(5)] * epochs]) == {}
