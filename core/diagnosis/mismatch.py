"""Patterns of curves alone that do not fit together, or look odd and are not."""

import numpy as np

from core.diagnosis import bare
from core.diagnosis.evidence import Evidence, finite
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule

BETTER = 0.03  # accuracy by which validation must stand above training to be worth a word
SAME = 5  # epochs with one and the same validation accuracy


@rule("mismatch", "Training and validation do not belong together", "unstable", "overfitting")
def mismatch(e: Evidence) -> Finding | None:
    """The validation figures are those of another network or of other inputs than the training figures.

    What it looks like: the training loss falls while the validation loss stays at or above that of guessing from the first epoch on.

    Why it happens: preprocessing that differs between the two (scaling to 0..1 in one and to -1..1 in the other), class folders or labels in another
    order, BatchNorm whose running averages are wrong in inference mode, validation pictures shuffled apart from their labels.

    Evidence: a validation loss never below four times the loss that training began with; or an accuracy at 1/k with a loss at ln k throughout, while
    training learns.

    What to try: evaluate on the training images themselves: if they are judged as badly, inference mode or preprocessing is at fault, else the labels
    of the validation images.

    References: Keras guide "Transfer learning and fine-tuning" (BatchNorm); Schoop, Huang and Hartmann, "UMLAUT", 2021 (inputs outside the expected range).
    """
    if not e.bare:
        return None
    k = bare.guessing(e)
    if not bare.never_near(e) and k is None:
        return None
    lowest = float(finite(e.val_loss).min())  # type: ignore[arg-type]
    return finding(
        "mismatch",
        0.9,
        "Look for preprocessing or scaling that differs between training and validation, another order of the classes, BatchNorm in inference mode (running averages), or validation images shuffled apart from their labels. Evaluate the training images in the same way: if they come out as badly, it is not the images.",
        evidence=(Fact("lowest", f"lowest validation loss {lowest:.3g}", lowest),),
        remedies=("lock-batchnorm",),
    )


@rule("loss-scale", "Two losses on two scales")
def loss_scale(e: Evidence) -> Finding | None:
    """The validation loss is summed or averaged in another way than the training loss.

    What it looks like: one loss is ten times the other or more from the first epoch on, while both get better together.

    Why it happens: a loop adds up the losses of its validation batches without dividing by their number, or divides a mean once more by the number of images.

    Evidence: the first two losses differ tenfold; the validation accuracy rises by 10 points or more, or without one the validation loss falls by
    half the share that the training loss falls.

    What to try: dividing both sums by the same number, of batches or of images; until then each curve tells only about itself.

    References: PyTorch documentation, ``CrossEntropyLoss``, parameter ``reduction``.
    """
    found = bare.other_scale(e) if e.bare else None
    if found is None:
        return None
    train, val = found
    return finding(
        "loss-scale",
        0.35,
        f"The training loss begins at {train:.3g} and the validation loss at {val:.3g}, and both get better together: they are not averaged in the same way (a sum over batches, or a mean divided once more). Each curve tells only about itself; their distance tells nothing.",
        evidence=(Fact("losses", f"first losses {train:.3g} and {val:.3g}", max(train / val, val / train)),),
    )


@rule("validation-swings", "Validation goes up and down", "unstable")
def validation_swings(e: Evidence) -> Finding | None:
    """Validation jumps from epoch to epoch while training goes on quietly.

    What it looks like: a saw under a smooth training curve.

    Why it happens: a learning rate that is too high for where the weights are, BatchNorm averages that lag behind or come from small batches, or very few
    validation images.

    Evidence: standard deviation of the validation accuracy around a straight line of 8 points or more over the second half of the run; without accuracies a mean
    change of the logarithm of the loss of 0.4 or more.

    What to try: a lower or falling rate; BatchNorm frozen or larger batches; more validation images.

    References: Ioffe, "Batch renormalization", 2017 (small batches); Smith, "Cyclical learning rates", 2017.
    """
    found = bare.swings(e) if e.bare else None
    if found is None:
        return None
    low, high, n = found
    accuracy = e.column("val_accuracy") is not None and high <= 1
    span = f"{low:.0%} and {high:.0%}" if accuracy else f"{low:.3g} and {high:.3g}"
    return finding(
        "validation-swings",
        0.8,
        "The model judges the same validation images anew from one epoch to the next. A rate that is too high or BatchNorm averages that lag behind do that; so do very few validation images.",
        evidence=(Fact("swings", f"between {span} in the last {n} epochs", high - low),),
        remedies=("rate-down", "lock-batchnorm", "more-validation"),
    )


@rule("validation-better", "Validation better than training", "good_fit", "still_improving", "inconclusive")
def validation_better(e: Evidence) -> Finding | None:
    """Validation images are judged better than training images, and nothing is wrong.

    What it looks like: the validation accuracy stands above the training accuracy all along.

    Why it happens: training figures are measured with dropout, mixup and augmentation on, and averaged over an epoch in which the weights still move;
    validation is measured after it, on unchanged images.

    Evidence: reported training accuracy at least 3 points below the validation accuracy at the end.

    What to try: measuring the training images after each epoch in the same way as the validation images, to see the real gap.

    References: Srivastava et al., "Dropout", 2014; Zhang et al., "mixup", 2018.
    """
    if not e.bare or e.is_clean or e.gap is None or e.gap > -BETTER:
        return None
    return finding(
        "validation-better",
        0.4,
        f"Validation images are right {e.val_accuracy:.0%} of the time, training images {e.train_accuracy:.0%}: training figures are measured with augmentation, mixup or dropout on and while the weights still move, so this is no sign of underfitting.",
        evidence=(Fact("gap", f"training {-100 * e.gap:.0f} points below validation", e.gap),),
    )


@rule("one-answer", "One and the same validation accuracy", "underfitting", "overfitting", "inconclusive", "unstable")
def one_answer(e: Evidence) -> Finding | None:
    """The validation accuracy stays at one value to the last digit while the loss moves.

    What it looks like: a level line in the accuracy panel.

    Why it happens: every image gets the same answer, usually the largest class; the accuracy is that class's share.

    Evidence: the last five or more validation accuracies are equal, below 99%, while the validation loss changes.

    What to try: a confusion matrix; another rate; weights for the classes.

    References: Japkowicz and Stephen, "The class imbalance problem", 2002.
    """
    curve = e.column("val_accuracy") if e.bare else None
    known = finite(curve) if curve is not None else np.zeros(0)
    if len(known) < SAME or np.ptp(known[-SAME:]) > 0 or known[-1] > 0.99 or e.val_loss is None:
        return None
    if np.ptp(finite(e.val_loss)[-SAME:]) == 0:
        return None
    same = len(known) - int(np.argmax(known[::-1] != known[-1])) if (known != known[-1]).any() else 0
    n = len(known) - same if same else len(known)
    return finding(
        "one-answer",
        0.7,
        f"The validation accuracy is {known[-1]:.1%} in each of the last {max(n, SAME)} epochs, while its loss changes: probably every image gets the same answer, and this is the share of that class.",
        evidence=(Fact("accuracy", f"{known[-1]:.1%} unchanged", float(known[-1])),),
        remedies=("rate-down",),
    )
