"""Patterns that explain overfitting."""

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding, Mark
from core.diagnosis.rules import finding, rule
from core.statistics import wilson

FEW, ENOUGH = 40, 200  # training images a class
MANY_LAYERS = 60
HARDLY_MOVED = 0.02  # of their size: layers that stayed where they were have stored nothing (a default run moves them by 0.3% to 1%)


def _new_ones(e: Evidence) -> tuple[Fact, ...]:
    """Return for how many new images the validation accuracy speaks."""
    if e.val_accuracy is None or e.n_val is None:
        return ()
    low, high = wilson(e.val_accuracy * e.n_val, e.n_val)
    told = f"{e.val_accuracy:.0%} of {e.n_val} validation images speaks for {low:.0%} to {high:.0%} of new ones"
    return (Fact("new_images", told, e.val_accuracy, low, high),)


@rule("trained-too-long", "Trained past the best epoch", "overfitting")
def trained_too_long(e: Evidence) -> Finding | None:
    """Training went on after the validation loss had turned.

    What it looks like: the validation loss falls, reaches a lowest point and rises again while the training loss keeps falling.

    Why it happens: once the common patterns are learnt, what is left to learn are details of single training images.

    Evidence: rebound of the smoothed validation loss, (last − best) / best, above 4% and above the curve's own jitter.

    What to try: EarlyStopping with restored best weights; fewer epochs; more regularisation if the best point itself is poor.

    References: Prechelt, "Early stopping: but when?", 1998; Google's Deep Learning Tuning Playbook, 2023.
    """
    if e.val_loss is None or e.restored or e.rebound < 0.04 or e.best >= e.n_epochs - 2:
        return None
    epoch = e.when(e.lowest)
    return finding(
        "trained-too-long",
        0.45 + 0.4 * min(e.rebound, 1.0),
        f"The {e.unit}s after the lowest validation loss made the model worse on the validation images.",
        evidence=(Fact("rebound", f"validation loss rose {e.risen:.0%} after {epoch}", e.risen),),
        marks=(Mark("span", "loss", "rises", float(e.epochs[e.lowest]), float(e.epochs[-1])),),
        remedies=("early-stopping", "fewer-epochs"),
    )


@rule("too-few-images", "Too few training images", "overfitting")
def too_few_images(e: Evidence) -> Finding | None:
    """There are so few images of a class that the model can learn each of them by heart.

    What it looks like: training accuracy near 100% after a few epochs, validation accuracy well below.

    Why it happens: a handful of pictures does not show how pictures of a class vary.

    Evidence: fewer than 40 training images a class and a gap between training and validation; or fewer than 200 and a gap of 10 points.

    What to try: more images (the data-amount curve shows what they would bring); augmentation; fewer thawed layers.

    References: Sun et al., "Revisiting unreasonable effectiveness of data", 2017.
    """
    per_class = e.images_per_class
    if per_class is None or per_class >= ENOUGH or (e.gap is not None and e.gap < (0.04 if per_class < FEW else 0.1)):
        return None
    return finding(
        "too-few-images",
        0.95 - 0.35 * per_class / FEW if per_class < FEW else 0.55 - 0.1 * per_class / ENOUGH,
        f"There are only {per_class:.0f} training images a class: few enough to be learnt by heart, too few to show how pictures of a class vary.",
        evidence=(Fact("images_per_class", f"{per_class:.0f} training images a class", per_class), *_new_ones(e)),
        remedies=("more-images", "augment-light", "freeze-all", "more-dropout"),
    )


