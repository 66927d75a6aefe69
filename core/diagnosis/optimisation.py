"""Patterns of training that goes wrong."""

import numpy as np

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Fact, Finding
from core.diagnosis.rules import finding, rule


@rule("diverged", "The loss exploded", "unstable")
def diverged(e: Evidence) -> Finding | None:
    """The loss became NaN or infinite, or ended far above where it began.

    What it looks like: a curve that shoots up or breaks off.

    Why it happens: steps so large that each one overshoots.

    Evidence: values that are not finite; last training loss over the first.

    What to try: a tenth of the learning rate; scaled input.

    References: Zhang et al., "AutoTrainer: an automatic DNN training problem detection and repair system", 2021.
    """
    loss = e.column("loss")
    if e.broken:
        what = "became infinite or not a number"
    elif loss is not None and e.n_epochs >= 3 and loss[-1] > 1.5 * loss[0]:
        what = f"rose from {loss[0]:.3g} to {loss[-1]:.3g}"
    else:
        return None
    return finding(
        "diverged", 1.0, f"The loss {what}. Each step overshoots, so the weights run away.", remedies=("rate-down",)
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
    thawed = e.experiment is not None and not e.experiment.freeze.lock_batchnorm and bool(e.experiment.freeze.thawed)
    gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy")
    behind = (e.reported_accuracy or 0) - (e.train_accuracy or 0) if e.is_clean else 0.0
    if not (gap is not None and gap > 0.05) and not ((thawed or e.experiment is None) and behind > 0.12):
        return None
    shown = gap if gap is not None else behind
    size = e.experiment.training.batch_size if e.experiment is not None else None
    small = f" Batches of {size} make their statistics noisy as well." if size and size < 16 else ""
    return finding(
        "batchnorm-thawed",
        0.95,
        f"The very same training images are judged {shown:.0%} better with the statistics of their batch than with BatchNorm's running averages, which validation uses. This is not overfitting: the averages lag behind.{small}",
        evidence=(Fact("batchnorm_gap", f"{shown:.0%} between batch statistics and running averages", shown),),
        remedies=("lock-batchnorm",),
    )


@rule("rate-too-high", "Learning rate too high", "unstable", "underfitting")
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
        jumpy = e.train_oscillation >= 0.3
        return (
            finding(
                "rate-too-high",
                0.6,
                f"The training loss jumped up in {e.train_oscillation:.0%} of the epochs.",
                remedies=("rate-down",),
            )
            if jumpy
            else None
        )
    usual = 1e-1 if x.training.optimizer == "sgd" else 1e-2
    moved = [v for k, v in e.probes.get("update_ratios", {}).items() if not k.startswith(("predictions", "head_"))]
    far = float(np.median(moved)) if moved else 0.0
    high = x.training.learning_rate >= usual
    if not high and far < 0.6 and e.train_oscillation < 0.3:
        return None
    if not high and far < 0.6 and e.n_epochs < 6:
        return None
    moved_text = (
        f" The thawed layers moved by {far:.0%} of their size: what they had learnt is gone." if far > 0.3 else ""
    )
    return finding(
        "rate-too-high",
        0.9 if high else 0.75,
        f"The learning rate {x.training.learning_rate:g} is {'far above the usual' if high else 'too large for these layers'}; the training loss jumped up in {e.train_oscillation:.0%} of the epochs.{moved_text}",
        evidence=(
            Fact("learning_rate", f"learning rate {x.training.learning_rate:g}", x.training.learning_rate),
            Fact("moved", f"thawed kernels moved {far:.0%}", far),
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
    if dead is None or dead < 0.7:
        return None
    return finding(
        "dead-head",
        0.55 + 0.4 * dead,
        f"{dead:.0%} of the head's hidden units are never active on any training image. They have stopped learning for good.",
        evidence=(Fact("dead", f"{dead:.0%} dead units", dead),),
        remedies=("rate-down",),
    )
