"""Why a verdict was given, in words: the figures that weighed most, and none that say otherwise."""

from core.diagnosis.evidence import EXPLODED
from core.diagnosis.posterior import Beliefs
from core.words import points

NAMES = {
    "good_fit": "a good fit",
    "underfitting": "underfitting",
    "overfitting": "overfitting",
    "still_improving": "still improving",
    "unstable": "unstable training",
}
NOTICED = 0.04  # share of the validation loss: a smaller rise is not worth a word


def because(verdict: str, b: Beliefs) -> str:
    """Return the reason for a verdict, without a full stop."""
    reasons = {
        "good_fit": _good,
        "underfitting": _under,
        "overfitting": _over,
        "still_improving": _improving,
        "unstable": _unstable,
    }
    return reasons[verdict](b)


def undecided(probabilities: dict[str, float], b: Beliefs) -> str:
    """Return what is known where no verdict is sure enough, and what would tell."""
    first, second = sorted(probabilities, key=lambda v: -probabilities[v])[:2]
    known = f"it is {NAMES[first]} ({probabilities[first]:.0%}) or {NAMES[second]} ({probabilities[second]:.0%})"
    would_tell = "“Make sure” would tell" if b.e.experiment is not None else "more validation images would tell"
    if "overfitting" not in {first, second}:
        return f"{known}; {would_tell}"
    low, high = b.gap_interval
    between = f"between {max(100 * low, 0):.0f} and {100 * high:.0f} points"
    return f"{known}. The gap is {between}, and {b.e.n_val} validation images cannot narrow it; {would_tell}"


def _accuracies(b: Beliefs) -> str:
    return f"{b.e.train_accuracy:.0%} of training and {b.e.val_accuracy:.0%} of validation images"


def _good(b: Beliefs) -> str:
    e = b.e
    if (e.gap or 0) <= 0.05:
        close = "it does about as well on new images as on training images"
        return f"{close}, and both curves have settled" if e.rebound <= NOTICED and b.improving < 0.3 else close
    return f"it is right for {_accuracies(b)}"


def _under(b: Beliefs) -> str:
    e = b.e
    if (e.learnt or 0) < 0.72 or not e.val_accuracy:
        return f"on its own training images the model is right only {e.train_accuracy:.0%} of the time"
    if e.underconfidence >= 0.15:
        sure = e.val_accuracy - e.underconfidence
        return (
            f"the model is right {e.val_accuracy:.0%} of the time but only {sure:.0%} sure of its answers: something holds it "
            "back from fitting the images"
        )
    return f"on its own training images the model is right {e.train_accuracy:.0%} of the time, and what holds it back is known"


def _over(b: Beliefs) -> str:
    e = b.e
    if b.lost > b.wide_gap and e.rebound > NOTICED:
        return f"the validation loss rose {e.risen:.0%}, {e.rise_in_words}"
    low, high = b.gap_interval
    return (
        f"training accuracy is {e.train_accuracy:.0%}, validation accuracy {e.val_accuracy:.0%}; on images like those of "
        f"validation the gap is {max(100 * low, 0):.0f} to {100 * high:.0f} points"
    )


def _improving(b: Beliefs) -> str:
    return b.e.still_falling_in_words


def _unstable(b: Beliefs) -> str:
    e = b.e
    gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy") or 0.0
    if gap > 0.04:
        return f"the same training images are judged {points(100 * gap)} better with batch statistics than with running averages"
    if e.exploded:
        return f"nothing was learnt and the loss ended at {e.times_guessing:.0f} times that of guessing"
    if b.peak > EXPLODED:
        return f"the training loss shot up to {b.peak:,.0f} times that of guessing"
    if e.train_oscillation >= 0.2:
        return f"the training loss jumped up in {e.train_oscillation:.0%} of the epochs"
    return f"the validation accuracy goes up and down by {100 * b.swings:.0f} points from epoch to epoch"