@rule("too-many-parameters", "Too many trainable parameters for the images", "overfitting")
def too_many_parameters(e: Evidence) -> Finding | None:
    """The part of the network that may learn is far larger than the images can pin down.

    What it looks like: the training curve reaches 100% at once, the validation curve stays behind.

    Why it happens: many thawed layers, or a head on Flatten, have room to store every training image.

    Evidence: trainable parameters an image; how far the thawed kernels moved.

    What to try: freeze more layers; GlobalAveragePooling instead of Flatten; a smaller head.

    References: Yosinski et al., "How transferable are features in deep neural networks?", 2014.
    """
    ratio, trainable = e.parameters_per_image, e.probes.get("trainable_parameters")
    if ratio is None or e.experiment is None:
        return None
    flat, thawed = e.experiment.head.pooling == "flatten", len(e.experiment.freeze.thawed)
    if ratio < 1500 and not (flat and ratio > 60):
        return None
    in_head = 2 * e.probes.get("head_parameters", 0) > trainable
    what = f"the head{' on Flatten' if flat else ''}" if in_head else f"{thawed} thawed layers"
    idle = not in_head and thawed < MANY_LAYERS and e.backbone_moved < HARDLY_MOVED
    return finding(
        "too-many-parameters",
        0.45
        if idle
        else 0.62
        + (0.25 if flat else 0.18 if thawed >= MANY_LAYERS else 0.0),  # at Flatten's best epoch it is poor already
        f"{trainable:,} parameters learn from {e.n_train:,} images, {ratio:,.0f} an image, most of them in {what}. That is room to store every picture.",
        evidence=(Fact("parameters_per_image", f"{ratio:,.0f} trainable parameters an image", ratio),),
        remedies=("pool-average", "freeze-more", "smaller-head")
        if flat
        else ("smaller-head", "more-dropout")
        if in_head
        else ("freeze-more", "freeze-all", "smaller-head"),
    )


@rule("too-little-regularisation", "Too little regularisation", "overfitting")
def too_little_regularisation(e: Evidence) -> Finding | None:
    """Nothing holds the head back from fitting single images.

    What it looks like: a growing gap between the clean training curve and the validation curve.

    Why it happens: no dropout, no augmentation, no weight penalty.

    Evidence: the settings, together with the gap.

    What to try: dropout of 0.5 in the head; light augmentation; weight decay.

    References: Srivastava et al., "Dropout", 2014; Shorten and Khoshgoftaar, "A survey on image data augmentation", 2019.
    """
    x = e.experiment
    if x is None or e.has_dropout or x.augmentation.active or x.training.weight_decay or x.head.output_l2:
        return None
    return finding(
        "too-little-regularisation",
        0.66,
        "The head has no dropout, the images are not augmented and no penalty keeps the weights small: nothing holds the model back from learning single pictures.",
        evidence=(Fact("dropout", "no dropout, no augmentation, no weight decay", 0.0),),
        remedies=("more-dropout", "augment-light", "weight-decay"),
    )


@rule(
    "uncovered-shift", "Validation images look different", "overfitting", "good_fit", "underfitting", "still_improving"
)
def uncovered_shift(e: Evidence) -> Finding | None:
    """Validation images differ from training images in a way that augmentation does not cover.

    What it looks like: training goes well, validation stays poor from the first epoch on.

    Why it happens: another camera, another light, another background.

    Evidence: mean brightness, contrast, saturation or sharpness of the splits differ by more than half a standard deviation, and no augmentation step covers it.

    What to try: augmentation that covers the difference ("match the validation images"); splitting the images again; collecting training images like those.

    References: Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions", 2019.
    """
    note = e.shift
    if note is None:
        return None
    kind = note.code.removeprefix("shift_")
    effect = abs(note.numbers.get("effect", 0.0))
    if effect < 0.8 and (e.gap or 0) < 0.05:
        return None
    worse = (
        f" Training images are recognised {e.train_accuracy:.0%} of the time, validation images {e.val_accuracy:.0%}."
        if e.gap is not None
        else ""
    )
    return finding(
        "uncovered-shift",
        min(0.98, 0.6 + 0.25 * effect),
        f"The validation images differ from the training images in {kind} ({effect:.1f} standard deviations), and no augmentation covers that.{worse}",
        evidence=(Fact(kind, note.text.removesuffix("."), effect),),
        remedies=("match-validation",),
    )
