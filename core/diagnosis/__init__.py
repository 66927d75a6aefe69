"""Why a model underfits, overfits or is fine: evidence in, verdict, findings and remedies out."""

import numpy as np
import pandas as pd

from core.diagnosis import data, healthy, mismatch, optimisation, overfitting, underfitting
from core.diagnosis.evidence import Evidence, Observations
from core.diagnosis.report import Diagnosis, Fact, Finding, Mark
from core.diagnosis.rules import RULES, rule_page
from core.diagnosis.verdict import Judgement, judge
from core.errors import HistoryError
from core.words import points

__all__ = [
    "FAMILIES",
    "RULES",
    "Diagnosis",
    "Fact",
    "Finding",
    "Mark",
    "Observations",
    "diagnose",
    "diagnose_history",
    "rule_page",
]

FAMILIES = (underfitting, overfitting, optimisation, mismatch, data, healthy)
LEANS = 0.4  # from this probability on, causes of a verdict that is left open are named
OPENING = {
    "good_fit": "The model fits well",
    "underfitting": "The model underfits",
    "overfitting": "The model overfits",
    "still_improving": "The model is still improving",
    "unstable": "Training is unstable",
    "inconclusive": "Cannot tell yet",
}


def diagnose_history(
    history: pd.DataFrame, *, n_train: int | None = None, n_val: int | None = None, n_classes: int | None = None
) -> Diagnosis:
    """Return the verdict on a training history of any framework.

    Parameters
    ----------
    history
        One row an epoch, in order; columns ``loss`` and ``val_loss`` and, if there, ``accuracy``, ``val_accuracy`` (shares or
        percent), ``clean_loss``, ``clean_accuracy`` (training images in inference mode).
    n_train, n_val
        Numbers of images, for uncertainty.
    n_classes
        Number of classes, for chance level.

    Raises
    ------
    HistoryError
        When there are no epochs, or neither a loss nor an accuracy.
    """
    if not isinstance(history, pd.DataFrame):
        raise HistoryError(f"A history is a pandas DataFrame with a row an epoch; this is a {type(history).__name__}.")
    known = {"n_train": n_train, "n_validation": n_val, "n_classes": n_classes}
    return diagnose(Observations(history, probes={k: v for k, v in known.items() if v}))


def diagnose(observations: Observations) -> Diagnosis:
    """Return the verdict on a run, with causes ranked by how much they weigh.

    Raises
    ------
    HistoryError
        As :func:`diagnose_history`.
    """
    evidence = Evidence(observations)
    judgement = judge(evidence)
    findings = _findings(evidence, judgement)
    return Diagnosis(
        judgement.verdict,
        round(judgement.confidence, 2),
        _summary(judgement, findings),
        findings,
        _marks(evidence, judgement),
        {verdict: round(p, 3) for verdict, p in judgement.probabilities.items()},
    )


def _findings(evidence: Evidence, judgement: Judgement) -> tuple[Finding, ...]:
    """Return the causes that can explain this verdict, and faults that matter under any, the weightiest first."""
    explained = {judgement.verdict} | ({judgement.likeliest} if _leans(judgement) else set())
    fitting = (r for r in RULES.values() if not r.verdicts or explained & set(r.verdicts))
    found = [result for r in fitting if (result := r.check(evidence))]
    if judgement.verdict == "inconclusive":  # nothing is well fitted for sure
        found = [f for f in found if f.code != "well-fitted"]
    return tuple(sorted(found, key=lambda f: -f.severity))


def _leans(judgement: Judgement) -> bool:
    """Tell whether one verdict is clearly the likeliest although it is left open."""
    return judgement.probabilities.get(judgement.likeliest, 0.0) >= LEANS


def _summary(judgement: Judgement, findings: tuple[Finding, ...]) -> str:
    """Return what it is and its first cause, three sentences at most from each; the other findings stand beside it, with their evidence."""
    first = f"{OPENING[judgement.verdict]}: {judgement.because}."
    if not findings:
        return first
    return f"{first} {findings[0].explanation}"


def _marks(evidence: Evidence, judgement: Judgement) -> tuple[Mark, ...]:
    """Return what to draw for the verdict itself: the best epoch, and where the curves show what it says."""
    best = _best_mark(evidence)
    shows = {"overfitting": _turn_and_gap, "still_improving": _still_falling, "underfitting": _training_level}
    return best + (shows[judgement.verdict](evidence) if judgement.verdict in shows else ())


def _best_mark(e: Evidence) -> tuple[Mark, ...]:
    if e.val_loss is None or not np.isfinite(e.val_loss).any():
        return ()
    return (Mark("epoch", "loss", "best", float(e.epochs[e.kept]), y0=float(e.val_loss[e.kept])),)


def _turn_and_gap(e: Evidence) -> tuple[Mark, ...]:
    marks: tuple[Mark, ...] = ()
    last = float(e.epochs[-1])
    if e.val_loss is not None and not e.restored and e.lowest < e.n_epochs - 1 and e.risen > 0:
        marks += (Mark("span", "loss", "rises", float(e.epochs[e.lowest]), last),)
    if e.gap is not None and e.gap > 0.05:
        marks += (Mark("gap", "accuracy", f"gap {points(100 * e.gap)}", last, y0=e.val_accuracy, y1=e.train_accuracy),)
    return marks


def _still_falling(e: Evidence) -> tuple[Mark, ...]:
    return (Mark("span", "loss", "still falling", e.still_falling_since, float(e.epochs[-1])),)


def _training_level(e: Evidence) -> tuple[Mark, ...]:
    if e.train_accuracy is None:
        return ()
    text = f"training {e.train_accuracy:.0%}"
    return (Mark("level", "accuracy", text, float(e.epochs[-1]), y0=e.train_accuracy),)
