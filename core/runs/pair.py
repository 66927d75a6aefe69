"""The sentence of a pair: what a change did to the answers on new images, with its uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.comparison import Comparison, compare, compare_seeds, loss_fall
from core.evaluation import Evaluation, Predictions
from core.experiment import DataSpec, Experiment
from core.runs.change import describe_change
from core.words import points

OTHER_IMAGES = (
    "The two runs judged different images: part of the difference may be the images, and no answer can be compared."
)
SEEN_LOSS = 0.005  # nats: less is nothing to two digits
OTHER_CLASSES = "The two runs tell different classes apart, so their accuracies cannot be compared."


@dataclass(frozen=True)
class Sentence:
    """What stands above two runs.

    Attributes
    ----------
    text
        The sentence, figures and sureness included.
    difference, low, high
        Of the validation accuracies in points (of a hundred), with the 95% interval; NaN where nothing can be compared.
    sureness
        ``quite sure``, ``fairly sure`` or ``not certain``.
    outcome
        ``better``, ``worse`` or ``not certain``: about the second run.
    became_right, became_wrong
        Validation images whose answer changed; None where the runs judged different images.
    paired
        Whether both runs judged the same images.
    seeds
        Number of pairs of runs that it rests on.
    warning
        What makes the comparison weak, or nothing.
    loss
        What is sure of the loss on the same images where nothing is of the answers, or nothing.
    """

    text: str
    difference: float
    low: float
    high: float
    sureness: str
    outcome: str
    became_right: int | None
    became_wrong: int | None
    paired: bool
    seeds: int = 1
    warning: str = ""
    loss: str = ""


def same_images(before: Experiment, after: Experiment, a: Predictions, b: Predictions) -> bool:
    """Tell whether two runs judged the same images under the same labels, in the same order; at whatever size."""
    return (
        _pictures(before.data) == _pictures(after.data)
        and np.array_equal(a.rows, b.rows)
        and np.array_equal(a.labels, b.labels)
        and a.names == b.names
    )


def _pictures(spec: DataSpec) -> tuple:
    """Return what decides how a source's pictures look; wrong labels of drawn images are in the training split alone."""
    if spec.drawn is None:
        return (spec.source,)
    return spec.source, spec.drawn.replace(label_noise=0.0), spec.seed


def sentence(
    experiments: tuple[Experiment, Experiment], evaluations: Sequence[tuple[Evaluation, Evaluation]]
) -> Sentence:
    """Return what stands above a pair of runs, or above a pair of settings trained on several seeds.

    Parameters
    ----------
    experiments
        Before and after.
    evaluations
        (before, after), one pair, or one for each seed; several are compared only where all judged the same images.
    """
    change = describe_change(*experiments)
    if any(a.class_names != b.class_names for a, b in evaluations):
        return _told(f"{change}: nothing to compare. {OTHER_CLASSES}", _nothing(), OTHER_CLASSES)
    pairs = [(a.splits["validation"], b.splits["validation"]) for a, b in evaluations]
    paired = all(same_images(*experiments, a, b) for a, b in pairs)
    several = len(pairs) > 1 and paired
    found = compare_seeds(pairs) if several else compare(*pairs[0], same_images=paired)
    if math.isnan(found.difference):
        return _told(f"{change}: there are no validation images to compare on.", found)
    say = _of_seeds if found.seeds > 1 else _of_images if found.paired else _of_figures
    told = _told(say(change, found, pairs), found, "" if found.paired else OTHER_IMAGES)
    return replace(told, loss=_of_loss(*pairs[0])) if found.paired and found.outcome == "not certain" else told


def _of_loss(before: Predictions, after: Predictions) -> str:
    """Return how far the loss surely fell or rose; nothing where that may be chance, or is nothing to the rounding shown."""
    if len(after.labels) < 2:
        return ""
    fall, low, high = loss_fall(before, after)
    side, bounds = ("lower", (low, high)) if fall > 0 else ("higher", (-high, -low))
    if not bounds[0] >= SEEN_LOSS:
        return ""
    return f"The loss on the same images is surely {side}: by {abs(fall):.2g} ({bounds[0]:.2g} to {bounds[1]:.2g})."


def _nothing() -> Comparison:
    return Comparison(math.nan, math.nan, math.nan, math.nan, 0)


def _told(text: str, c: Comparison, warning: str = "") -> Sentence:
    return Sentence(
        text,
        100 * c.difference,
        100 * c.low,
        100 * c.high,
        c.sureness,
        c.outcome,
        c.became_right,
        c.became_wrong,
        c.paired,
        c.seeds,
        warning,
    )


def _of_images(change: str, c: Comparison, _pairs: object) -> str:
    if not c.became_right and not c.became_wrong:
        known = f"from {_side(100 * c.low)} to {_side(100 * c.high)}"
        return f"{change} changed none of the {c.images} validation answers from right to wrong or back: no difference to be seen ({known})."
    right = f"{c.became_right or 'no'} validation answer{'' if c.became_right == 1 else 's'} right"
    return f"{change} made {right} and {c.became_wrong or 'none'} wrong: {_verdict(c)}."


def _of_figures(change: str, c: Comparison, pairs: list[tuple[Predictions, Predictions]]) -> str:
    before, after = (p.accuracy for p in pairs[0])
    return f"{change}: {after:.0%} of its validation images right, where it was {before:.0%} of others: {_verdict(c)}."


def _of_seeds(change: str, c: Comparison, pairs: list[tuple[Predictions, Predictions]]) -> str:
    better = sum(b.accuracy > a.accuracy for a, b in pairs)
    worse = sum(b.accuracy < a.accuracy for a, b in pairs)
    counted = f"better on {better}" + (f", worse on {worse}" if worse else "")
    return f"{change}, on {c.seeds} seeds: {counted}; on average {_verdict(c)}."


def _verdict(c: Comparison) -> str:
    """Return difference, interval and sureness in words; that nothing is certain is said first where it is so."""
    low, high = 100 * c.low, 100 * c.high
    if c.outcome == "not certain":
        side = "worse" if c.difference < 0 else "better"  # as the answers point
        return f"not certain whether that is {side} (from {_side(low)} to {_side(high)})"
    sign = 1 if c.outcome == "better" else -1
    bounds = sorted((sign * low, sign * high))
    return f"{points(abs(100 * c.difference))} {c.outcome} ({_number(bounds[0])} to {_number(bounds[1])}), {c.sureness}"


def _number(value: float) -> str:
    return f"{round(value) + 0:d}".replace("-", "−")


def _side(value: float) -> str:
    return "no difference" if round(value) == 0 else f"{points(abs(value))} {'better' if value > 0 else 'worse'}"
