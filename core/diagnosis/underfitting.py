"""Patterns that explain underfitting."""

import numpy as np

from core.diagnosis.evidence import FALLING, Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule
from core.experiment import DenseLayer, DropoutLayer
from core.network import advice
from core.statistics import wilson
from core.words import points

COLLAPSED = 0.04  # standard deviation of pooled features across images; pretrained ones have 0.15 and more

# Of the way from chance to perfect. With unrelated labels the upper bound lay at 0.09 to 0.19, with right ones that features hardly tell apart at
# 0.21 to 0.24 (two folders, 200 validation images).
NOTHING = 0.2
KNOWN_ALL = 0.98  # of its training images: what may learn was enough for them
FEW_EPOCHS = 5
NOTHING_LEFT = 0.95  # accuracy that a validation accuracy may well be: better weights could hardly be seen
BEYOND_COLOURS = 0.05  # accuracy that the network reaches beyond what mean colours tell


@rule("not-pretrained", "Frozen layers that know nothing", "underfitting", "still_improving", "unstable")
def not_pretrained(e: Evidence) -> Finding | None:
    """The frozen part was never trained.

    What it looks like: both curves stay near chance whatever the head does.

    Why it happens: random weights mix the pixels, but no feature stands for anything that pictures have in common.

    Evidence: the weights used, and that most layers are frozen.

    What to try: pretrained weights (ImageNet, or the built-in ones).

    References: Yosinski et al., "How transferable are features in deep neural networks?", 2014 (random frozen layers).
    """
    if e.experiment is None or e.experiment.backbone.weights != "random":
        return None
    spread = e.probes.get("feature_std")
    shown = f": its features vary by only {spread:.2g} from image to image" if spread is not None else ""
    return finding(
        "not-pretrained",
        0.97,
        f"The backbone is not pretrained{shown}. A head cannot tell apart what looks the same to it.",
        evidence=(Fact("feature_std", f"features vary by {spread or 0:.2g} across images", spread or 0.0),),
        remedies=("pretrained-weights",),
    )


@rule("weak-weights", "Built-in weights on photographs", "underfitting", "overfitting", "still_improving")
def weak_weights(e: Evidence) -> Finding | None:
    """The frozen layers know edges and colours, and the pictures show kinds of things.

    What it looks like: validation stays clearly below what a person reaches, whatever the head and its regularisation.

    Why it happens: the built-in weights were trained on drawn pictures; ImageNet's on 1.3 million photographs of 1,000 kinds of things.

    Evidence: the weights used, photographs of somebody's own, and a validation accuracy that leaves room.

    What to try: ImageNet's weights, downloaded or from a file.

    References: measured on photographs of cats and dogs, in docs/builtin-weights.md.
    """
    x = e.experiment
    said = advice.of_photographs(x.data, x.backbone) if x is not None else None
    if said is None or e.val_accuracy is None or not e.n_val:
        return None
    high = wilson(e.val_accuracy * e.n_val, e.n_val)[1]
    if high >= NOTHING_LEFT:
        return None
    return finding(
        "weak-weights",
        0.35,
        said,
        evidence=(
            Fact("val_accuracy", f"validation accuracy {e.val_accuracy:.0%}, at most {high:.0%}", e.val_accuracy),
        ),
    )


@rule("constant-features", "Features that do not vary between images", "underfitting", "unstable")
def constant_features(e: Evidence) -> Finding | None:
    """The pretrained part gives (nearly) the same features for every picture.

    What it looks like: both losses stay at the level of guessing from the first epoch on.

    Why it happens: pictures that are all alike to the network (black, blank, wrongly scaled), or running averages that never converged.

    Evidence: standard deviation of the pooled features across training images, measured before training.

    What to try: looking at the pictures; other pretrained weights.

    References: measured: ImageNet features vary by about 0.4 to 0.9, the built-in ones by 0.15 to 0.4, those of black pictures by less than 0.04.
    """
    spread = e.probes.get("feature_std")
    if spread is None or spread > COLLAPSED or (e.experiment is not None and e.experiment.backbone.weights == "random"):
        return None
    return finding(
        "constant-features",
        0.95,
        f"Before training, the features varied by only {spread:.2g} from image to image. A head cannot tell apart what looks the same to it.",
        evidence=(Fact("feature_std", f"features vary by {spread:.2g} across images", spread),),
        remedies=("pretrained-weights",),
    )


