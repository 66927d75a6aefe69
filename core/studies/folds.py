"""Make sure: judge a run again by all its training and validation images, each by a model that did not see it."""

from dataclasses import dataclass

import numpy as np

from core.diagnosis.report import Diagnosis
from core.engine import Engine
from core.runs import Run, RunStore
from core.runs.run import FOLDS
from core.statistics import wilson


@dataclass(frozen=True)
class Sure:
    """What all images together say.

    Attributes
    ----------
    images, folds
        How many images were judged, by how many models.
    accuracy, low, high
        On images that a model did not see, with its 95% interval.
    gap, gap_low, gap_high
        Accuracy on training images minus that.
    best_epoch
        Epoch with the lowest mean loss on images not seen.
    spread
        Highest minus lowest accuracy of a fold.
    curves
        Validation accuracy and loss of each fold, by their columns.
    diagnosis
        The verdict, which is the run's own now.
    """

    images: int
    folds: int
    accuracy: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    best_epoch: int
    spread: float
    curves: dict[str, list[list[float]]]
    diagnosis: Diagnosis


def start(engine: Engine, run_id: str) -> str:
    """Submit the training on folds of a finished run and return its id; the one under way or finished where there is one.

    Raises
    ------
    RunError, EngineError
        When there is no such run, or no worker answers.
    """
    known = find(engine.store, run_id)
    if known is not None and (known.active or result(engine.store, run_id) is not None):
        return known.id
    run = engine.store.get(run_id)
    return engine.submit(run.experiment, name=f"Make sure: {run.name}", group=_group(run_id), baseline_id=run_id)


def find(store: RunStore, run_id: str) -> Run | None:
    """Return the newest training on folds of a run; None where there is none."""
    return next(iter(store.list(group=_group(run_id), limit=1)), None)


def result(store: RunStore, run_id: str) -> Sure | None:
    """Return what a finished training on folds says of a run; None before."""
    run = find(store, run_id)
    if run is None or run.status != "finished":
        return None
    evaluation, diagnosis, measured = store.evaluation(run.id), store.diagnosis(run.id), store.measured(run.id)
    if evaluation is None or diagnosis is None or not measured:  # damaged: it can be made sure of anew
        return None
    judged, train, curves = (
        evaluation.splits["validation"],
        evaluation.splits["train"].accuracy,
        measured["probes"]["folds"],
    )
    n, accuracy = len(judged.labels), judged.accuracy
    low, high = wilson(accuracy * n, n)
    ends = [c[-1] for c in curves["val_accuracy"]]
    losses = store.curves(run.id)["val_loss"]
    return Sure(
        n, len(ends), accuracy, low, high, train - accuracy, train - high, train - low,
        int(np.nanargmin(losses)) + 1, max(ends) - min(ends), {k: curves[k] for k in ("val_accuracy", "val_loss")}, diagnosis,
    )  # fmt: skip


def _group(run_id: str) -> str:
    return f"{FOLDS}-{run_id}"
