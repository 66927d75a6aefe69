"""From evidence to one of six verdicts, each with its probability.

Where accuracies and the number of validation images are known, :mod:`core.diagnosis.posterior` says how probable each is; bare curves are asked
one question after the other.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from core.diagnosis import bare, wording
from core.diagnosis.evidence import FALLING, Evidence
from core.diagnosis.posterior import Beliefs
from core.diagnosis.report import VERDICTS
from core.diagnosis.rules import RULES
from core.words import points

# Thresholds: where each comes from is said in docs/diagnosis.md.
REBOUND = 0.04  # rebound of validation loss that separates 40 published and 419 simulated histories best
RISE, CLEAR_REBOUND = 0.08, 0.15  # nats, share: with accuracies kept and no gap, a smaller rise is confidence, not harm
GAP = 0.12  # training minus validation accuracy that is overfitting without any rebound
SURE_GAP = 0.10  # what its lower bound must reach: a run whose gap may be 10 points or less is not called ill for it
SMALL_GAP = 0.05  # below it, and with training images judged worse too, a rise is not overfitting
LEARNT = 0.72  # below this share of the way from chance to perfect on its own training images, a model underfits
UNDERCONFIDENT = 0.22  # right so much more often than it believes, a model was held back
OSCILLATION = 0.25  # share of epochs that jump up
BATCHNORM = 0.06  # accuracy with batch statistics above that with running averages
EXPLAINED_GAP, EXPLAINED_LEARNT = 0.07, 0.88  # milder symptoms count where a strong cause for them is known
WORTH = 0.03  # nats that half a run more must about take off the loss of a model that has learnt its images
STRONG = 0.75  # severity of such a cause
HOLDS_IN_VALIDATION = {
    "shortcut"
}  # measured on the validation images: it makes a gap smaller and cannot be why there is one
KNOWN = 0.5  # of its training images, from chance to perfect, a model must have learnt to overfit to them
MIN_EPOCHS, MIN_VALIDATION = 3, 12
SURE_ENOUGH = 0.6  # a verdict less probable is not given


@dataclass(frozen=True)
class Judgement:
    """A verdict before its causes are known; ``probabilities`` are those of all verdicts but ``inconclusive``."""

    verdict: str
    confidence: float
    because: str
    probabilities: dict[str, float] = field(default_factory=dict)

    @property
    def likeliest(self) -> str:
        """The verdict itself, or where it is left open the most probable one."""
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else self.verdict


def judge(e: Evidence) -> Judgement:
    """Return the verdict: the most probable one where it is sure enough, else that it cannot be told yet."""
    if plain := next((answer for question in PLAIN if (answer := question(e))), None):
        return _spread(plain)
    if e.bare and (odd := bare.before(e)):
        return _spread(Judgement(*odd))
    return _weighed(e) if e.gap_interval is not None else _spread(_of_bare_curves(e))


def _weighed(e: Evidence) -> Judgement:
    beliefs = Beliefs(e, _explained(e, "underfitting"))
    probabilities = beliefs.probabilities()
    verdict = max(probabilities, key=probabilities.__getitem__)
    sure = probabilities[verdict]
    if verdict == "overfitting" and e.noisy_batchnorm:
        because = f"BatchNorm learns from batches of {e.noisy_batchnorm}, and {wording.because('overfitting', beliefs)}"
        return Judgement("unstable", 0.7, because, _moved(probabilities, "overfitting", "unstable"))
    if sure < SURE_ENOUGH:
        return Judgement("inconclusive", sure, wording.undecided(probabilities, beliefs), probabilities)
    return Judgement(verdict, sure, wording.because(verdict, beliefs), probabilities)


def _moved(probabilities: dict[str, float], old: str, new: str) -> dict[str, float]:
    return {**probabilities, old: 0.0, new: probabilities[old] + probabilities[new]}


def _spread(answer: Judgement) -> Judgement:
    """Give the verdicts that were not named equal shares of what is left."""
    named = (v for v in VERDICTS if v != "inconclusive")
    if answer.verdict == "inconclusive":
        return replace(answer, probabilities=dict.fromkeys(named, 1 / (len(VERDICTS) - 1)))
    rest = (1 - answer.confidence) / (len(VERDICTS) - 2)
    return replace(answer, probabilities=dict.fromkeys(named, rest) | {answer.verdict: answer.confidence})


def _of_bare_curves(e: Evidence) -> Judgement:
    """Ask in the order in which one pattern can fake another; the first question that says yes decides."""
    answer = next((answer for question in QUESTIONS if (answer := question(e))), None) or _good(e)
    if e.bare and answer.verdict == "underfitting" and (unsure := bare.unsure_of_classes(e)):
        return Judgement(*unsure)
    if answer.verdict == "overfitting" and e.noisy_batchnorm:
        return Judgement("unstable", 0.7, f"BatchNorm learns from batches of {e.noisy_batchnorm}, and {answer.because}")
    return answer


def _broken(e: Evidence) -> Judgement | None:
    if e.broken:
        return Judgement("unstable", 0.98, "the loss became infinite or not a number")
    if e.ran_away is not None:
        first, last = e.ran_away
        return Judgement("unstable", 0.9, f"the training loss rose from {first:.3g} to {last:.3g}")
    return None


def _too_little(e: Evidence) -> Judgement | None:
    if e.n_epochs < MIN_EPOCHS:
        some = f"{e.n_epochs} epoch{'s are' if e.n_epochs > 1 else ' is'}"
        return Judgement("inconclusive", 0.9, f"{some} too few to see where the curves go")
    if e.n_val is not None and e.n_val < MIN_VALIDATION:
        return Judgement("inconclusive", 0.8, f"{e.n_val} validation images cannot tell a difference from chance")
    return None


def _batchnorm(e: Evidence) -> Judgement | None:
    """Batch statistics and running averages disagree: looks like overfitting on the usual curves and is none."""
    gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy")
    if gap is not None and gap > BATCHNORM:
        because = f"the same training images are judged {points(100 * gap)} better with batch statistics than with running averages"
        return Judgement("unstable", 0.9, because)
    reported, clean = e.reported_accuracy, e.clean_accuracy
    if gap is None and e.experiment is None and reported is not None and clean is not None and reported - clean > 0.12:
        because = f"the training accuracy is {reported:.0%} while training but {clean:.0%} in inference mode"
        return Judgement("unstable", 0.7, because)
    return None


def _exploded(e: Evidence) -> Judgement | None:
    if not e.exploded:
        return None
    because = f"nothing was learnt and the loss ended at {e.times_guessing:.0f} times that of guessing"
    return Judgement("unstable", 0.85, because)


def _rising(e: Evidence) -> Judgement | None:
    if e.val_loss is None or e.restored or e.best >= e.n_epochs - 1:
        return None
    jitter = 1.5 * e.val_noise / np.sqrt(min(3, max(1, e.n_epochs // 8)))
    needed = max(REBOUND, jitter, 0.3 / np.sqrt(e.n_val) if e.n_val else 0)
    if e.rebound < needed or not _harmful(e):
        return None
    sure = 0.6 + 0.35 * (1 - np.exp(-(e.rebound - needed) / 0.15))
    because = f"the validation loss rose {e.risen:.0%}, {e.rise_in_words}"
    return Judgement("overfitting", float(sure), because)


def _harmful(e: Evidence) -> bool:
    """Tell whether a rise is one of overfitting: of a model that knows its training images, not shared by them, and not mere confidence on a solved task."""
    if e.n_classes and e.train_accuracy is not None and (e.learnt or 0) < KNOWN:
        return False
    if e.train_rise > 0.5 * e.rebound:
        return False
    if e.gap is None or e.column("val_accuracy") is None:
        return True
    if e.gap < SMALL_GAP and e.train_rise > 0:
        return False
    worse = e.accuracy_lost > 0.02 + (1 / np.sqrt(e.n_val) / 4 if e.n_val else 0.02)
    return bool(e.gap >= GAP or worse or (e.rise >= RISE and e.rebound >= CLEAR_REBOUND))


def _oscillating(e: Evidence) -> Judgement | None:
    if e.train_oscillation < OSCILLATION or e.n_epochs < 6:
        return None
    return Judgement("unstable", 0.8, f"the training loss jumped up in {e.train_oscillation:.0%} of the epochs")


def _unpaired(e: Evidence) -> Judgement | None:
    if e.val_loss is not None or (e.bare and e.column("val_accuracy") is not None):
        return None
    return Judgement("inconclusive", 0.8, "there is no validation loss, so nothing can be said about new images")


def _wide_gap(e: Evidence) -> Judgement | None:
    """A gap is overfitting in a model that knows its training images and trusts itself; one that was held back does neither."""
    learnt, low = e.learnt or 0.0, e.gap_low or 0.0
    if e.gap is None or learnt < KNOWN or e.underconfidence >= UNDERCONFIDENT:
        return None
    clear = e.gap >= GAP and low >= SURE_GAP
    mild = e.gap >= EXPLAINED_GAP and low > 0 and learnt >= LEARNT
    if not clear and not (mild and _explained(e, "overfitting")):
        return None
    if learnt < 0.9 and e.still_falling > (FALLING if learnt < LEARNT else 2 * FALLING):
        return None
    if learnt < LEARNT and _explained(e, "underfitting"):
        return None
    because = f"training accuracy is {e.train_accuracy:.0%}, validation accuracy only {e.val_accuracy:.0%}"
    return Judgement("overfitting", min(0.95, 0.6 + (e.gap - GAP)), because)


def _improving(e: Evidence) -> Judgement | None:
    late_best = e.best >= e.n_epochs - max(2, e.n_epochs // 5)
    solved = (e.learnt or 0) > 0.95 or (e.val_accuracy is not None and e.val_accuracy > 0.97)
    solved = solved or ((e.learnt or 0) > EXPLAINED_LEARNT and e.val_accuracy is not None and e.to_be_had < WORTH)
    hardly = e.learnt is not None and e.learnt < 0.35 and e.still_falling < 3 * FALLING
    if not late_best or e.still_falling <= max(FALLING, e.val_noise) or solved or hardly:
        return None
    return Judgement("still_improving", min(0.92, 0.55 + e.still_falling), e.still_falling_in_words)


def _not_learnt(e: Evidence) -> Judgement | None:
    if e.train_accuracy is not None and LEARNT <= (e.learnt or 0) < EXPLAINED_LEARNT and _explained(e, "underfitting"):
        because = f"on its own training images the model is right {e.train_accuracy:.0%} of the time, and what holds it back is known"
        return Judgement("underfitting", 0.6, because)
    if e.learnt is None or e.learnt >= (LEARNT if e.train_accuracy is not None else 0.15):
        return None
    if e.train_accuracy is not None:
        because = f"on its own training images the model is right only {e.train_accuracy:.0%} of the time"
        return Judgement("underfitting", float(np.clip(0.95 - 0.45 * max(e.learnt, 0) / LEARNT, 0.5, 0.95)), because)
    return Judgement("underfitting", 0.55, f"the training loss fell by only {max(e.learnt, 0):.0%}")


def _held_back(e: Evidence) -> Judgement | None:
    if e.val_accuracy is None or e.underconfidence < UNDERCONFIDENT:
        return None
    because = (
        f"the model is right {e.val_accuracy:.0%} of the time but only {e.val_accuracy - e.underconfidence:.0%} sure of "
        "its answers: something holds it back from fitting the images"
    )
    return Judgement("underfitting", 0.65, because)


def _good(e: Evidence) -> Judgement:
    if e.bare:
        return Judgement(*bare.instead_of_good(e))
    if e.gap is None:
        return Judgement("good_fit", 0.65, "the validation loss fell and stayed low")
    sure = float(np.clip(0.9 - max(e.gap - 0.05, 0) * 3, 0.55, 0.9))
    if e.gap >= GAP:  # a good fit is nothing with so wide a gap, whatever the curves do
        known = f"it is right for {e.train_accuracy:.0%} of training and {e.val_accuracy:.0%} of validation images"
        return Judgement("inconclusive", 0.5, f"{known}, and how many those are is not known")
    if e.gap <= SMALL_GAP:
        because = "it does about as well on new images as on training images, and both curves have settled"
    else:
        because = "it does a little better on training images than on new ones"
    return Judgement("good_fit", sure, because)


def _explained(e: Evidence, verdict: str) -> bool:
    """Tell whether a rule finds a strong cause for this verdict, apart from the symptom itself."""
    causes = (r.check(e) for r in RULES.values() if verdict in r.verdicts and r.code not in HOLDS_IN_VALIDATION)
    return any(found.severity >= STRONG for found in causes if found)


PLAIN = (_broken, _too_little, _unpaired)
QUESTIONS = (
    _batchnorm,
    _exploded,
    _rising,
    _oscillating,
    _wide_gap,
    _improving,
    _not_learnt,
    _held_back,
)
