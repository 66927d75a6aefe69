"""The comparison of two models: its counts are the evaluations', its intervals hold what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.comparison import compare, compare_seeds, loss_fall
from core.evaluation import Predictions


def predictions(right: np.ndarray) -> Predictions:
    """Answers on images of class 0 that are right where ``right`` says so."""
    n = len(right)
    probabilities = np.zeros((n, 2), np.float32)
    probabilities[np.arange(n), np.where(right, 0, 1)] = 1
    return Predictions(np.zeros(n, int), probabilities, tuple(map(str, range(n))), np.arange(n))


def counted(both: int, gained: int, lost: int, neither: int) -> tuple[Predictions, Predictions]:
    """Two models by how many images each kind of pair of answers has."""
    before = np.repeat([True, False, True, False], [both, gained, lost, neither])
    after = np.repeat([True, True, False, False], [both, gained, lost, neither])
    return predictions(before), predictions(after)


@given(*(st.integers(0, 60) for _ in range(4)))
def test_figures_by_image_are_those_of_the_evaluations(both, gained, lost, neither):
    before, after = counted(both, gained, lost, neither)
    found = compare(before, after, same_images=True)
    if not len(before.labels):
        assert math.isnan(found.difference) and found.outcome == "not certain"
        return
    assert (found.became_right, found.became_wrong, found.images) == (gained, lost, len(after.labels))
    assert found.difference == pytest.approx(after.accuracy - before.accuracy)
    assert -1 <= found.low <= found.high <= 1
    expected = stats.binomtest(min(gained, lost), gained + lost).pvalue if gained + lost else 1
    assert found.p_value == pytest.approx(expected)
    if found.outcome != "not certain":
        assert (found.outcome == "better") == (gained > lost)


def test_nine_against_two_is_fairly_sure_and_nine_against_seven_is_not():
    sure = compare(*counted(200, 9, 2, 89), same_images=True)
    assert (sure.sureness, sure.outcome) == ("fairly sure", "better")
    assert sure.p_value == pytest.approx(0.0654, abs=1e-4)  # 2 (1 + 11 + 55) / 2 ** 11
    assert compare(*counted(200, 9, 7, 84), same_images=True).outcome == "not certain"
    assert compare(*counted(200, 2, 19, 79), same_images=True).outcome == "worse"


def test_the_paired_interval_covers_the_true_difference():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        kinds = rng.choice(4, 80, p=[0.6, 0.15, 0.05, 0.2])
        found = compare(*counted(*np.bincount(kinds, minlength=4)), same_images=True)
        hits += found.low <= 0.10 <= found.high
    assert hits >= 0.92 * 400


def test_without_a_difference_it_is_seldom_called_one():
    rng = np.random.default_rng(1)
    named = sum(
        compare(
            *counted(*np.bincount(rng.choice(4, 100, p=[0.6, 0.1, 0.1, 0.2]), minlength=4)), same_images=True
        ).outcome
        != "not certain"
        for _ in range(400)
    )
    assert named <= 0.10 * 400


def test_different_images_are_compared_by_interval():
    before, after = predictions(np.arange(100) < 60), predictions(np.arange(80) < 70)
    found = compare(before, after, same_images=False)
    assert not found.paired and found.became_right is None
    assert found.difference == pytest.approx(after.accuracy - before.accuracy)
    assert found.low < found.difference < found.high and found.outcome == "better"
    # Newcombe (1998), table II: 56/70 against 48/80 differ by 0.2, from 0.0524 to 0.3339.
    published = compare(predictions(np.arange(80) < 48), predictions(np.arange(70) < 56), same_images=False)
    assert (published.low, published.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_several_seeds_rest_on_images_and_seeds():
    rng = np.random.default_rng(2)
    pairs = []
    for _ in range(5):
        before = rng.random(100) < 0.7
        pairs.append((predictions(before), predictions(before | (rng.random(100) < 0.4))))
    found = compare_seeds(pairs)
    assert found.seeds == 5 and found.outcome == "better" and found.sureness == "quite sure"
    assert found.difference == pytest.approx(np.mean([b.accuracy - a.accuracy for a, b in pairs]))
    assert found.low < found.difference < found.high
    # Seeds that disagree make the interval wider than images alone would.
    torn = [(a, b) if i % 2 else (b, a) for i, (a, b) in enumerate(pairs)]
    assert compare_seeds(torn).outcome == "not certain"


def test_several_seeds_with_the_same_answers_are_no_difference():
    same = predictions(np.arange(50) < 40)
    assert compare_seeds([(same, same)] * 3).outcome == "not certain"


def test_the_fall_of_the_loss_is_that_of_the_means_with_the_paired_interval():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.1, 0.9, (2, 50)).astype(np.float32)
    labels = np.zeros(50, int)
    before, after = (
        Predictions(labels, np.stack([p, 1 - p], 1), tuple(map(str, range(50))), np.arange(50)) for p in sure
    )
    falls = np.log(sure[1].astype(float)) - np.log(sure[0].astype(float))
    low, high = stats.t.interval(0.95, 49, falls.mean(), stats.sem(falls))
    assert loss_fall(before, after) == pytest.approx((falls.mean(), low, high), rel=1e-6)


def test_seeds_that_all_agree_are_as_sure_as_a_t_test_of_the_images_and_the_other_way_round():
    """With one part of the variance gone, the degrees of freedom and the p value are those of the part that is left."""
    rng = np.random.default_rng(5)
    before, after = rng.random(80) < 0.6, rng.random(80) < 0.7
    found = compare_seeds([(predictions(before), predictions(after))] * 4)
    images = stats.ttest_1samp(after.astype(float) - before, 0)
    low, high = images.confidence_interval(0.95)
    assert (found.p_value, found.low, found.high) == pytest.approx((images.pvalue, low, high))
    some, none = (
        np.ones(40, bool),
        np.zeros(40, bool),
    )  # every image changes with its seed: all variance is that of seeds
    seeds = compare_seeds(
        [
            (predictions(none), predictions(some)),
            (predictions(some), predictions(none)),
            (predictions(none), predictions(some)),
        ]
    )
    assert seeds.p_value == pytest.approx(stats.ttest_1samp([1.0, -1.0, 1.0], 0).pvalue)
