"""Patterns whose cause lies in the images and labels."""

import numpy as np

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule


@rule("small-validation", "Validation set too small to tell", "inconclusive")
def small_validation(e: Evidence) -> Finding | None:
    """So few validation images that chance alone moves the accuracy by many points.

    What it looks like: a validation curve in steps, differences between runs that vanish with another seed.

    Why it happens: each of 20 images is worth 5 points.

    Evidence: width of the Wilson interval of the validation accuracy.

    What to try: more images, a larger validation share, repeated seeds.

    References: Wilson, 1927.
    """
    if e.n_val is None or e.n_val >= 40:
        return None
    return finding(
        "small-validation",
        0.7 if e.n_val < 12 else 0.3,
        f"There are only {e.n_val} validation images: one image more or less right moves the accuracy by {1 / max(e.n_val, 1):.0%}.",
        evidence=(Fact("n_validation", f"{e.n_val} validation images", e.n_val),),
        remedies=("more-validation",),
    )


@rule("imbalance", "Classes of very different size")
def imbalance(e: Evidence) -> Finding | None:
    """One class has several times the images of another.

    What it looks like: a good accuracy, and a small class that is hardly ever recognised.

    Why it happens: the loss is a mean over images, so the large class weighs most.

    Evidence: largest over smallest class, recall of each class.

    What to try: class weights; the same number of images a class.

    References: He and Garcia, "Learning from imbalanced data", 2009.
    """
    counts = e.probes.get("class_counts")
    if not counts or min(counts) <= 0 or max(counts) / min(counts) < 3:
        return None
    ratio = max(counts) / min(counts)
    return finding(
        "imbalance",
        min(0.85, 0.35 + 0.05 * ratio),
        f"The largest class has {ratio:.1f} times the training images of the smallest. The model is rewarded for naming the large one.",
        evidence=(Fact("ratio", f"class sizes differ {ratio:.1f}-fold", ratio),),
        remedies=("class-weights",),
    )


@rule("class-never-predicted", "A class that is never predicted")
def class_never_predicted(e: Evidence) -> Finding | None:
    """The model has given up on a class.

    What it looks like: an empty column in the confusion matrix.

    Why it happens: too few images of it, wrong labels, or it looks like another class.

    Evidence: predictions on the validation images.

    What to try: class weights; looking at the images of that class.

    References: none needed: it is counted.
    """
    if e.seen.evaluation is None or "validation" not in e.seen.evaluation.splits:
        return None
    p = e.seen.evaluation.splits["validation"]
    missing = sorted(set(p.labels.tolist()) - set(p.predicted.tolist()))
    if not missing or len(p.labels) < 3:
        return None
    names = ", ".join(repr(e.seen.evaluation.class_names[i]) for i in missing)
    return finding(
        "class-never-predicted",
        0.55,
        f"The model never answers {names} on the validation images.",
        remedies=("class-weights",),
    )


@rule("wrong-labels", "Suspected wrong labels")
def wrong_labels(e: Evidence) -> Finding | None:
    """Some training images look confidently like another class than their label says.

    What it looks like: training accuracy stays below validation accuracy; a few training images have a huge loss.

    Why it happens: labelling by hand, folders mixed up.

    Evidence: images whose predicted probability for another class is above the average confidence in that class (confident learning).

    What to try: looking at the listed pictures; correcting or removing them; fewer epochs, label smoothing.

    References: Northcutt, Jiang and Chuang, "Confident learning", 2021.
    """
    suspects = suspected_labels(e)
    if suspects is None or e.seen.evaluation is None or len(suspects) < 3:
        return None
    p = e.seen.evaluation.splits["train"]
    share = len(suspects) / len(p.labels)
    if share < 0.04 or (e.val_accuracy is not None and e.val_accuracy < e.chance + 0.25):
        return None
    return finding(
        "wrong-labels",
        min(0.9, 0.4 + 2.5 * share),
        f"{len(suspects)} training images ({share:.0%}) look confidently like another class than their label says, for example {p.names[suspects[0]]}.",
        evidence=(Fact("share", f"{share:.0%} of the training labels are doubtful", share),),
        remedies=("label-smoothing", "early-stopping"),
    )


def suspected_labels(e: Evidence) -> np.ndarray | None:
    """Return positions of training images with doubtful labels, the most doubtful first; None without predictions."""
    if e.seen.evaluation is None or "train" not in e.seen.evaluation.splits:
        return None
    p = e.seen.evaluation.splits["train"]
    n_classes = p.probabilities.shape[1]
    usual = np.array(
        [p.probabilities[p.labels == c, c].mean() if (p.labels == c).any() else 1.0 for c in range(n_classes)]
    )
    confident = p.probabilities >= np.maximum(usual, 0.5)
    other = confident.copy()
    other[np.arange(len(p.labels)), p.labels] = False
    at = np.flatnonzero(other.any(1))
    return at[np.argsort(p.probabilities[at, p.labels[at]])]


@rule("duplicates", "Training images again in validation")
def duplicates(e: Evidence) -> Finding | None:
    """Some validation images are copies of training images, so the validation accuracy is partly memory.

    What it looks like: validation as good as training, and a disappointment on really new images.

    Why it happens: bursts of the same scene, the same file twice, split at random.

    Evidence: perceptual hashes across the splits.

    What to try: keeping near-duplicates on one side of the split.

    References: Barz and Denzler, "Do we train on test data?", 2020.
    """
    note = e.note("duplicates_")
    if note is None:
        return None
    return finding("duplicates", 0.6, note.text, remedies=("group-duplicates",))
