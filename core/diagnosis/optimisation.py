"""Patterns of training that goes wrong."""

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule
from core.words import points

BY_HEART = 0.9  # of the way from chance to perfect on the training images


@rule("diverged", "The loss exploded", "unstable")
def diverged(e: Evidence) -> Finding | None:
    """The loss became NaN or infinite, or ended far above where it began.

    What it looks like: a curve that shoots up or breaks off.

    Why it happens: steps so large that each one overshoots.

    Evidence: values that are not finite; last training loss (clean where known) over the first, and over that of guessing.

    What to try: a tenth of the learning rate; scaled input.

    References: Zhang et al., "AutoTrainer: an automatic DNN training problem detection and repair system", 2021.
    """
    if not (e.broken or e.ran_away is not None or e.exploded):
        return None
    facts: tuple[Fact, ...] = ()
    if not e.broken and e.ran_away is not None:
        facts = (Fact("rise", "loss from {:.3g} to {:.3g}".format(*e.ran_away), e.ran_away[1]),)
    elif not e.broken:
        times = e.times_guessing or 0.0
        facts = (Fact("guessing", f"loss {times:.0f} times that of guessing", times),)
    return finding(
        "diverged", 1.0, "Each step overshoots, so the weights run away.", evidence=facts, remedies=("rate-down",)
    )


@rule("batchnorm-thawed", "BatchNorm thawed in a brief run", "unstable")
def batchnorm_thawed(e: Evidence) -> Finding | None:
    """Thawed BatchNorm layers train on batch statistics but are judged by running averages that lag behind.

    What it looks like: the reported training accuracy rises while validation accuracy falls; the clean training accuracy falls with it.

    Why it happens: Keras's MobileNetV2 moves its running averages by 0.1% a step. In a brief run they describe another network.
    It looks like overfitting on the usual curves and is none: the training images are misjudged too.

    Evidence: training images judged with batch statistics minus the same images judged with running averages.

    What to try: keep BatchNorm frozen while thawing the other layers.

    References: Keras guide "Transfer learning and fine-tuning"; keras issue 20285.
    """
    gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy")
    behind = (e.reported_accuracy or 0) - (e.clean_accuracy or 0) if e.clean_accuracy is not None else 0.0
    if not (gap is not None and gap > 0.05) and not (gap is None and e.experiment is None and behind > 0.12):
        return None
    shown = gap if gap is not None else behind
    return finding(
        "batchnorm-thawed",
        0.95,
        f"The very same training images are judged {points(100 * shown)} better with the statistics of their batch than with BatchNorm's running averages, which validation uses. This is not overfitting: the averages lag behind.",
        evidence=(
            Fact("batchnorm_gap", f"{points(100 * shown)} between batch statistics and running averages", shown),
        ),
        remedies=("lock-batchnorm",),
    )


@rule(
    "batchnorm-small-batches",
    "BatchNorm thawed with small batches",
    "unstable",
    "underfitting",
    "overfitting",
    "still_improving",
)
def batchnorm_small_batches(e: Evidence) -> Finding | None:
    """Thawed BatchNorm layers take mean and variance from a handful of images.

    What it looks like: noisy training, a reported training accuracy below the clean one, validation that lags.

    Why it happens: the statistics of two or four images say little about all of them, so each step sees another network.

    Evidence: the batch size, and that BatchNorm layers of the backbone learn.

    What to try: keep BatchNorm frozen; batches of 16 or more.

    References: Wu and He, "Group normalization", 2018 (error grows below 16 images a batch).
    """
    size = e.noisy_batchnorm
    if size is None:
        return None
    return finding(
        "batchnorm-small-batches",
        0.96 if size <= 4 else 0.8,
        f"BatchNorm layers learn from batches of {size}: their means and variances are mostly noise, and what they keep of them fits new images badly.",
        evidence=(Fact("batch_size", f"batches of {size}", float(size)),),
        remedies=("lock-batchnorm", "larger-batches"),
    )


@rule("oscillating", "The loss goes up and down", "unstable", "underfitting")
def oscillating(e: Evidence) -> Finding | None:
    """The training loss jumps up again and again.

    What it looks like: a saw instead of a slope.

    Why it happens: steps that overshoot the valley and land on its other side; very small batches.

    Evidence: share of epochs in which the training loss (clean where known) rose by a tenth of itself and a twentieth of where it began.

    What to try: a tenth of the learning rate; a falling schedule; larger batches.

    References: Zhang et al., "AutoTrainer", 2021 (oscillating loss); Goh, "Why momentum really works", 2017.
    """
    if e.train_oscillation < 0.25 or e.n_epochs < 6:
        return None
    return finding(
        "oscillating",
        0.65,
        f"The training loss jumped up in {e.train_oscillation:.0%} of the epochs. Each step overshoots what it aims at.",
        evidence=(Fact("oscillation", f"jumps in {e.train_oscillation:.0%} of the epochs", e.train_oscillation),),
        remedies=("rate-down", "larger-batches"),
    )


