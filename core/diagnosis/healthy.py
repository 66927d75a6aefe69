"""What is said when nothing is wrong."""

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule


@rule("well-fitted", "Well fitted", "good_fit")
def well_fitted(e: Evidence) -> Finding | None:
    """Training and validation agree, and both have levelled off.

    What it looks like: two curves close together that have become level, the best epoch near the end.

    Why it happens: capacity, regularisation, training time and data fit each other.

    Evidence: no rebound, a gap within its uncertainty, training accuracy well above chance.

    What to try: what limits it now: more images if a gap is left, more capacity if training itself is not perfect.

    References: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 5.2.
    """
    if e.gap is None:
        return finding("well-fitted", 0.5, "The validation loss fell, levelled off and did not rise again.")
    remedies: tuple[str, ...]
    if e.gap > 0.05:
        limit, remedies = (
            "What limits it now is the small gap: more images or light augmentation could close it.",
            ("augment-light", "more-images"),
        )
    elif (e.learnt or 0) < 0.9:
        limit, remedies = (
            "What limits it now is the training accuracy itself: thawing more layers may raise it.",
            ("thaw-more",),
        )
    else:
        limit, remedies = "There is little left to gain on these images.", ()
    return finding(
        "well-fitted",
        0.5,
        f"Training accuracy is {e.train_accuracy:.0%} and validation accuracy {e.val_accuracy:.0%}. {limit}",
        evidence=(Fact("gap", f"gap of {e.gap:.0%}", e.gap, e.gap_low),),
        remedies=remedies,
    )
