"""Three published sets of rules for training problems, written anew from their descriptions, on the same curves.

They were made to watch a training script, so each is given what it would see there: the curves that ``fit`` reports, and the settings.
Each answers with all the problems it sees; it is counted right when any of them is acceptable, and as silent ("good fit") when it sees none.

References
----------
UMLAUT: Schoop, Huang and Hartmann, "UMLAUT: Debugging deep learning programs using program structure and model behavior", CHI 2021.
SageMaker Debugger: "List of Debugger built-in rules", Amazon SageMaker developer guide.
AutoTrainer: Zhang, Zhai, Ma and Shen, "AutoTrainer: an automatic DNN training problem detection and repair system", ICSE 2021.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.diagnosis import Observations


@dataclass(frozen=True)
class Answer:
    """Verdicts and causes that a set of rules named."""

    verdicts: frozenset[str]
    causes: frozenset[str]


Problem = tuple[str, str]  # verdict, cause in Thaw's words


def _answer(found: list[Problem]) -> Answer:
    if not found:
        return Answer(frozenset({"good_fit"}), frozenset())
    return Answer(frozenset(v for v, _ in found), frozenset(c for _, c in found))


def _curve(history: pd.DataFrame, name: str) -> np.ndarray:
    return history[name].to_numpy(float)


def _broken(history: pd.DataFrame) -> bool:
    return not np.isfinite(history[["loss", "val_loss"]].to_numpy(float)).all()


def umlaut(seen: Observations) -> Answer:
    """Answer as UMLAUT: losses that are not finite, unusual learning rates, one rise of the validation loss, validation above training."""
    h, found = seen.history, []
    if _broken(h):
        found.append(("unstable", "diverged"))
    rate = seen.experiment.training.learning_rate if seen.experiment else None
    if rate is not None and rate > 1e-2:
        found.append(("unstable", "rate-too-high"))
    if rate is not None and rate < 1e-7:
        found.append(("underfitting", "rate-too-low"))
    if (np.diff(_curve(h, "val_loss")) > 0).any():
        found.append(("overfitting", "trained-too-long"))
    if _curve(h, "val_accuracy")[-1] > _curve(h, "accuracy")[-1]:
        found.append(("inconclusive", "duplicates"))
    if _curve(h, "val_accuracy")[-1] > 0.95:
        found.append(("inconclusive", "duplicates"))
    return _answer(found)


def sagemaker(seen: Observations) -> Answer:
    """Answer as SageMaker Debugger with its defaults: Overfit (ratio 0.1, patience 1), ExplodingTensor, LossNotDecreasing, DeadRelu, ClassImbalance."""
    h, found = seen.history, []
    train, validation = _curve(h, "loss"), _curve(h, "val_loss")
    if _broken(h):
        found.append(("unstable", "diverged"))
    if ((validation - train) / np.maximum(train, 1e-9) > 0.1).any():
        found.append(("overfitting", "trained-too-long"))
    steps = 10
    if len(train) > steps and (train[steps:] > (1 - 0.001) * train[:-steps]).any():
        found.append(("underfitting", "plateau"))
    if (seen.probes.get("dead_head_units") or 0) > 0.5:
        found.append(("unstable", "dead-head"))
    counts = seen.probes.get("class_counts") or [1]
    if max(counts) > 10 * min(counts):
        found.append(("good_fit", "imbalance"))
    return _answer(found)


def autotrainer(seen: Observations) -> Answer:
    """Answer as AutoTrainer, with the checks of the accuracy gap that its published code leaves out: 0.10 at the end, 0.07 on average."""
    h, found = seen.history, []
    accuracy, validation = _curve(h, "accuracy"), _curve(h, "val_accuracy")
    half = len(h) // 2
    if _broken(h):
        found.append(("unstable", "diverged"))
    gap = accuracy - validation
    if gap[-1] > 0.10 or gap[half:].mean() > 0.07:
        found.append(("overfitting", "too-little-regularisation"))
    if (seen.probes.get("dead_head_units") or 0) > 0.7:
        found.append(("unstable", "dead-head"))
    changes = np.abs(np.diff(accuracy))
    if len(changes) and (changes > 0.03).mean() > 0.5 and (np.diff(accuracy) < -0.03).mean() > 0.2:
        found.append(("unstable", "oscillating"))
    if accuracy.max() < 0.6 and len(h) > 1 and accuracy[-1] - accuracy[0] < 0.01 * len(h):
        found.append(("underfitting", "rate-too-low"))
    return _answer(found)


RIVALS: dict[str, Callable[[Observations], Answer]] = {
    "umlaut": umlaut,
    "sagemaker": sagemaker,
    "autotrainer": autotrainer,
}
