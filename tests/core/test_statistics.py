"""The Wilson interval is that of the literature and of scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from core.statistics import fall_of_a_doubling, mean_interval, standardised, wilson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_equals_scipy(counts: tuple[int, int], confidence: float) -> None:
    successes, n = counts
    expected = binomtest(successes, n).proportion_ci(confidence, "wilson")
    low, high = wilson(successes, n, confidence)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


def test_nothing_is_known_from_no_trials() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("n_epochs", "first"), [(3, 1), (4, 2), (5, 3), (8, 5), (9, 5)])
def test_the_fall_of_a_doubling_is_that_of_a_line_through_the_logarithm_of_the_second_half(
    n_epochs: int, first: int
) -> None:
    falling = 2 - 0.3 * np.log(np.arange(1, n_epochs + 1)) / np.log(2)
    falling[: first - 1] = 50.0  # what came before is not looked at
    level = np.full(n_epochs, 0.7)
    assert fall_of_a_doubling(np.stack([falling, level], 1)) == pytest.approx([0.3, 0.0])


def test_a_feature_that_hardly_ever_fires_is_not_blown_up():
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(50, 6)), rng.normal(size=(20, 6))
    known[:, 0], new[0, 0] = 0.0, 1.0  # dead in all that is known
    known[:, 1] *= 1e-6
    here, there = standardised(known, new)
    assert np.abs(here.mean(0)).max() < 1e-9 and 0.5 < here.std() < 1
    assert np.abs(there).max() < 5


@pytest.mark.parametrize("values", [[1.0, 3.0], [0.2, 0.5, -0.1, 0.4]])
def test_the_interval_of_a_mean_is_students(values: list[float]) -> None:
    mean, low, high = mean_interval(np.array(values))
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((np.mean(values), known.low, known.high))


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3]])
def test_without_spread_the_mean_stands_for_its_interval(values: list[float]) -> None:
    assert mean_interval(np.array(values)) == pytest.approx((0.3, 0.3, 0.3))