@rule("wrong-scaling", "Wrong input scaling")
def wrong_scaling(e: Evidence) -> Finding | None:
    """The pixels use hardly any of the scale from 0 to 255 that the network expects.

    What it looks like: training that is slow or stays at chance, with pictures that look black on the Data page.

    Why it happens: images divided by 255 before they were saved as whole numbers, masks with values 0 and 1, 16-bit scans cut to 8 bits.

    Evidence: the brightest pixel of most training images.

    What to try: saving the pictures again with values from 0 to 255.

    References: Schoop, Huang and Hartmann, "UMLAUT", 2021 (input outside the expected range).
    """
    note = e.note("scaling")
    if note is None:
        return None
    brightest = note.numbers.get("brightest", 0.0)
    return finding(
        "wrong-scaling",
        0.99,
        f"The brightest pixels of the training images are about {brightest:.0f} on a scale of 0 to 255, so the network sees nearly black pictures. They were probably divided before they were saved.",
        evidence=(Fact("brightest", f"brightest pixel {brightest:.0f} of 255", brightest),),
    )


@rule("low-resolution", "Pictures without detail", "underfitting", "overfitting", "still_improving")
def low_resolution(e: Evidence) -> Finding | None:
    """The pictures hold too few pixels to show what tells the classes apart.

    What it looks like: curves that level off far from perfect, whatever is changed about the model.

    Why it happens: thumbnails that were enlarged; a camera too far away.

    Evidence: training pictures lose nothing when shrunk to a few pixels and enlarged again.

    What to try: the original pictures in full size; looking at them: could a person tell?

    References: Torralba, "How many pixels make an image?", Visual Neuroscience 2009: people need about 32 × 32.
    """
    note = e.note("low_resolution")
    if note is None or (e.val_accuracy or 0) > 0.9:
        return None
    side = note.numbers.get("pixels", 0)
    by_colour = (
        e.beyond_colours is not None and e.beyond_colours < BEYOND_COLOURS
    )  # a flat tint leaves no detail either
    return finding(
        "low-resolution",
        0.8 if by_colour else 0.94,
        f"The pictures hold no more detail than {side:.0f} × {side:.0f} pixels, and validation accuracy is {e.val_accuracy or 0:.0%}. What tells the classes apart may simply not be in them.",
        evidence=(Fact("pixels", f"detail of {side:.0f} × {side:.0f} pixels", float(side)),),
        remedies=("larger-images",),
    )


@rule("rate-too-low", "Learning rate too low", "underfitting", "still_improving")
def rate_too_low(e: Evidence) -> Finding | None:
    """The steps are so small that the curves hardly move.

    What it looks like: both losses fall slowly and in a nearly straight line, far from levelling off.

    Why it happens: a rate meant for fine-tuning used for a new head, or a schedule that fell too early.

    Evidence: a mean rate (schedule included) of at most an eighth of the usual one; how far the last layer moved.

    What to try: ten times the rate; the learning-rate finder.

    References: Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    if e.experiment is None:
        return None
    rate, kind = e.learning_rate or e.experiment.training.learning_rate, e.experiment.training.optimizer
    usual = 1e-2 if kind == "sgd" else 1e-3
    moved = e.probes.get("update_ratios", {}).get("predictions")
    if rate > usual / 8:
        return None
    return finding(
        "rate-too-low",
        0.9 if rate <= usual / 30 else 0.86,
        f"The learning rate is {rate:.2g} on average, where {usual:g} is usual for {kind}; over the whole run the last layer's weights moved by {moved or 0:.0%} of their size. There was not enough movement to fit the images.",
        evidence=(Fact("learning_rate", f"mean learning rate {rate:.2g}", rate),),
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
    behind = (e.clean_accuracy or 0) - (e.reported_accuracy or 0)
    if strength < 1.5:
        return None
    gap = (
        f" While training they are recognised less often than unchanged, by {points(100 * behind)}."
        if behind > 0.02
        else ""
    )
    return finding(
        "too-much-augmentation",
        0.7 + 0.07 * min(strength, 3.5),
        f"The strengths of the augmentation add up to {strength:.1f}, where light augmentation has 0.6: the training images are changed beyond what new images look like.{gap}",
        evidence=(
            Fact("strength", f"strengths add up to {strength:.1f}", strength),
            Fact("behind", f"{behind:.0%} lower accuracy on augmented images", behind),
        ),
        remedies=("augment-light", "augment-none"),
    )


@rule("too-much-penalty", "Too strong a weight penalty", "underfitting", "still_improving")
def too_much_penalty(e: Evidence) -> Finding | None:
    """A penalty keeps the weights so small that they cannot express the task.

    What it looks like: a high loss that levels off early in both curves.

    Why it happens: L2 or weight decay far above the usual, or much label smoothing.

    Evidence: L2 in the head, or a tenth of the weight decay, of 0.02 or more.

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
        0.92,
        f"The weight penalty is {strongest:g}, where 0.0001 to 0.001 is usual. It pulls the weights to zero faster than the images can push them up.",
        evidence=(Fact("penalty", f"penalty {strongest:g}", strongest),),
        remedies=("less-penalty",),
    )


