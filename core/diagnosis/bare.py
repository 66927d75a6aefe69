"""Verdicts on curves alone: what nobody asks of our own runs, since there the settings and the answers are known.

Asked before the usual questions (:func:`before`), and again where those find nothing wrong (:func:`instead_of_good`).
"""

from itertools import pairwise

import numpy as np

from core.diagnosis.evidence import FALLING, Evidence, finite, smooth

Answer = tuple[str, float, str]

FEW = 5  # figures of a single curve below which its course tells nothing
FAR_ABOVE = 4.0  # a validation loss never below so many times the loss that training began with is of another network or other inputs
SWINGS, LOSS_SWINGS = (
    0.08,
    0.4,
)  # standard deviation of the validation accuracy around a line; mean change of the logarithm of its loss from epoch to epoch
ENOUGH_TO_SWING = 8
RATIO = 9.0  # validation over training loss that tells of overfitting without accuracies,
LARGE_RATIO = 5.0  # and that makes a good fit a guess
SMALL_LOSS = 0.15  # nats: below, a ratio of losses is one of small numbers
GAP, SMALL_GAP, LOST, RISING = 0.12, 0.05, 0.05, 0.02
OTHER_SCALE = 10.0  # times: no network, penalty or augmentation sets the first two losses so far apart
LEARNS = 0.1  # by which an accuracy rises, or a loss falls, in a run that learns
AS_AT_FIRST = 0.8  # share of the first loss: weights that were trained before do not begin there
HALF = 0.5  # share of a training loss that must go before level losses alone speak for a good fit
NOTICED = 0.005  # share of a loss: a smaller rise is shown as 0%
WORTH = 0.03  # nats that half a run more would about take off
WELL = 0.9  # validation accuracy that is good whatever the classes
LEARNT = 0.72


def before(e: Evidence) -> Answer | None:
    """Return the verdict on curves that do not belong together, that swing, or of which half is missing; None where the usual questions apply."""
    questions = (
        _several_runs,
        _unmoved,
        _few,
        _mismatch,
        _swinging,
        _at_chance,
        _accuracies_only,
        _validation_only,
        _both_straight,
    )
    return next((answer for question in questions if (answer := question(e))), None)


