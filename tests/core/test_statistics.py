"""The Wilson interval is that of the literature and of scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.statistics import wilson


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