@rule("destroyed-features", "Pretrained features destroyed", "unstable", "underfitting", "overfitting")
def destroyed_features(e: Evidence) -> Finding | None:
    """Thawed layers moved so far that what they had learnt is gone.

    What it looks like: the first epoch after thawing is worse than the frozen network; validation is slow to recover or never does.

    Why it happens: a new head sends large random gradients through pretrained layers, at a rate meant for the head.

    Evidence: thawed kernels that moved by more than half their size, or a validation loss after the first epoch above that of the untrained head.

    What to try: a tenth of the rate for the thawed layers; training the head alone first.

    References: Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution", 2022.
    """
    x = e.experiment
    if x is None or not x.freeze.thawed or x.backbone.weights == "random" or not x.freeze.lock_batchnorm:
        return None
    far, start = e.backbone_moved, (e.probes.get("initial") or {}).get("val_loss")
    first = float(e.val_loss[0]) if e.val_loss is not None else None
    worse = start is not None and first is not None and first > 1.3 * start
    if far < 0.5 and not (worse and x.training.warmup_epochs == 0):
        return None
    rate = x.training.learning_rate * x.training.backbone_rate_factor
    shock = (
        f" After the first epoch the validation loss was {first:.2g}, above the {start:.2g} of the untrained head."
        if worse
        else ""
    )
    return finding(
        "destroyed-features",
        0.86,
        f"At a rate of {rate:.2g} the thawed layers moved by {far:.0%} of their size: much of what they had learnt is gone.{shock}",
        evidence=(Fact("moved", f"thawed kernels moved by {far:.0%} of their size", far),),
        remedies=("backbone-rate-down", "warm-up", "freeze-more"),
    )


@rule("rate-too-high", "Learning rate too high", "unstable", "underfitting", "still_improving", "overfitting")
def rate_too_high(e: Evidence) -> Finding | None:
    """The steps are so large that they destroy what was learnt.

    What it looks like: the first epoch after thawing is worse than the frozen network, or the curves jump up and down.

    Why it happens: pretrained layers need small steps; a rate for a new head is too large for them.

    Evidence: rate and optimiser, rises of the training loss, thawed kernels that moved by more than half their size.

    What to try: a tenth of the rate; a smaller rate for the thawed layers; head-first warm-up.

    References: Howard and Ruder, "Universal language model fine-tuning", 2018 (discriminative rates).
    """
    x = e.experiment
    if x is None:
        return None
    usual = 1e-1 if x.training.optimizer == "sgd" else 1e-2
    rate = x.training.learning_rate
    high = rate >= usual
    if not high and e.backbone_moved < 0.6 and not (e.train_oscillation >= 0.25 and e.n_epochs >= 6):
        return None
    wild = rate >= 10 * usual or (e.learnt or 0) < BY_HEART  # a high rate that went well explains less
    seen = [
        f"the training loss jumped up in {e.train_oscillation:.0%} of the epochs" if e.train_oscillation else "",
        f"the thawed layers moved by {e.backbone_moved:.0%} of their size" if e.backbone_moved > 0.3 else "",
    ]
    told = "; ".join(filter(None, seen)) or f"usual is up to {usual / 10:g}"
    return finding(
        "rate-too-high",
        (0.9 if wild else 0.6) if high else 0.75,
        f"The learning rate {rate:g} is {'far above what is usual' if high else 'too large for these layers'}: {told}.",
        evidence=(
            Fact("learning_rate", f"learning rate {rate:g}, usual is up to {usual / 10:g}", rate),
            Fact("moved", f"thawed kernels moved {e.backbone_moved:.0%}", e.backbone_moved),
        ),
        remedies=("rate-down", "backbone-rate-down", "warm-up"),
    )


@rule("dead-head", "Dead units in the head", "underfitting", "unstable")
def dead_head(e: Evidence) -> Finding | None:
    """Most hidden ReLU units of the head are never active, so nothing flows through them.

    What it looks like: the training loss stays where it was after a bad first epoch.

    Why it happens: a large step pushed the units below zero for every image; their gradient is zero from then on.

    Evidence: share of hidden units that no training image activates.

    What to try: a lower rate; another activation.

    References: Lu et al., "Dying ReLU and initialization", 2019.
    """
    dead = e.probes.get("dead_head_units")
    if dead is None or dead < 0.7 or (e.learnt is not None and e.learnt > 0.5):
        return None
    return finding(
        "dead-head",
        0.45 + 0.38 * dead,
        f"{dead:.0%} of the head's hidden units are never active on any training image. They have stopped learning for good.",
        evidence=(Fact("dead", f"{dead:.0%} dead units", dead),),
        remedies=("rate-down",),
    )