def never_near(e: Evidence) -> bool:
    """Tell whether training learns while the validation loss stays far above that of guessing from the first epoch to the last."""
    if e.train_loss is None or e.val_loss is None or len(finite(e.val_loss)) < 3:
        return False
    train = finite(e.train_loss)
    start = float(train[: max(1, len(train) // 5)].max())
    lowest = float(finite(e.val_loss).min())
    far = lowest > FAR_ABOVE * max(start, -np.log(max(e.chance, 1e-3)))
    return far and float(np.median(train[-3:])) < 0.7 * start and not _validation_learns(e)


def other_scale(e: Evidence) -> tuple[float, float] | None:
    """Return the first training and validation loss where one is many times the other and both get better together: sums, or other means, of the same."""
    if e.train_loss is None or e.val_loss is None or e.begins_late or not _validation_learns(e):
        return None
    train, val = float(finite(e.train_loss)[0]), float(finite(e.val_loss)[0])
    if min(train, val) <= 0 or max(train / val, val / train) < OTHER_SCALE:
        return None
    return train, val


def _validation_learns(e: Evidence) -> bool:
    """Tell whether validation gets better along with training: its accuracy, or where there is none its loss by half the share or more."""
    accuracy = e.column("val_accuracy")
    if accuracy is not None and len(finite(accuracy)) > 2:
        return (e.val_accuracy or 0.0) - float(finite(accuracy)[0]) >= LEARNS
    train, val = (finite(c) if c is not None else np.zeros(0) for c in (e.train_loss, e.val_loss))
    if min(len(train), len(val)) < 3 or min(train[0], val[0]) <= 0:
        return False
    fell = 1 - float(np.median(val[-3:])) / float(val[0])
    return fell >= max(LEARNS, 0.5 * (1 - float(np.median(train[-3:])) / float(train[0])))


def guessing(e: Evidence) -> int | None:
    """Return the number of classes between which validation guesses, where training learns: accuracy at 1/k and loss at or above ln k throughout."""
    accuracy, loss = e.column("val_accuracy"), e.val_loss
    if accuracy is None or loss is None or len(finite(accuracy)) < FEW or not _training_learns(e):
        return None
    usual, low = float(np.median(finite(accuracy))), float(np.median(finite(loss)))
    known = [e.n_classes] if e.n_classes else range(2, 21)
    for k in known:
        if (
            abs(usual - 1 / k) < 0.015 + 0.05 / k
            and low > 0.9 * np.log(k)
            and (e.n_classes or low < 1.5 * np.log(k) or k == 2)
        ):
            return k
    return None


def _training_learns(e: Evidence) -> bool:
    if e.train_loss is None or len(finite(e.train_loss)) < 3:
        return False
    train = finite(e.train_loss)
    return float(np.median(train[-3:])) < 0.7 * float(train[: max(1, len(train) // 5)].max())


def swings(e: Evidence) -> tuple[float, float, int] | None:
    """Return the lowest and highest validation accuracy (loss without accuracies) of the second half, and its epochs, where validation swings and training does not."""
    accuracy, loss = (finite(c) if c is not None else np.zeros(0) for c in (e.column("val_accuracy"), e.val_loss))
    if len(accuracy) >= ENOUGH_TO_SWING:
        tail = accuracy[_second_half(e, len(accuracy)) :]
        if _around_a_line(tail) >= SWINGS and _turns(tail) >= SWINGS:
            return float(tail.min()), float(tail.max()), len(tail)
    if len(loss) >= ENOUGH_TO_SWING and loss.min() > 0:
        tail = loss[_second_half(e, len(loss)) :]
        train = finite(e.train_loss) if e.train_loss is not None else np.zeros(0)
        if min(_changes(tail), _turns(np.log(tail))) >= LOSS_SWINGS and (
            len(train) < 4 or train.min() <= 0 or _changes(train[len(train) // 2 :]) < _changes(tail) / 2
        ):
            return float(tail.min()), float(tail.max()), len(tail)
    return None


def _second_half(e: Evidence, n: int) -> int:
    """Return where the second half of n measurements begins, or a later stage of four epochs or more."""
    return max(n // 2, e.last_stage) if n == e.n_epochs and n - e.last_stage >= 4 else n // 2


def _turns(values: np.ndarray) -> float:
    """Return by how much a curve goes up again after it went down, or down after up, whichever it does less: a curve with one direction does neither."""
    up = float((values - np.minimum.accumulate(values)).max())
    down = float((np.maximum.accumulate(values) - values).max())
    return min(up, down)


def _around_a_line(values: np.ndarray) -> float:
    x = np.arange(len(values))
    return float(np.std(values - np.polyval(np.polyfit(x, values, 1), x)))


def _changes(values: np.ndarray) -> float:
    return float(np.abs(np.diff(np.log(values))).mean())


def _several_runs(e: Evidence) -> Answer | None:
    """Say of a loss that is back where it began when the epochs start again, and ends worse, that these are runs and no stages of one."""
    curve = e.train_loss if e.train_loss is not None else e.val_loss
    if curve is None or len(e.stages) < 2 or e.val_loss is None or e.best >= e.last_stage:
        return None
    parts = [finite(part) for part in np.split(curve, e.stages[1:])]
    again = [
        float(later[0])
        for before, later in pairwise(parts)
        if len(before) and len(later) and later[0] >= AS_AT_FIRST * parts[0][0] > 0 and before[-1] < 0.75 * later[0]
    ]
    if not again:
        return None
    return "inconclusive", 0.8, f"where the epochs start again, the loss is back at {again[0]:.3g}, about where it began: these are several runs, and each needs a verdict of its own"  # fmt: skip


def _unmoved(e: Evidence) -> Answer | None:
    """Say of a validation loss that never moves while training does that it is none."""
    if e.val_loss is None or e.train_loss is None or len(val := finite(e.val_loss)) < 3 or np.ptp(val) > 0:
        return None
    train = finite(e.train_loss)
    if len(train) < 3 or np.ptp(train) <= 0.05 * abs(float(train[0])):
        return None
    return "inconclusive", 0.9, f"the validation loss is {val[0]:.3g} in every epoch while the training loss changes, so it is not measured on this model"  # fmt: skip


def _few(e: Evidence) -> Answer | None:
    """Say of validation figures that were hardly ever measured that they show no course."""
    measured = [len(finite(c)) for c in (e.val_loss, e.column("val_accuracy")) if c is not None]
    if e.train_loss is None or not measured or max(measured) > 2:
        return None
    times = ("once", "twice")[max(measured) - 1]
    return "inconclusive", 0.85, f"validation was measured only {times}, which shows no course"


def _mismatch(e: Evidence) -> Answer | None:
    if not never_near(e):
        return None
    lowest = float(finite(e.val_loss).min())  # type: ignore[arg-type]
    train = finite(e.train_loss)  # type: ignore[arg-type]
    return (
        "unstable",
        0.8,
        f"the validation loss was never below {lowest:.3g}, while the training loss ended at {train[-1]:.3g}: the two do not belong together",
    )


def _swinging(e: Evidence) -> Answer | None:
    found = swings(e)
    if found is None:
        return None
    low, high, n = found
    if e.column("val_accuracy") is not None and high <= 1:
        return (
            "unstable",
            0.75,
            f"the validation accuracy jumps between {low:.0%} and {high:.0%} over the last {n} epochs",
        )
    return "unstable", 0.7, f"the validation loss jumps between {low:.3g} and {high:.3g} over the last {n} epochs"


def _at_chance(e: Evidence) -> Answer | None:
    k = guessing(e)
    if k is None:
        return None
    usual = float(np.median(finite(e.column("val_accuracy"))))  # type: ignore[arg-type]
    return (
        "overfitting",
        0.65,
        f"training learns, but on validation images the model is right {usual:.0%} of the time, which is what guessing between {k} classes gives",
    )


def _accuracies_only(e: Evidence) -> Answer | None:
    """Judge a validation accuracy that stands without a validation loss."""
    curve = e.column("val_accuracy")
    if e.val_loss is not None or curve is None or e.val_accuracy is None:
        return None
    known = finite(curve)
    if len(known) < 3:
        return (
            "inconclusive",
            0.8,
            f"{len(known)} validation accurac{'ies are' if len(known) > 1 else 'y is'} too few to see where they go",
        )
    peak, last = float(smooth(known).max()), e.val_accuracy
    tail = known[-max(2, len(known) // 4) - 1 :]
    rise = float(np.polyfit(np.arange(len(tail)), tail, 1)[0]) * (len(tail) - 1)
    if peak - last >= LOST:
        return "overfitting", 0.6, f"the validation accuracy was {float(known.max()):.0%} at best and is {last:.0%} now"
    if e.gap is not None and e.gap >= GAP and (e.learnt or 0) >= LEARNT:
        return "overfitting", 0.75, f"training accuracy is {e.train_accuracy:.0%}, validation accuracy only {last:.0%}"
    if rise >= RISING and last < 0.97:
        return "still_improving", 0.65, f"the validation accuracy still rose, to {last:.0%}"
    if last >= WELL or (e.gap is not None and e.gap < GAP and (e.learnt or 0) >= LEARNT):
        trained = f", of training images {e.train_accuracy:.0%}" if e.train_accuracy is not None else ""
        return "good_fit", 0.76 if last >= WELL else 0.65, f"{last:.0%} of the validation images are right{trained}"
    if e.train_accuracy is not None:
        return "underfitting", 0.6, f"training accuracy is {e.train_accuracy:.0%} and validation accuracy {last:.0%}"
    return (
        "inconclusive",
        0.6,
        f"the validation accuracy is {last:.0%}, and without training accuracy or validation loss it stays open what limits it",
    )


def _validation_only(e: Evidence) -> Answer | None:
    """Judge a validation loss that stands without any training curve."""
    if e.train_loss is not None or e.train_accuracy is not None or e.val_loss is None:
        return None
    n = len(finite(e.val_loss))
    if n < FEW:
        return "inconclusive", 0.8, f"{n} validations without a training loss are too few to see where the curve goes"
    if e.rebound > max(0.15, 2 * e.val_noise):
        return "overfitting", 0.6, f"the validation loss rose {e.rise_in_words}"
    if falls_to_the_end(e):
        return "still_improving", 0.65, "the validation loss falls to the last epoch"
    return "inconclusive", 0.7, "without a training curve a level validation loss may be a good fit or underfitting"


def _both_straight(e: Evidence) -> Answer | None:
    if e.n_val or _solved(e) or e.val_loss is None or e.train_loss is None:
        return None
    if not (_straight(finite(e.val_loss)) and _straight(finite(e.train_loss))):
        return None
    return "still_improving", 0.7, "both losses fall to the last epoch, as fast as in the middle of the run"


def falls_to_the_end(e: Evidence) -> bool:
    """Tell whether the validation loss falls to the last epoch: clearly over the last quarter, or as fast in its second half as in its first."""
    late = e.best >= e.n_epochs - max(2, e.n_epochs // 5)
    return late and (
        e.still_falling > max(FALLING, e.val_noise) or (e.val_loss is not None and _straight(finite(e.val_loss)))
    )


def _straight(curve: np.ndarray) -> bool:
    if len(curve) < FEW or curve[0] <= 0:
        return False
    middle, fall = float(curve[len(curve) // 2]), float(curve[0] - curve[-1])
    return (
        fall > 0.05 * curve[0]
        and curve[-1] <= curve.min() + 0.1 * fall
        and (middle - curve[-1]) >= 0.35 * fall
        and _around_a_line(curve) < 0.1 * fall
    )


def ratio(e: Evidence) -> float | None:
    """Return the last validation loss over the last training loss; None where one is missing or both are small."""
    if (
        e.val_loss is None
        or e.train_loss is None
        or e.last_val_loss < SMALL_LOSS
        or (e.val_accuracy or 0) > 0.95
        or other_scale(e)
    ):
        return None
    end = float(np.median(finite(e.train_loss)[-3:]))
    return e.last_val_loss / end if end > 0 else None


def instead_of_good(e: Evidence) -> Answer:
    """Return the verdict where no question found anything wrong: good only where the curves show it."""
    return next(answer for question in (_late, _still_falls, _far_apart, _wide, _fits) if (answer := question(e)))


def _late(e: Evidence) -> Answer | None:
    if not e.begins_late or e.train_accuracy is not None:
        return None
    return "inconclusive", 0.7, f"the file begins at {e.when(0)}, and what the curves did before is not in it"


def _still_falls(e: Evidence) -> Answer | None:
    late = e.best >= e.n_epochs - max(2, e.n_epochs // 5)
    if _solved(e) or not late:
        return None
    together = e.train_falling > FALLING and e.still_falling > 0 and (ratio(e) or 0) < LARGE_RATIO
    if falls_to_the_end(e) or (together and not e.begins_late):
        fell = (
            f"the training loss fell {e.fall_in_words(e.train_loss)}"
            if e.train_falling > FALLING and e.train_loss is not None
            else "the validation loss falls to the last epoch"
        )
        return "still_improving", 0.65, f"{fell}, and the validation loss has not risen"
    return None


def _solved(e: Evidence) -> bool:
    """Tell whether hardly anything is left to learn."""
    learnt = (e.learnt or 0) if e.train_accuracy is not None else 0.0
    return learnt > 0.95 or (learnt > 0.88 and e.to_be_had < WORTH) or (e.val_accuracy or 0) > 0.97


def _far_apart(e: Evidence) -> Answer | None:
    times = ratio(e)
    if e.train_accuracy is not None or times is None or times < RATIO:
        return None
    ends = f"the validation loss is {e.last_val_loss:.2g}, {times:.0f} times the training loss of {e.last_val_loss / times:.2g}"
    return "overfitting", min(0.85, 0.6 + 0.01 * times), ends


def _wide(e: Evidence) -> Answer | None:
    if e.gap is None or e.gap < GAP or (e.gap_low or 0) < SMALL_GAP:
        return None
    both = f"it is right for {e.train_accuracy:.0%} of training and {e.val_accuracy:.0%} of validation images"
    return (
        ("overfitting", 0.6, both)
        if (e.learnt or 0) >= LEARNT
        else ("inconclusive", 0.5, f"{both}, and has not learnt either")
    )


def _fits(e: Evidence) -> Answer:
    level = abs(e.still_falling) < 0.03 and abs(e.train_falling) < 0.06
    if e.gap is None and (e.val_accuracy or 0) >= WELL:
        return "good_fit", 0.68 if level else 0.6, f"{e.val_accuracy:.0%} of the validation images are right"
    if e.gap is None:
        if e.learnt is not None and e.learnt < HALF and e.train_loss is not None:
            return "inconclusive", 0.6, f"the losses show no overfitting, but the training loss fell by only {max(e.learnt, 0):.0%}, and without accuracies that may be all there is to learn or too little"  # fmt: skip
        return "good_fit", 0.62 if level and (ratio(e) or 0) < LARGE_RATIO else 0.55, _ended(e)
    known = f"{e.train_accuracy:.0%} of training and {e.val_accuracy:.0%} of validation images are right"
    if e.gap < -0.03:
        return "good_fit", 0.65, f"{known}: it does better on validation images than its training figures say"
    settled = ", and both curves are level" if level else ""
    return "good_fit", 0.8 if e.gap <= SMALL_GAP and level else 0.68, known + settled


def _ended(e: Evidence) -> str:
    """Return where a validation loss ended, beside its lowest point."""
    known = finite(e.val_loss)  # type: ignore[arg-type]
    if f"{known[-1]:.3g}" == f"{known.min():.3g}":
        return f"the validation loss ended at its lowest, {known[-1]:.3g}"
    if e.risen < NOTICED:
        return "the validation loss ended near its lowest"
    return f"the validation loss ended {e.risen:.0%} above its lowest, {e.rise_in_words}"


def unsure_of_classes(e: Evidence) -> Answer | None:
    """Return that it depends on the number of classes whether the model underfits, where nothing tells how many there are."""
    best = max(e.train_accuracy or 0.0, e.val_accuracy or 0.0)
    if e.n_classes or e.train_accuracy is None or best < LEARNT or e.chance < 0.5:
        return None
    return (
        "inconclusive",
        0.6,
        f"{best:.0%} right is far from all with two classes and much with ten: give the number of classes",
    )