@rule("too-much-smoothing", "Too much label smoothing", "underfitting", "still_improving")
def too_much_smoothing(e: Evidence) -> Finding | None:
    """The targets themselves say that no answer may be sure.

    What it looks like: losses that level off far above zero in both curves, with answers that are right but never sure.

    Why it happens: label smoothing takes part of the target from the right class and spreads it over all.

    Evidence: the setting, and validation accuracy far above the mean confidence.

    What to try: smoothing of 0.1 or none.

    References: Szegedy et al., "Rethinking the Inception architecture", 2016 (0.1); Müller, Kornblith and Hinton, "When does label smoothing help?", 2019.
    """
    amount = e.experiment.training.label_smoothing if e.experiment is not None else 0.0
    if amount < 0.25:
        return None
    return finding(
        "too-much-smoothing",
        0.93,
        f"Label smoothing is {amount:g}, where 0.1 is usual. The model is trained to be unsure even where it is right.",
        evidence=(
            Fact("label_smoothing", f"label smoothing {amount:g}", amount),
            Fact("underconfidence", f"{points(100 * e.underconfidence)} more often right than sure", e.underconfidence),
        ),
        remedies=("less-penalty",),
    )


@rule(
    "too-little-capacity",
    "Too few trainable layers or too small a head",
    "underfitting",
    "still_improving",
    "overfitting",
)
def too_little_capacity(e: Evidence) -> Finding | None:
    """What may learn is too small for the task.

    What it looks like: both curves level off early and close together, far from perfect.

    Why it happens: a hidden layer narrower than the number of classes squeezes out what tells them apart; or the frozen features were made
    for other pictures, and a small head cannot bend them to these.

    Evidence: the narrowest hidden layer; few trainable parameters, curves that are level, training accuracy far from 100%.

    What to try: a wider head; thaw the last layers (BatchNorm locked) at a small rate.

    References: Yosinski et al., 2014; Kornblith et al., "Do better ImageNet models transfer better?", 2019.
    """
    if e.experiment is None:
        return None
    if e.narrowest is not None and e.narrowest <= max(2, (e.n_classes or 2) // 2):
        return finding(
            "too-little-capacity",
            0.96,
            f"All the model knows passes through a layer of {e.narrowest} unit{'s' if e.narrowest > 1 else ''}, which is too narrow for {e.n_classes or 'these'} classes.",
            evidence=(Fact("narrowest", f"narrowest hidden layer: {e.narrowest}", float(e.narrowest)),),
            remedies=("wider-head",),
        )
    learnt_enough = (e.gap or 0) > 0.1 or (e.learnt or 0) >= KNOWN_ALL
    if learnt_enough or e.still_falling > max(FALLING, e.val_noise):
        return None
    trainable = e.probes.get("trainable_parameters")
    if len(e.experiment.freeze.thawed) >= 20 and (trainable is None or trainable >= 20_000):
        return None
    count = f"{trainable:,} parameters" if trainable else "few layers"
    return finding(
        "too-little-capacity",
        0.6,
        f"Only {count} may learn, and the training accuracy has levelled off. The frozen features do not separate these classes well enough.",
        evidence=(Fact("trainable", f"{count} trainable", float(trainable or 0)),),
        remedies=("thaw-more", "wider-head", "larger-images"),
    )


@rule("uninformative-input", "Labels that say nothing about the pictures", "underfitting", "overfitting")
def uninformative_input(e: Evidence) -> Finding | None:
    """Whatever is learnt from the training images does not help on new ones at all.

    What it looks like: training accuracy creeps up picture by picture, validation stays at chance.

    Why it happens: labels mixed up, or classes that the pictures do not show.

    Evidence: validation accuracy no better than always naming the largest class, with pretrained weights, a usual rate, features that vary, and a
    model that did learn something about its training images; or, whatever the network did, a linear model on the frozen features that surely fails on
    training images that it was not fitted to. Where that linear model succeeds, the pictures are not blamed. Only where the upper bound of the validation accuracy, too, is within a fifth of the way
    from chance to perfect does it say that the labels may mean nothing; else there are too few validation images, or weak features, to tell.

    What to try: looking at the pictures of each class: could a person tell?

    References: Zhang et al., "Understanding deep learning requires rethinking generalization", 2017 (random labels are learnt by heart).
    """
    if e.val_accuracy is None or e.n_val is None or e.n_epochs < 3:
        return None
    if (
        e.note("shift_") is not None or e.note("imbalance") is not None
    ):  # either alone can bring validation down to chance
        return None
    linear = e.linear_bound
    failed = linear is not None and linear <= e.chance + NOTHING * (1 - e.chance)
    if linear is not None and not failed:
        return None
    margin = 1.64 * np.sqrt(e.chance * (1 - e.chance) / max(e.n_val, 1))
    pretrained = e.experiment is not None and e.experiment.backbone.weights != "random"
    varied = (e.probes.get("feature_std") or 1) > COLLAPSED
    if not (pretrained and varied and (failed or _learnt_in_vain(e, margin))) or e.val_accuracy > e.chance + margin:
        return None
    highest = wilson(e.val_accuracy * e.n_val, e.n_val)[1]
    nothing = failed or highest <= e.chance + NOTHING * (1 - e.chance)
    why = (
        f"A linear model on the frozen features does no better on images that it was not fitted to ({linear:.0%} at most): the labels may have nothing to do with the pictures."
        if failed
        else f"It learnt {e.train_accuracy:.0%} of its training images, and next to nothing of that carries over: the labels may have nothing to do with the pictures."
        if nothing
        else f"With {e.n_val} validation images the truth may be up to {highest:.0%}. Perhaps the network's features hardly tell these classes apart, perhaps the labels are not about the pictures."
    )
    return finding(
        "uninformative-input",
        0.93 if nothing else 0.6,
        f"On new images the model is right {e.val_accuracy:.0%} of the time; always naming the largest class would give {e.chance:.0%}. {why}",
        evidence=(
            Fact("val_accuracy", f"validation accuracy {e.val_accuracy:.0%}, chance {e.chance:.0%}", e.val_accuracy),
        ),
        remedies=("larger-images",),
    )


def _learnt_in_vain(e: Evidence, margin: float) -> bool:
    """Tell whether the network learnt training images at a usual rate."""
    x = e.experiment
    wild = x is not None and x.training.learning_rate >= (0.1 if x.training.optimizer == "sgd" else 0.01)
    alive = (e.probes.get("dead_head_units") or 0) < 0.7
    return not wild and alive and e.gap is not None and e.gap > max(0.06, margin)


@rule("plateau", "Training that stopped moving", "underfitting")
def plateau(e: Evidence) -> Finding | None:
    """The training loss has become level far from where it could be.

    What it looks like: a training curve that falls, then runs flat while many training images are still wrong.

    Why it happens: a schedule that took the rate away too early, a flat region, units that died.

    Evidence: training loss fell less than 1% over the last quarter of the run; last learning rate over the first.

    What to try: a larger rate, or a schedule that falls later; see also the other findings.

    References: SageMaker Debugger, rule LossNotDecreasing; Google's Deep Learning Tuning Playbook, 2023.
    """
    if e.train_loss is None or e.n_epochs < 6 or e.train_falling > 0.01 or e.train_oscillation > 0.1:
        return None
    rates = e.column("learning_rate")
    faded = rates is not None and rates[-1] < 0.1 * np.nanmax(rates)
    why = " The schedule had taken away nine tenths of the learning rate by then." if faded else ""
    return finding(
        "plateau",
        0.8 if faded else 0.45,
        f"The training loss moved by only {abs(e.train_falling):.1%} over the last quarter of the run, though many training images are still wrong.{why}",
        evidence=(Fact("falling", f"training loss fell {e.train_falling:.1%} over the last quarter", e.train_falling),),
        remedies=("constant-rate", "rate-up") if faded else ("rate-up", "thaw-more"),
    )


@rule("stopped-too-early", "Stopped while still improving", "still_improving", "underfitting")
def stopped_too_early(e: Evidence) -> Finding | None:
    """Training ended before the curves levelled off.

    What it looks like: both losses still fall at the right edge of the plot.

    Why it happens: too few epochs, or EarlyStopping with too little patience.

    Evidence: relative fall of the validation loss over the last quarter of the run, above its jitter; after five epochs or fewer, that of the
    training loss while validation does not rise.

    What to try: twice the epochs, with EarlyStopping.

    References: Google's Deep Learning Tuning Playbook, 2023, "how long to train".
    """
    barely_begun = e.n_epochs <= FEW_EPOCHS and e.train_falling > FALLING / 2 and e.still_falling > 0
    falling = e.still_falling > max(FALLING, e.val_noise) or barely_begun
    if not falling or e.best < e.n_epochs - max(2, e.n_epochs // 5):
        return None
    return finding(
        "stopped-too-early",
        0.6 + min(e.still_falling, 0.25),
        "It ended before its curves had levelled off: more epochs would probably go on lowering the loss.",
        evidence=(Fact("falling", e.still_falling_in_words, e.still_falling),),
        remedies=("more-epochs", "rate-up"),
    )
