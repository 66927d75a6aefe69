"""Curves alone: what they show is said, what they do not is not, and every number in a sentence is one of the curves'."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.diagnosis import diagnose_history
from core.histories import read_history
from tests.core.diagnosis.drawn_histories import draw


def decay(first: float, last: float, n: int, speed: float = 6.0) -> np.ndarray:
    t = np.linspace(0, 1, n)
    return last + (first - last) * (np.exp(-speed * t) - math.exp(-speed)) / (1 - math.exp(-speed))


def frame(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({k: np.asarray(v, float) for k, v in columns.items()})


def codes(found) -> set[str]:
    return {f.code for f in found.findings}


SAW = 0.6 + 0.22 * np.array([(-1) ** i * (0.5 + (i % 5) / 8) for i in range(40)])


def test_not_measured_is_no_explosion() -> None:
    table = read_history(
        "epoch,loss,val_loss\n" + "".join(f"{i},{1 / i},{1.2 / i if i % 3 == 0 else ''}\n" for i in range(1, 31))
    )
    assert diagnose_history(table).verdict != "unstable"
    table.attrs["not_finite"]["loss"] = [29]
    assert diagnose_history(table).verdict == "unstable"


def test_gaps_in_a_plain_frame_are_gaps_and_a_broken_end_is_none() -> None:
    val = np.where(np.arange(30) % 5 == 4, decay(1.0, 0.4, 30), np.nan)
    assert diagnose_history(frame(loss=decay(1.0, 0.35, 30), val_loss=val)).verdict != "unstable"
    assert (
        diagnose_history(frame(loss=np.where(np.arange(9) < 6, 0.5, np.nan), val_loss=np.full(9, 0.6))).verdict
        == "unstable"
    )


def test_a_loss_ratio_tells_without_accuracies() -> None:
    val = decay(1.3, 0.52, 60, 20)
    assert diagnose_history(frame(loss=decay(1.4, 0.03, 60, 9), val_loss=val)).verdict == "overfitting"
    assert diagnose_history(frame(loss=decay(1.4, 0.45, 60, 20), val_loss=val)).verdict == "good_fit"


def test_a_ratio_of_small_numbers_tells_nothing() -> None:
    table = frame(
        loss=decay(1.4, 0.001, 60, 20), val_loss=decay(1.3, 0.03, 60, 20), val_accuracy=1 - decay(0.5, 0.006, 60, 20)
    )
    assert diagnose_history(table).verdict == "good_fit"


def test_swings_of_validation_are_unstable_and_nothing_is_invented() -> None:
    table = frame(loss=decay(1.0, 0.3, 40), accuracy=1 - decay(0.5, 0.12, 40), val_loss=1.4 - SAW, val_accuracy=SAW)
    found = diagnose_history(table)
    assert found.verdict == "unstable"
    assert "validation-swings" in codes(found)
    assert "few images" not in found.summary.replace("very few validation images", "")


@pytest.mark.parametrize("far", [40.0, 900.0])
def test_validation_far_above_guessing_points_to_what_differs(far: float) -> None:
    found = diagnose_history(frame(loss=decay(0.7, 0.05, 12), val_loss=far * np.linspace(1, 5, 12)))
    assert found.verdict == "unstable"
    assert "mismatch" in codes(found)
    assert "BatchNorm" in found.summary


def test_validation_that_guesses_while_training_learns() -> None:
    rng = np.random.default_rng(0)
    table = frame(
        loss=decay(1.4, 0.3, 20),
        val_loss=1.42 + 0.05 * rng.random(20),
        val_accuracy=0.25 + 0.008 * rng.standard_normal(20),
    )
    found = diagnose_history(table)
    assert found.verdict == "overfitting"
    assert "between 4 classes" in found.summary
    assert "mismatch" in codes(found)


def test_validation_better_than_training_is_explained() -> None:
    table = frame(
        loss=decay(1.2, 0.8, 30, 12),
        accuracy=1 - decay(0.6, 0.33, 30, 12),
        val_loss=decay(0.8, 0.35, 30, 12),
        val_accuracy=1 - decay(0.4, 0.11, 30, 12),
    )
    found = diagnose_history(table)
    assert found.verdict == "good_fit"
    assert "validation-better" in codes(found)
    assert "mixup" in " ".join(f.explanation for f in found.findings)


def test_accuracies_without_a_validation_loss_are_judged() -> None:
    loss, train = decay(0.9, 0.02, 20, 8), 1 - decay(0.4, 0.01, 20, 8)
    assert (
        diagnose_history(frame(loss=loss, accuracy=train, val_accuracy=1 - decay(0.4, 0.03, 20, 9))).verdict
        == "good_fit"
    )
    assert (
        diagnose_history(frame(loss=loss, accuracy=train, val_accuracy=1 - decay(0.4, 0.3, 20, 9))).verdict
        == "overfitting"
    )
    assert diagnose_history(frame(loss=loss, val_accuracy=np.linspace(0.5, 0.8, 20))).verdict == "still_improving"
    assert diagnose_history(frame(loss=loss)).verdict == "inconclusive"


def test_curves_that_fall_to_the_end_have_not_settled() -> None:
    straight = np.linspace(2.3, 1.9, 12)
    for table in (frame(val_loss=straight), frame(loss=straight, val_loss=straight + 0.02), frame(loss=straight, accuracy=np.linspace(0.2, 0.5, 12), val_loss=straight, val_accuracy=np.linspace(0.2, 0.5, 12))):  # fmt: skip
        found = diagnose_history(table)
        assert found.verdict == "still_improving"
        assert not re.search(r"settled|level", found.summary)


def test_a_file_from_the_middle_is_not_judged_as_whole() -> None:
    text = "epoch,train_loss,val_loss\n" + "".join(
        f"{60 + i},{3 - i / 200},{1.1 + 0.01 * (i % 2)}\n" for i in range(12)
    )
    found = diagnose_history(read_history(text))
    assert found.verdict == "inconclusive"
    assert "begins at epoch 60" in found.summary


def test_the_number_of_classes_is_asked_for_where_it_matters() -> None:
    table = frame(
        loss=decay(0.6, 0.5, 30, 20),
        accuracy=1 - decay(0.3, 0.2, 30, 20),
        val_loss=decay(0.6, 0.51, 30, 20),
        val_accuracy=1 - decay(0.3, 0.21, 30, 20),
    )
    assert "number of classes" in diagnose_history(table).summary
    assert diagnose_history(table, n_classes=2).verdict == "underfitting"
    assert diagnose_history(table, n_classes=20).verdict == "good_fit"


def test_the_same_accuracy_again_and_again_is_named() -> None:
    table = frame(
        loss=decay(0.9, 0.6, 15, 9),
        accuracy=1 - decay(0.4, 0.29, 15, 9),
        val_loss=decay(0.9, 0.61, 15, 9),
        val_accuracy=np.full(15, 0.7),
    )
    assert "one-answer" in codes(diagnose_history(table))


def test_a_restart_is_no_oscillation() -> None:
    text = "epoch,loss,val_loss\n" + "".join(
        f"{i},{a},{a + 0.05}\n" for part in (decay(1.0, 0.4, 8), decay(0.9, 0.3, 8)) for i, a in enumerate(part)
    )
    found = diagnose_history(read_history(text))
    assert found.verdict in ("good_fit", "still_improving")


def test_an_accuracy_that_rises_once_and_stays_does_not_jump() -> None:
    up = np.array([0.41, 0.66, 0.72, 0.75, 0.76, 0.76, 0.765, 0.76, 0.765, 0.77])
    table = frame(loss=decay(1.5, 0.6, 10), val_loss=decay(1.5, 0.7, 10), val_accuracy=up)
    assert "jumps" not in diagnose_history(table).summary
    table["val_accuracy"] = up - 0.3 * np.array([0, 0, 0, 0, 0, 0, 1, 0, 1, 0])
    assert "jumps between 46% and 77%" in diagnose_history(table).summary


def test_what_an_earlier_stage_reached_is_no_jump_of_the_last() -> None:
    accuracy = np.r_[np.linspace(0.5, 0.93, 6), np.linspace(0.4, 0.8, 8)]
    table = frame(loss=np.r_[decay(1, 0.2, 6), decay(1.2, 0.5, 8)], val_accuracy=accuracy)
    table.attrs["stages"] = [0, 6]
    assert "jumps" not in diagnose_history(table).summary


@pytest.mark.parametrize("scale", [150.0, 0.008])
def test_losses_on_two_scales_are_compared_with_themselves_only(scale: float) -> None:
    table = frame(loss=decay(1.6, 0.3, 20), val_loss=scale * decay(1.6, 0.4, 20), val_accuracy=1 - decay(0.8, 0.1, 20))
    found = diagnose_history(table)
    assert "loss-scale" in codes(found) and "mismatch" not in codes(found)
    assert found.verdict in ("good_fit", "still_improving")
    table["val_accuracy"] = 0.2
    found = diagnose_history(table.assign(val_loss=scale * np.linspace(1.6, 2.0, 20)))
    assert "loss-scale" not in codes(found)


def test_a_validation_loss_that_never_moves_is_none() -> None:
    found = diagnose_history(frame(loss=decay(1.2, 0.4, 8), val_loss=np.zeros(8)))
    assert found.verdict == "inconclusive" and "0 in every epoch" in found.summary


def test_two_validations_show_no_course() -> None:
    val = np.full(20, np.nan)
    val[[9, 19]] = 1.1, 0.7
    found = diagnose_history(frame(loss=np.linspace(1.6, 0.7, 20), val_loss=val))
    assert found.verdict == "inconclusive" and "only twice" in found.summary


def test_level_losses_that_fell_little_are_no_good_fit() -> None:
    found = diagnose_history(frame(loss=decay(1.6, 1.1, 40, 20), val_loss=decay(1.6, 1.12, 40, 20)))
    assert found.verdict == "inconclusive" and "fell by only 3" in found.summary


def test_a_loss_that_is_back_where_it_began_is_another_run() -> None:
    loss, val = decay(1.6, 0.2, 8), decay(1.6, 0.3, 8)
    two = frame(loss=np.r_[loss, decay(1.5, 0.1, 8)], val_loss=np.r_[val, decay(1.55, 0.6, 8)])
    two.attrs["stages"] = [0, 8]
    assert "several runs" in diagnose_history(two).summary
    more = frame(loss=np.r_[loss, decay(0.4, 0.1, 8)], val_loss=np.r_[val, decay(0.5, 0.28, 8)])
    more.attrs["stages"] = [0, 8]
    assert "several runs" not in diagnose_history(more).summary


def test_points_are_those_between_the_accuracies_shown() -> None:
    def told(train: float, val: float) -> str:
        n = 30
        columns = {"accuracy": 1 - decay(0.5, 1 - train, n, 20), "val_accuracy": 1 - decay(0.5, 1 - val, n, 20)}
        return diagnose_history(frame(loss=decay(1.2, 0.1, n, 20), val_loss=decay(1.2, 0.12, n, 20), **columns)).summary

    assert "accuracy is as high as on training images" in told(0.954, 0.946)
    assert "accuracy is 1 point below that on" in told(0.956, 0.954)


# ---- every number in a summary is one of the curves' --------------------------------------------------------------------------------
N = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"


def last(values: pd.Series, part: int = 5) -> float:
    known = values[np.isfinite(values)].to_numpy()
    return float(np.median(known[-min(3, max(1, len(known) // part)) :]))


def shown(value: float, text: str) -> bool:
    """Tell whether a text shows a value to the digits that it has."""
    return math.isclose(value, float(text), rel_tol=6e-3, abs_tol=1e-9)


def percent(value: float, text: str) -> bool:
    return abs(100 * value - float(text)) <= 0.51


def fall(values: pd.Series) -> float:
    known = values[np.isfinite(values)].to_numpy()
    tail = known[-max(2, len(known) // 4) - 1 :]
    return -np.polyfit(range(len(tail)), tail, 1)[0] * (len(tail) - 1) / np.median(tail)


def fall_after(values: pd.Series, epoch: str) -> float:
    """Fall of a straight line from an epoch on, as a share of where it begins."""
    known = values.iloc[int(epoch) - 1 :].dropna().to_numpy()
    slope, begin = np.polyfit(range(len(known)), known, 1)
    return -slope * (len(known) - 1) / begin


def at(table: pd.DataFrame, epoch: str) -> float:
    return float(table["val_loss"].iloc[int(epoch) - 1])


def check(table: pd.DataFrame, text: str) -> None:
    """Check each number in a text against the curves; a number that no check covers is a failure."""
    checks = {
        rf"rose {N}%, from {N} at epoch {N} to {N} in the last (?:epoch|{N} epochs \(their median\))": lambda r, a, e, b, k: shown(at(table, e), a) and shown(last(table.val_loss, 8), b) and percent(last(table.val_loss, 8) / at(table, e) - 1, r),
        rf"rose from {N} at epoch {N} to {N} in the last (?:epoch|{N} epochs \(their median\))": lambda a, e, b, k: shown(at(table, e), a) and shown(last(table.val_loss, 8), b),
        rf"The epochs after epoch {N}, where the validation loss was {N},": lambda e, a: shown(at(table, e), a),
        rf"was {N} at first, {N} at its lowest and {N} at the end": lambda a, b, c: shown(table.val_loss.iloc[0], a) and shown(table.val_loss.min(), b) and shown(table.val_loss.iloc[-1], c),
        rf"validation loss ended at its lowest, {N}": lambda a: shown(table.val_loss.iloc[-1], a) and float(a) <= 1.006 * table.val_loss.min(),
        rf"validation loss ended {N}% above its lowest, from {N} at epoch {N} to {N} in the last (?:epoch|{N} epochs \(their median\))": lambda r, a, e, b, k: shown(at(table, e), a) and shown(last(table.val_loss, 8), b) and percent(last(table.val_loss, 8) / at(table, e) - 1, r),
        rf"the loss is back at {N}, about where it began": lambda a: float(a) > 0,
        rf"training loss begins at {N} and the validation loss at {N}": lambda a, b: shown(table.loss.iloc[0], a) and shown(table.val_loss.iloc[0], b),
        rf"validation loss is {N}, {N} times the training loss of {N}": lambda a, t, b: math.isclose(last(table.val_loss, 8), float(a), rel_tol=0.06) and abs(float(t) - float(a) / float(b)) < 0.2 * float(t) + 0.5,
        rf"training loss rose from {N} to {N}": lambda a, b: shown(table.loss.iloc[0], a) and shown(table.loss.iloc[-1], b),
        rf"The loss rose from {N} to {N}": lambda a, b: shown(table.loss.iloc[0], a) and shown(table.loss.iloc[-1], b),
        rf"validation loss still fell {N}% after epoch {N}": lambda r, e: percent(fall_after(table.val_loss, e), r),
        rf"training loss fell {N}% after epoch {N}": lambda r, e: percent(fall_after(table.loss, e), r),
        rf"training loss fell by only {N}%": lambda r: float(r) < 50,
        rf"training loss moved by only {N}%": lambda r: abs(100 * abs(fall(table.loss)) - float(r)) < 0.06,
        rf"training loss jumped up in {N}% of the epochs": lambda r: 0 <= float(r) <= 100,
        rf"never below {N}, while the training loss ended at {N}": lambda a, b: shown(table.val_loss.min(), a) and shown(table.loss.iloc[-1], b),
        rf"The validation loss was {N} at its lowest": lambda a: shown(table.val_loss.min(), a),
        rf"jumps between {N} and {N} over the last {N} epochs": lambda a, b, n: shown(table.val_loss.iloc[-int(n):].min(), a) and shown(table.val_loss.iloc[-int(n):].max(), b),
        rf"between {N} and {N} in the last {N} epochs": lambda a, b, n: shown(table.val_loss.iloc[-int(n):].min(), a) and shown(table.val_loss.iloc[-int(n):].max(), b),
        rf"jumps between {N}% and {N}% over the last {N} epochs": lambda a, b, n: percent(table.val_accuracy.iloc[-int(n):].min(), a) and percent(table.val_accuracy.iloc[-int(n):].max(), b),
        rf"between {N}% and {N}% in the last {N} epochs": lambda a, b, n: percent(table.val_accuracy.iloc[-int(n):].min(), a) and percent(table.val_accuracy.iloc[-int(n):].max(), b),
        rf"{N}% of training and {N}% of validation images": lambda a, b: percent(last(table.accuracy), a) and percent(last(table.val_accuracy), b),
        rf"training accuracy is {N}%, validation accuracy only {N}%": lambda a, b: percent(last(table.accuracy), a) and percent(last(table.val_accuracy), b),
        rf"Validation images are right {N}% of the time, training images {N}%": lambda b, a: percent(last(table.accuracy), a) and percent(last(table.val_accuracy), b),
        rf"on its own training images the model is right(?: only)? {N}% of the time": lambda a: percent(last(table.accuracy), a),
        rf"Validation accuracy is {N}%, {N} points? (?:above|below) the {N}% on training images": lambda b, d, a: percent(last(table.accuracy), a) and percent(last(table.val_accuracy), b) and float(d) == abs(float(a) - float(b)),
        rf"Validation accuracy is {N}%, as on training images": lambda b: percent(last(table.accuracy), b) and percent(last(table.val_accuracy), b),
        rf"{N}% right is far from all": lambda a: percent(max(last(table.accuracy), last(table.val_accuracy)), a),
        rf"the model is right {N}% of the time, which is what guessing between {N} classes gives": lambda a, k: percent(table.val_accuracy.median(), a),
        rf"validation accuracy is {N}% in each of the last {N} epochs": lambda a, n: abs(100 * table.val_accuracy.iloc[-1] - float(a)) < 0.06 and table.val_accuracy.iloc[-int(n):].nunique() == 1,
    }  # fmt: skip
    for pattern, holds in checks.items():
        for found in re.finditer(pattern, text):
            assert holds(*found.groups()), (found[0], text)
        text = re.sub(pattern, "", text)
    left = re.sub(r"1/k|0\.\.1|-1\.\.1", "", text)
    assert not re.search(r"\d", left), left


def consistent(table: pd.DataFrame, text: str) -> None:
    """Check that no sentence says the opposite of the curves."""
    if re.search(r"settled|both curves are level", text):
        assert abs(fall(table.val_loss)) < 0.06
    if "has not risen" in text:
        assert table.val_loss.iloc[-1] <= 1.1 * table.val_loss.min()
    if "The model overfits" in text and "rose" in text:
        assert last(table.val_loss, 8) > table.val_loss.min()


@pytest.mark.parametrize("seed", range(60))
def test_drawn_histories_are_described_truly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = draw(rng, overfit=bool(seed % 2))
    table = frame(loss=drawn["train_loss"], val_loss=drawn["val_loss"])
    summary = diagnose_history(table).summary
    check(table, summary)
    consistent(table, summary)


curve = st.tuples(st.floats(0.05, 4), st.floats(0.01, 2), st.floats(0.5, 30), st.floats(0, 0.1), st.floats(0, 1))


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(3, 40), st.lists(curve, min_size=4, max_size=4), st.booleans(), st.integers(0, 2**32 - 1))
def test_any_curves_are_described_truly(n: int, shapes: list, with_accuracies: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, n)
    made = [
        decay(a + b, b, n, s) * np.exp(jitter * rng.standard_normal(n)) + rise * b * np.clip(t - 0.5, 0, None)
        for a, b, s, jitter, rise in shapes
    ]
    table = frame(loss=made[0], val_loss=made[1])
    if with_accuracies:
        table = table.assign(accuracy=np.exp(-made[2]), val_accuracy=np.exp(-made[3]))
    summary = diagnose_history(table).summary
    check(table, summary)
    consistent(table, summary)
