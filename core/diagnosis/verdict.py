"""From evidence to one of six verdicts, with a confidence."""

from dataclasses import dataclass

import numpy as np

from core.diagnosis.evidence import Evidence

# Thresholds: where each comes from is said in docs/diagnosis.md.
REBOUND = 0.04  # rebound of validation loss that separates 40 published and 419 simulated histories best
GAP = 0.15  # training minus validation accuracy that is overfitting without any rebound
LEARNT = 0.72  # below this share of the way from chance to perfect on its own training images, a model underfits
FALLING = 0.06  # relative fall over the last quarter that is worth training on for
MIN_EPOCHS = 3


@dataclass(frozen=True)
class Judgement:
    """A verdict before its causes are known."""

    verdict: str
    confidence: float
    because: str


def judge(e: Evidence) -> Judgement:
    """Return the verdict; the order of the questions is the order in which one pattern can fake another."""
    for question in (
        _broken,
        _too_little,
        _batchnorm,
        _oscillating,
        _rising,
        _unpaired,
        _wide_gap,
        _improving,
        _not_learnt,
    ):
        answer = question(e)
        if answer:
            return answer
    return _good(e)


def _broken(e: Evidence) -> Judgement | None:
    if e.broken:
        return Judgement("unstable", 0.98, "the loss became infinite or not a number")
    loss = e.column("loss")
    if loss is not None and e.n_epochs >= 3 and loss[-1] > 1.5 * loss[0] and loss[-1] > 1.2 * np.nanmin(loss):
        return Judgement("unstable", 0.9, f"the training loss rose from {loss[0]:.3g} to {loss[-1]:.3g}")
    return None


def _too_little(e: Evidence) -> Judgement | None:
    if e.n_epochs < MIN_EPOCHS:
        return Judgement(
            "inconclusive",
            0.9,
            f"{e.n_epochs} epoch{'s' if e.n_epochs > 1 else ''} are too few to see where the curves go",
        )
    return None


def _batchnorm(e: Evidence) -> Judgement | None:
    """Batch statistics and running averages disagree: looks like overfitting on the usual curves and is none."""
    gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy")
    reported, clean = e.reported_accuracy, e.train_accuracy
    if gap is not None and gap > 0.08:
        return Judgement(
            "unstable",
            0.9,
            f"the same training images are judged {gap:.0%} better with batch statistics than with running averages",
        )
    if gap is None and e.is_clean and reported is not None and clean is not None and reported - clean > 0.12:
        return Judgement(
            "unstable", 0.7, f"the training accuracy is {reported:.0%} while training but {clean:.0%} in inference mode"
        )
    return None


def _oscillating(e: Evidence) -> Judgement | None:
    if e.train_oscillation >= 0.3 and e.n_epochs >= 6:
        return Judgement("unstable", 0.8, f"the training loss jumped up in {e.train_oscillation:.0%} of the epochs")
    return None


def _rising(e: Evidence) -> Judgement | None:
    if e.val_loss is None:
        return None
    needed = max(
        REBOUND, 1.5 * e.val_noise / np.sqrt(min(3, max(1, e.n_epochs // 8))), 0.3 / np.sqrt(e.n_val) if e.n_val else 0
    )
    if e.rebound < needed or e.best >= e.n_epochs - 1:
        return None
    if _harmless(e):
        return None
    sure = 0.6 + 0.35 * (1 - np.exp(-(e.rebound - needed) / 0.15))
    return Judgement(
        "overfitting", float(sure), f"the validation loss rose {e.rebound:.0%} after epoch {e.epoch_of(e.best)}"
    )


def _harmless(e: Evidence) -> bool:
    """Tell whether a rise of the loss is only confidence on a task that is solved: accuracy high, kept, and no gap."""
    accuracy = e.column("val_accuracy")
    if accuracy is None or e.val_loss is None or e.gap is None or e.rebound > 0.5:
        return False
    absolute = e.rebound * float(np.nanmin(e.val_loss))
    return bool(e.val_accuracy >= np.nanmax(accuracy) - 0.02 and e.gap < 0.05 and absolute < 0.05)


def _unpaired(e: Evidence) -> Judgement | None:
    if e.val_loss is None:
        return Judgement("inconclusive", 0.8, "there is no validation loss, so nothing can be said about new images")
    if e.n_val is not None and e.n_val < 12:
        return Judgement(
            "inconclusive", 0.7, f"{e.n_val} validation images are too few to tell a difference from chance"
        )
    return None


def _wide_gap(e: Evidence) -> Judgement | None:
    if e.gap is None or e.gap < GAP or (e.gap_low or 0) < 0.04:
        return None
    if e.still_falling > 2 * FALLING and (e.learnt or 1) < 0.9:
        return None
    sure = min(0.95, 0.6 + (e.gap - GAP))
    return Judgement(
        "overfitting",
        sure,
        f"training accuracy is {e.train_accuracy:.0%}, validation accuracy only {e.val_accuracy:.0%}",
    )


def _improving(e: Evidence) -> Judgement | None:
    late_best = e.best >= e.n_epochs - max(2, e.n_epochs // 5)
    solved = e.val_accuracy is not None and e.val_accuracy > 0.97
    hardly = e.learnt is not None and e.learnt < 0.35 and e.still_falling < 3 * FALLING
    if late_best and e.still_falling > max(FALLING, e.val_noise) and not solved and not hardly:
        sure = min(0.92, 0.55 + e.still_falling)
        return Judgement(
            "still_improving",
            sure,
            f"the validation loss still fell {e.still_falling:.0%} over the last quarter of the run",
        )
    return None


def _not_learnt(e: Evidence) -> Judgement | None:
    if e.learnt is None or e.learnt >= (LEARNT if e.train_accuracy is not None else 0.15):
        return None
    if e.train_accuracy is not None:
        because = f"on its own training images the model is right only {e.train_accuracy:.0%} of the time"
        return Judgement("underfitting", float(np.clip(0.95 - 0.45 * max(e.learnt, 0) / LEARNT, 0.5, 0.95)), because)
    return Judgement("underfitting", 0.55, f"the training loss fell by only {max(e.learnt, 0):.0%}")


def _good(e: Evidence) -> Judgement:
    if e.gap is not None:
        because = f"training accuracy ({e.train_accuracy:.0%}) and validation accuracy ({e.val_accuracy:.0%}) are close and steady"
        return Judgement("good_fit", float(np.clip(0.9 - max(e.gap - 0.05, 0) * 3, 0.55, 0.9)), because)
    return Judgement("good_fit", 0.65, "the validation loss fell and stayed low")
