"""The diagnosis benchmark's truth and grades, on runs made up so that each can be worked out by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from benchmarks import draws, grading
from benchmarks.draws import Cut, Draw
from benchmarks.grading import Made, Said
from benchmarks.truth import Truth
from core.diagnosis import Observations
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment

FLAT = np.array([[11.0, 0.4], [20.0, 0.4]])
FINE = Truth(500, 0.25, 0.95, 0.92, 0.4, np.full(10, 0.4), np.full(10, 0.92), FLAT, 4, False, 0.4)


def changed(**figures: object) -> Truth:
    return dataclasses.replace(FINE, **figures)


@pytest.mark.parametrize(
    ("true", "possible", "verdict"),
    [
        (FINE, 0.93, "good_fit"),
        (FINE, 1.01, "underfitting"),
        (changed(accuracy=0.80), 0.8, "overfitting"),
        (changed(curve=np.linspace(0.25, 0.4, 10)), 0.92, "overfitting"),
        (changed(longer=np.array([[15.0, 0.25]])), 0.92, "still_improving"),
        (changed(longer=np.array([[25.0, 0.25]])), 0.92, "good_fit"),
        (changed(train_accuracy=0.7, accuracy=0.7), 0.7, "underfitting"),
        (changed(broken=True), 0.92, "unstable"),
        (changed(accuracies=np.tile([0.9, 0.5], 5)), 0.92, "unstable"),
        (changed(plain_nats=0.9), 0.92, "underfitting"),
    ],
)
def test_the_true_class(true, possible, verdict):
    assert true.verdict(possible, 0.4) == verdict


def made(
    label: str, true: Truth = FINE, split: str = "a", causes: frozenset = frozenset(), validation: int = 70
) -> Made:
    run = Draw("x", split, DataSpec(), Cut(2, 10, validation, 0), Experiment(), causes)
    return Made(run, Observations(pd.DataFrame({"loss": [1.0]})), true, None, label, 0.0)


def said(verdict: str, sure: float = 1.0, *causes: str) -> Said:
    return Said({verdict: sure} if verdict != "inconclusive" else {"good_fit": sure}, verdict, frozenset(causes))


def test_missed_illness_false_alarm_and_abstention():
    wide = changed(accuracy=0.78)
    runs = [made("good_fit"), made("good_fit"), made("overfitting", wide), made("overfitting", wide)]
    answers = [said("good_fit"), said("overfitting"), said("good_fit"), said("inconclusive", 0.5)]
    found = {name: grading.value(parts) for name, parts in grading.ratios(runs, answers).items()}
    assert found["missed_illness_rate"] == 0.5
    assert found["false_alarm_rate"] == 0.5
    assert found["abstention_rate_70"] == 0.25
    assert found["verdict_accuracy"] == pytest.approx(1 / 3)


def test_brier_score_and_log_loss():
    assert grading.brier({"good_fit": 1.0}, "good_fit") == 0
    assert grading.brier({"good_fit": 1.0}, "unstable") == 2
    assert grading.brier({"good_fit": 0.5, "overfitting": 0.5}, "good_fit") == 0.5
    assert grading.log_loss({"good_fit": 0.5}, "good_fit") == pytest.approx(np.log(2))


def test_reliability_compares_what_was_said_with_what_was_right():
    runs = [made("good_fit")] * 8 + [made("overfitting")] * 2
    bins = grading.reliability(runs, [said("good_fit", 0.95)] * 10)
    assert bins == [(pytest.approx(0.95), pytest.approx(0.8), 10)]
    assert grading.calibration_error(bins) == pytest.approx(0.15)


def test_runs_of_one_split_count_as_one_when_splits_are_drawn_again():
    parts = [(1.0, 1.0)] * 50 + [(0.0, 1.0)] * 50
    together = grading.interval(parts, ["a"] * 50 + ["b"] * 50)
    apart = grading.interval(parts, [str(i) for i in range(100)])
    assert together == (0.0, 1.0)
    assert apart[1] - apart[0] < 0.25


def test_the_truth_is_measured_on_four_hundred_images_or_not_at_all():
    few = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=100, n_classes=2))
    with pytest.raises(ValueError, match="400"):
        list(draws.draw([few], [BackboneSpec(size=96)], 6, 0))


def test_the_same_seed_draws_the_same_runs():
    source = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=600, n_classes=2))
    first, again = ([r.id for r in draws.draw([source], [BackboneSpec(size=96)], 12, 3)] for _ in range(2))
    assert first == again
    assert len(set(first)) == 12
