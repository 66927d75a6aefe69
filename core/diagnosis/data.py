"""Patterns whose cause lies in the images and labels."""

from typing import NamedTuple

import numpy as np

from core.diagnosis.evidence import FALLING, Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule
from core.diagnosis.verdict import LEARNT
from core.words import counted

TIMES = 2  # another class at least so many times as probable as the label
# How sure answers that contradict a label must surely be, as a share of how sure the others are, with two classes and with more; and the share of
# the mistakes beyond chance that must be doubted. Chosen on random sets with right and wrong labels, judged on others (docs/diagnosis.md).
SURE_OF_TWO, SURE, MISTAKES = 0.65, 0.58, 0.38
MANY_WRONG, ENOUGH = 0.12, 110  # share of labels doubted, images looked at: with fewer of either chance reaches as far
NEGLECTED = 0.15  # recall of the larger classes beyond that of the smaller
SEEN = {  # by note: what a model sees that tells the classes without the subject, what to doubt then, and what may help
    "colour_tells": (
        "mean colours",
        "Unless colour is what the classes are about, background or light may give them away.",
        ("match-validation",),
    ),
    "files_tell": (
        "size, shape, type, compression and frame",
        "How the pictures were taken or saved differs from class to class and may be what it has learnt.",
        (),
    ),
}
NEARLY = 0.8  # share of the network's accuracy above chance that such a model must surely reach


@rule("small-validation", "Validation set too small to tell", "inconclusive")
def small_validation(e: Evidence) -> Finding | None:
    """So few validation images that chance alone moves the accuracy by many points.

    What it looks like: a validation curve in steps, differences between runs that vanish with another seed.

    Why it happens: each of 20 images is worth 5 points.

    Evidence: width of the Wilson interval of the validation accuracy.

    What to try: more images, a larger validation share, repeated seeds.

    References: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
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
        0.9 if _neglects_small_classes(e, counts) else min(0.7, 0.35 + 0.05 * ratio),
        f"The largest class has {ratio:.1f} times the training images of the smallest. The model is rewarded for naming the large one.",
        evidence=(Fact("ratio", f"class sizes differ {ratio:.1f}-fold", ratio),),
        remedies=("class-weights",),
    )


def _neglects_small_classes(e: Evidence, counts: list[int]) -> bool:
    """Tell whether the smaller half of the classes is recognised much less often than the larger."""
    if e.class_recalls is None or len(e.class_recalls) != len(counts):
        return False
    recalls, order = e.class_recalls[:, 0], np.argsort(counts)
    half = len(counts) // 2
    return bool(recalls[order[-half:]].mean() - recalls[order[:half]].mean() >= NEGLECTED)


@rule("class-never-predicted", "A class that is never predicted")
def class_never_predicted(e: Evidence) -> Finding | None:
    """The model has given up on a class.

    What it looks like: an empty column in the confusion matrix.

    Why it happens: too few images of it, wrong labels, or it looks like another class.

    Evidence: predictions on the validation images.

    What to try: class weights; looking at the images of that class.

    References: Japkowicz and Stephen, "The class imbalance problem: a systematic study", 2002.
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


@rule("wrong-labels", "Suspected wrong labels", "underfitting", "overfitting", "good_fit", "still_improving")
def wrong_labels(e: Evidence) -> Finding | None:
    """Some training images look confidently like another class than their label says.

    What it looks like: training accuracy stays below validation accuracy, or rises only by learning single pictures by heart.

    Why it happens: labelling by hand, folders mixed up.

    Evidence: images that a linear model on the pretrained features, fitted without them, takes for another class as surely as that class's own
    images, where its answers against a label are nearly as sure as its others (on hard images they are not); else images that the trained network
    itself is sure to be of another class.

    What to try: looking at the listed pictures; correcting or removing them; fewer epochs, label smoothing.

    References: Northcutt, Jiang and Chuang, "Confident learning", 2021; Pleiss et al., "Area under the margin ranking", 2020.
    """
    found = suspected_labels(e)
    if found is None or len(found.rows) < 3:
        return None
    by_chance = e.val_accuracy is not None and e.val_accuracy < e.chance + 0.1 and not found.unseen
    if found.share < 0.05 or by_chance:
        return None
    unfinished = 0.7 if not found.unseen and e.still_falling > FALLING else 1.0  # an unsettled model doubts many labels
    return finding(
        "wrong-labels",
        unfinished * min(0.85, 0.6 + 2.5 * found.share),
        f"{counted(len(found.rows), 'training image looks', 'training images look')} confidently like another class than {'its' if len(found.rows) == 1 else 'their'} label says ({found.share:.0%}){_first_of(e, found)}.",
        evidence=(Fact("share", f"{found.share:.0%} of the training labels are doubtful", found.share),),
        remedies=("label-smoothing", "early-stopping"),
    )


class Suspects(NamedTuple):
    """Training images with doubtful labels, the most doubtful first.

    Attributes
    ----------
    rows, answers
        Positions in the training split, and the class that each looks like.
    share
        Share of the images looked at.
    unseen
        Whether they were judged by a model fitted without them.
    """

    rows: np.ndarray
    answers: np.ndarray
    share: float
    unseen: bool


