"""What is said when nothing is wrong."""

from core.diagnosis.evidence import Evidence, finite
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule
from core.statistics import wilson
from core.words import points, signed

RISEN = 0.1  # share of the validation loss that is explained where it stands beside a good fit


@rule("well-fitted", "Well fitted", "good_fit")
def well_fitted(e: Evidence) -> Finding | None:
    """The model has learnt what it could from these images, and its answers are about as good on new ones.

    What it looks like: two curves that have become level, the validation loss near its lowest point, no widening gap.

    Why it happens: capacity, regularisation, training time and data fit each other.

    Evidence: no rebound beyond the jitter, a gap below 12 points, training accuracy most of the way from chance to perfect, confidence that
    matches accuracy.

    What to try: what limits it now: more images where a gap is left, more capacity where training itself is not perfect, more validation
    images where the accuracy is not known well enough to see an improvement.

    References: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 5.2.
    """
    if e.gap is None or e.val_accuracy is None:
        unknown = "How far training and validation accuracy lie apart is not known."
        return finding("well-fitted", 0.5, unknown, evidence=_validation_alone(e))
    known, width = _interval(e)
    limit, remedies = _limit(e, width)
    risen = f"validation loss {signed(100 * e.rebound)}% since its lowest point"
    if e.rebound > RISEN and _as_many_right(e):
        risen += ", while as many answers are right: it grew surer of its mistakes"
    apart = round(100 * (e.train_accuracy or 0.0)) - round(100 * e.val_accuracy)  # as both are shown
    return finding(
        "well-fitted",
        0.5,
        f"Validation accuracy{known} is {_beside_training(apart)}. {limit}",
        evidence=(
            Fact("gap", f"gap of {points(apart)}", e.gap, e.gap_low),
            Fact("rebound", risen, e.rebound),
        ),
        remedies=remedies,
    )


def _as_many_right(e: Evidence) -> bool:
    """Tell whether the last epoch is right about as often as the one with the lowest validation loss."""
    accuracy = e.column("val_accuracy")
    return accuracy is not None and bool(accuracy[-1] >= accuracy[e.lowest] - 0.01)


def _beside_training(apart: int) -> str:
    """Return on which side of training's a validation accuracy lies, and how far, in points."""
    if not apart:
        return "as high as on training images"
    return f"{points(abs(apart))} {'below' if apart > 0 else 'above'} that on training images"


def _validation_alone(e: Evidence) -> tuple[Fact, ...]:
    """Return what the validation curve did, where it cannot be set beside training's accuracy."""
    if e.val_loss is None:
        return ()
    known = finite(e.val_loss)
    told = f"validation loss {known[0]:.3g} at first, {known.min():.3g} at its lowest, {known[-1]:.3g} at the end"
    return (Fact("validation", told, float(known[-1])),)


def _interval(e: Evidence) -> tuple[str, float]:
    """Return the interval of the validation accuracy in words, and its width."""
    if e.n_val is None or e.val_accuracy is None:
        return "", 0.0
    low, high = wilson(e.val_accuracy * e.n_val, e.n_val)
    return f" (between {low:.0%} and {high:.0%} with {e.n_val} images)", high - low


def _limit(e: Evidence, width: float) -> tuple[str, tuple[str, ...]]:
    """Return what limits the model now, and what could lift that."""
    if (e.gap or 0) > 0.05:
        return (
            "What limits it now is how much the training images show: more of them, or light augmentation, could close the gap.",
            ("augment-light", "more-images"),
        )
    if (e.learnt or 0) < 0.9:
        return (
            "What limits it now is the training accuracy itself: thawing more layers may raise it.",
            ("thaw-more", "larger-images"),
        )
    if width > 0.15:
        return (
            f"What limits you now is the measurement: with an interval {100 * width:.0f} points wide, no small improvement can be seen.",
            ("more-validation",),
        )
    return "There is little left to gain on these images.", ()
