"""Patterns that explain underfitting."""

import numpy as np

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule
from core.experiment import DenseLayer, DropoutLayer


@rule("not-pretrained", "Frozen layers that know nothing", "underfitting")
def not_pretrained(e: Evidence) -> Finding | None:
    """The frozen part was never trained, or its features hardly differ from image to image.

    What it looks like: both curves stay near chance whatever the head does.

    Why it happens: random weights, or running averages that never converged, give nearly the same features for every image.

    Evidence: the weights used, and the standard deviation of the pooled features across training images.

    What to try: pretrained weights (ImageNet, or the built-in ones).

    References: measured: ImageNet features vary by about 0.9, collapsed ones by 2e-5.
    """
    random = e.experiment is not None and e.experiment.backbone.weights == "random"
    spread = e.probes.get("feature_std")
    if not random and (spread is None or spread > 0.01):
        return None
    value = spread if spread is not None else 0.0
    return finding(
        "not-pretrained",
        0.97,
        f"The backbone is {'not pretrained' if random else 'collapsed'}: its features vary by only {value:.2g} from image to image. A head cannot tell apart what looks the same to it.",
        evidence=(Fact("feature_std", f"features vary by {value:.2g} across images", value),),
        remedies=("pretrained-weights",),
    )


@rule("rate-too-low", "Learning rate too low", "underfitting", "still_improving")
def rate_too_low(e: Evidence) -> Finding | None:
    """The steps are so small that the curves hardly move.

    What it looks like: both losses fall slowly and in a nearly straight line, far from levelling off.

    Why it happens: a rate meant for fine-tuning used for a new head, or a schedule that fell too early.

    Evidence: the head's kernels moved by less than a few percent over the whole run, at a rate below the usual.

    What to try: ten times the rate; the learning-rate finder.

    References: Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    if e.experiment is None:
        return None
    rate, kind = e.experiment.training.learning_rate, e.experiment.training.optimizer
    usual = 1e-2 if kind == "sgd" else 1e-3
    moved = e.probes.get("update_ratios", {}).get("predictions")
    if rate > usual / 8 or (moved is not None and moved > 0.25):
        return None
    return finding(
        "rate-too-low",
        0.9 if rate <= usual / 30 else 0.7,
        f"The learning rate is {rate:g}, where {usual:g} is usual for {kind}; over the whole run the last layer's weights moved by {moved or 0:.0%} of their size. The model has hardly begun to learn.",
        evidence=(Fact("learning_rate", f"learning rate {rate:g}", rate),),
        remedies=("rate-up", "more-epochs"),
    )


@rule("too-much-dropout", "Too much dropout", "underfitting", "still_improving")
def too_much_dropout(e: Evidence) -> Finding | None:
    """So many units are dropped that what is left cannot do the task.

    What it looks like: the reported training accuracy is far below the clean one, and both stay low.

    Why it happens: with a rate of 0.9 only one unit in ten carries the signal of a step.

    Evidence: the rates in the head.

    What to try: a rate of 0.5 or less; a wider layer.

    References: Srivastava et al., "Dropout", 2014, section 7.3: 0.5 to 0.8 of the units kept work best.
    """
    if e.experiment is None:
        return None
    kept = float(np.prod([1 - x.rate for x in e.experiment.head.layers if isinstance(x, DropoutLayer)] or [1.0]))
    if kept > 0.2:
        return None
    return finding(
        "too-much-dropout",
        0.75 + 0.2 * (1 - kept / 0.2),
        f"Dropout lets only {kept:.0%} of the signal through the head in each step. The model cannot learn what it hardly sees.",
        evidence=(Fact("kept", f"{kept:.0%} of the signal kept", kept),),
        remedies=("less-dropout",),
    )


@rule("too-much-augmentation", "Too much augmentation", "underfitting", "still_improving")
def too_much_augmentation(e: Evidence) -> Finding | None:
    """The training images are changed so much that they no longer show what they are of.

    What it looks like: the reported training accuracy stays far below both the clean training and the validation accuracy.

    Why it happens: several strong changes at once make pictures that never occur.

    Evidence: the sum of strengths, and reported minus clean training accuracy.

    What to try: light augmentation; look at the preview: could you still tell the class?

    References: Cubuk et al., "RandAugment", 2020: the best magnitude grows with model and data size.
    """
    if e.experiment is None or not e.experiment.augmentation.active:
        return None
    strength = sum(s.strength for s in e.experiment.augmentation.active if s.kind != "flip")
    behind = (e.train_accuracy or 0) - (e.reported_accuracy or 0)
    if strength < 1.5 or behind < 0.05:
        return None
    return finding(
        "too-much-augmentation",
        0.6 + 0.1 * min(strength, 3.5),
        f"The augmented training images are recognised {behind:.0%} less often than the same images unchanged. They are changed beyond what new images look like.",
        evidence=(
            Fact("strength", f"strengths add up to {strength:.1f}", strength),
            Fact("behind", f"{behind:.0%} lower accuracy on augmented images", behind),
        ),
        remedies=("augment-light", "augment-none"),
    )


@rule("too-much-penalty", "Too strong a weight penalty", "underfitting")
def too_much_penalty(e: Evidence) -> Finding | None:
    """A penalty keeps the weights so small that they cannot express the task.

    What it looks like: a high loss that levels off early in both curves.

    Why it happens: L2 or weight decay far above the usual, or much label smoothing.

    Evidence: the settings.

    What to try: a tenth of the penalty, or none.

    References: Krogh and Hertz, "A simple weight decay can improve generalization", 1991.
    """
    if e.experiment is None:
        return None
    x = e.experiment
    strongest = max(
        [x.head.output_l2, x.training.weight_decay / 10, *(d.l2 for d in x.head.layers if isinstance(d, DenseLayer))]
    )
    if strongest < 0.02:
        return None
    return finding(
        "too-much-penalty",
        0.85,
        f"The weight penalty is {strongest:g}, where 0.0001 to 0.001 is usual. It pulls the weights to zero faster than the images can push them up.",
        evidence=(Fact("penalty", f"penalty {strongest:g}", strongest),),
        remedies=("less-penalty",),
    )


@rule("too-little-capacity", "Too few trainable layers or too small a head", "underfitting")
def too_little_capacity(e: Evidence) -> Finding | None:
    """What may learn is too small for the task.

    What it looks like: both curves level off early and close together, far from perfect.

    Why it happens: the frozen features were made for other pictures, and a small head cannot bend them to these.

    Evidence: few trainable parameters, curves that are level, training accuracy far from 100%.

    What to try: thaw the last layers (BatchNorm locked) at a small rate; a wider head.

    References: Yosinski et al., 2014; Kornblith et al., "Do better ImageNet models transfer better?", 2019.
    """
    if e.experiment is None:
        return None
    trainable = e.probes.get("trainable_parameters")
    few = len(e.experiment.freeze.thawed) < 20 or (trainable is not None and trainable < 20_000)
    if not few:
        return None
    count = f"{trainable:,} parameters" if trainable else "few layers"
    return finding(
        "too-little-capacity",
        0.6,
        f"Only {count} may learn, and the training accuracy has levelled off. The frozen features do not separate these classes well enough.",
        evidence=(Fact("trainable", f"{count} trainable", float(trainable or 0)),),
        remedies=("thaw-more", "wider-head", "larger-images"),
    )


@rule("uninformative-input", "Input without the information", "underfitting", "overfitting")
def uninformative_input(e: Evidence) -> Finding | None:
    """The pictures do not hold what would tell the classes apart.

    What it looks like: validation stays at chance whatever is changed.

    Why it happens: the resolution is too low, or the labels have nothing to do with the pictures.

    Evidence: validation accuracy no better than always naming the largest class, with pretrained weights and a usual rate.

    What to try: larger images; looking at the pictures: could a person tell?

    References: Google's Rules of Machine Learning, rule 32 and following.
    """
    if e.val_accuracy is None or e.n_val is None or e.n_epochs < 3 or e.note("shift_") is not None:
        return None
    margin = 1.64 * np.sqrt(e.chance * (1 - e.chance) / max(e.n_val, 1))
    pretrained = (
        e.experiment is not None
        and e.experiment.backbone.weights != "random"
        and (e.probes.get("feature_std") or 1) > 0.01
    )
    if not pretrained or e.val_accuracy > e.chance + margin:
        return None
    return finding(
        "uninformative-input",
        0.88,
        f"On new images the model is right {e.val_accuracy:.0%} of the time; always naming the largest class would give {e.chance:.0%}. The pictures at this size, or these labels, do not hold what is asked for.",
        evidence=(
            Fact("val_accuracy", f"validation accuracy {e.val_accuracy:.0%}, chance {e.chance:.0%}", e.val_accuracy),
        ),
        remedies=("larger-images",),
    )


@rule("stopped-too-early", "Stopped while still improving", "still_improving", "underfitting")
def stopped_too_early(e: Evidence) -> Finding | None:
    """Training ended before the curves levelled off.

    What it looks like: both losses still fall at the right edge of the plot.

    Why it happens: too few epochs, or EarlyStopping with too little patience.

    Evidence: relative fall of the validation loss over the last quarter of the run, above its jitter.

    What to try: twice the epochs, with EarlyStopping.

    References: Google's Deep Learning Tuning Playbook, 2023, "how long to train".
    """
    if e.still_falling <= max(0.06, e.val_noise) or e.best < e.n_epochs - max(2, e.n_epochs // 5):
        return None
    return finding(
        "stopped-too-early",
        0.6 + min(e.still_falling, 0.25),
        f"Over the last quarter of the run the validation loss fell by {e.still_falling:.0%}. More epochs would go on lowering it.",
        evidence=(
            Fact("falling", f"validation loss fell {e.still_falling:.0%} over the last quarter", e.still_falling),
        ),
        remedies=("more-epochs", "rate-up"),
    )