def suspected_labels(e: Evidence) -> Suspects | None:
    """Return training images with doubtful labels; None where neither a measurement nor predictions are known."""
    found = _doubted_unseen(e)
    return found if found is not None else _doubted_by_network(e)


def _doubted_unseen(e: Evidence) -> Suspects | None:
    """Return the images that a model fitted without them doubts, where it doubts more than a hard task explains.

    On hard tasks most mistakes are unsure ones; with wrong labels they are as sure as right answers.
    """
    found = e.probes.get("labels_doubted")
    if not found or found["looked_at"] < ENOUGH:
        return None
    share, learnt = len(found["rows"]) / found["looked_at"], (found["accuracy"] - e.chance) / (1 - e.chance)
    sure = found.get("sureness", 0.0) >= (SURE_OF_TWO if e.n_classes == 2 else SURE)
    if not sure or share < max(MANY_WRONG, MISTAKES * (1 - learnt)):
        return None
    return Suspects(np.array(found["rows"], int), np.array(found["answers"], int), share, True)


def _doubted_by_network(e: Evidence) -> Suspects | None:
    """Return the images whose label the trained network doubts.

    An image is doubtful when another class is as probable as that class usually is for its own images, and several times as probable
    as the label (otherwise a model that is unsure of everything would doubt every label).
    """
    p = e.answers("train")
    if p is None or (e.learnt or 0) < LEARNT:  # a network that has not learnt its images doubts any label
        return None
    n, classes = p.probabilities.shape
    own = p.probabilities[np.arange(n), p.labels]
    usual = np.array([own[p.labels == c].mean() if (p.labels == c).any() else 1.0 for c in range(classes)])
    top = p.predicted
    best = p.probabilities[np.arange(n), top]
    at = np.flatnonzero((top != p.labels) & (best >= usual[top]) & (best >= TIMES * own))
    at = at[np.argsort(own[at])]
    return Suspects(at, top[at], len(at) / n, False)


def _first_of(e: Evidence, found: Suspects) -> str:
    answers = e.answers("train")
    return f", for example {answers.names[found.rows[0]]}" if answers is not None else ""


@rule("duplicates", "Training images again in validation")
def duplicates(e: Evidence) -> Finding | None:
    """Some validation images are copies of training images, so the validation accuracy is partly memory.

    What it looks like: validation as good as training, and a disappointment on really new images.

    Why it happens: bursts of the same scene, the same file twice, split at random.

    Evidence: perceptual hashes across the splits.

    What to try: keeping near-duplicates on one side of the split.

    References: Barz and Denzler, "Do we train on test data?", 2020.
    """
    note = e.note("duplicates_validation")
    if note is None:
        return None
    n = int(note.numbers.get("n", 0))
    share = n / max(e.n_val or n, 1)
    return finding(
        "duplicates",
        min(0.98, 0.5 + 1.5 * share),
        note.text,
        evidence=(
            Fact("copies", f"{n} validation image{' is a copy' if n == 1 else 's are copies'} ({share:.0%})", share),
        ),
        remedies=("group-duplicates",),
    )


@rule("shortcut", "A shortcut instead of the subject", "good_fit", "overfitting", "underfitting", "still_improving")
def shortcut(e: Evidence) -> Finding | None:
    """Colour alone, or the shape, size, type or compression of the files alone, tells the classes nearly as well as the network does.

    What it looks like: very good training and validation accuracy, and a disappointment on pictures from elsewhere.

    Why it happens: each class was photographed in another place or light, or cropped and saved in another way, and the network learns that.

    Evidence: accuracy of a linear model that sees only mean and spread of red, green and blue, and of a small decision tree that sees only
    what the files say, against that of the network.

    What to try: pictures of each class in the same places, saved alike; augmentation of colour and brightness; looking at what the network looks at.

    References: Geirhos et al., "Shortcut learning in deep neural networks", 2020.
    """
    notes = [note for code in SEEN if (note := e.note(code)) is not None]
    if not notes or e.val_accuracy is None:
        return None
    note = max(notes, key=lambda n: n.numbers["low"])
    trivial, low = note.numbers["accuracy"], note.numbers["low"]
    if low - e.chance < NEARLY * (e.val_accuracy - e.chance):
        return None
    what, doubt, remedies = SEEN[note.code]
    # A shortcut makes a task easy: it is not why little was learnt, and a network that does worse than colours does not rest on them.
    easy = (e.learnt or 0) >= LEARNT and (e.train_accuracy or 0) >= low
    return finding(
        "shortcut",
        0.9 if easy else 0.4,
        f"A model that sees only the {what} of a picture is right {trivial:.0%} of the time on validation images; this network {e.val_accuracy:.0%}. {doubt}",
        evidence=(Fact("trivial", f"{what} alone: {trivial:.0%}", trivial, low, note.numbers.get("high")),),
        remedies=remedies,
    )
