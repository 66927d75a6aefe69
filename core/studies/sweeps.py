"""Short runs along one setting: how far to thaw, and whether more images would help. Everything is read from the run store."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core import data
from core.comparison import QUITE_SURE, compare
from core.engine import Engine
from core.engine.execute import network
from core.evaluation import Evaluation, Predictions
from core.experiment import N_LAYERS, Experiment
from core.network.head import head_parameters
from core.network.layers import describe_mask, layer_table, thaw_last, totals
from core.runs import Run, RunStore
from core.statistics import wilson
from core.words import signed

DEPTHS = (0, 4, 12, 20, 38, 65, 100, N_LAYERS)  # ends of blocks, from nothing to everything
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
COLUMNS = (
    "label",
    "depth",
    "parameters",
    "n_train",
    "val_accuracy",
    "low",
    "high",
    "error",
    "train_accuracy",
    "status",
    "run_id",
)


def start_depth_sweep(engine: Engine, experiment: Experiment, depths: Sequence[int] = DEPTHS) -> str:
    """Submit a run for each depth, all else as in ``experiment``, and return the sweep's id.

    Parameters
    ----------
    engine
        Carries the runs to all workers.
    experiment
        Settings; its seed is used for every depth.
    depths
        Numbers of last layers to thaw.

    Raises
    ------
    EngineError
        When no worker can be reached.
    """
    changed = [experiment.replace(freeze=thaw_last(experiment.freeze, n)) for n in depths]
    return _start(engine, [(describe_mask(x.freeze), x) for x in changed])


def start_data_curve(engine: Engine, experiment: Experiment, shares: Sequence[float] = SHARES) -> str:
    """Submit a run for each share of the training images, the same number from each class, and return the sweep's id.

    Raises
    ------
    DataError, EngineError
        When the images cannot be read, or no worker can be reached.
    """
    labels = data.load(experiment.data, experiment.backbone.size).train.labels
    largest = int(np.bincount(labels).max())
    runs = []
    for share in shares:
        limit = experiment.data.images_per_class if share == 1 else max(3, math.ceil(share * largest))
        runs.append(
            (f"{share:.0%} of the images", experiment.replace(data=experiment.data.replace(images_per_class=limit)))
        )
    return _start(engine, runs)


def _start(engine: Engine, runs: list[tuple[str, Experiment]]) -> str:
    sweep_id = uuid.uuid4().hex[:12]
    for name, experiment in runs:
        engine.submit(experiment, name=name, group=_group(sweep_id))
    return sweep_id


def _group(sweep_id: str) -> str:
    return f"sweep-{sweep_id}"


def stop_sweep(engine: Engine, sweep_id: str) -> None:
    """Ask every run of a sweep that waits or trains to stop; finished ones stay."""
    for run in engine.store.list(group=_group(sweep_id)):
        if run.active:
            engine.stop(run.id)


def continue_sweep(engine: Engine, sweep_id: str) -> None:
    """Submit anew what was stopped, has failed or was damaged since."""
    for run in engine.store.list(group=_group(sweep_id))[::-1]:
        if _outcome(engine.store, run)[0] in {"stopped", "failed"}:
            engine.submit(run.experiment, name=run.name, group=_group(sweep_id))
            engine.store.delete(run.id)


def sweep_points(store: RunStore, sweep_id: str) -> pd.DataFrame:
    """Return one row a run, simplest first.

    Returns
    -------
    DataFrame
        Columns ``label``, ``depth`` (layers thawed), ``parameters`` (trainable, head included), ``n_train``, ``val_accuracy`` with ``low``
        and ``high`` (95% Wilson interval) and ``error`` (standard error), ``train_accuracy`` (without dropout and augmentation), ``status``, ``run_id``.
    """
    points = pd.DataFrame([_point(store, run) for run in store.list(group=_group(sweep_id))], columns=list(COLUMNS))
    return points.sort_values(["parameters", "n_train"], kind="stable").reset_index(drop=True)


def _point(store: RunStore, run: Run) -> dict[str, Any]:
    status, evaluation = _outcome(store, run)
    point = {"label": run.name, "depth": len(run.experiment.freeze.thawed), "status": status, "run_id": run.id}
    n_classes = len(evaluation.class_names) if evaluation else 2
    point["parameters"] = trainable_parameters(run.experiment, n_classes)
    if evaluation is not None:
        validation, train = evaluation.splits["validation"], evaluation.splits["train"]
        n, p = len(validation.labels), validation.accuracy
        low, high = wilson(round(p * n), n)
        point |= {
            "n_train": len(train.labels),
            "val_accuracy": p,
            "low": low,
            "high": high,
            "train_accuracy": train.accuracy,
        }
        point["error"] = math.sqrt(max(p * (1 - p), 1 / (4 * n)) / n)
    return point


def _outcome(store: RunStore, run: Run) -> tuple[str, Evaluation | None]:
    """Return how a run ended, and its answers; one whose answers were damaged counts as failed."""
    evaluation = store.evaluation(run.id) if run.status == "finished" else None
    return ("failed" if run.status == "finished" and evaluation is None else run.status), evaluation


def trainable_parameters(experiment: Experiment, n_classes: int) -> int:
    """Return the number of parameters that learn, in the backbone and the head."""
    table = layer_table(experiment.backbone)
    height, width, features = table[-1].output_shape
    head = head_parameters(experiment.head, features, height * width, n_classes)
    return totals(table, experiment.freeze).trainable + head


@dataclass(frozen=True)
class Enough:
    """The simplest depth that nothing is surely better than, and why, in words."""

    label: str
    depth: int
    run_id: str
    text: str


def enough(store: RunStore, points: pd.DataFrame) -> Enough | None:
    """Return the simplest finished depth that the best one is not surely better than, judged image by image; None before two are done.

    Parameters
    ----------
    store
        Where the runs are.
    points
        As :func:`sweep_points` returns them, simplest first.

    Notes
    -----
    The best of several depths is the best partly by luck, so the p value counts for as many comparisons (Bonferroni).
    """
    done = points[points.status == "finished"].reset_index(drop=True)
    if len(done) < 2:
        return None
    answers = [_validation(store, run_id) for run_id in done.run_id]
    best = int(done.val_accuracy.to_numpy().argmax())
    chosen = next(i for i in range(best + 1) if not _surely_better(answers[best], answers[i], len(done) - 1))
    row, top = done.loc[chosen], done.loc[best]
    figures = f"{row.val_accuracy:.1%} ({row.low:.0%}–{row.high:.0%})"
    if chosen == 0:
        lead = round((top.val_accuracy - row.val_accuracy) * len(answers[0].labels))
        ahead = f"The best, {top.label}, is right on {lead} more of {len(answers[0].labels)} validation images: chance can do that. " if best else ""  # fmt: skip
        text = f"**No depth is surely better; the cheapest is {row.label}**, with a validation accuracy of {figures}. {ahead}"
    else:
        text = f"**{row.label.capitalize()} is enough**, with a validation accuracy of {figures}: {done.loc[chosen - 1].label} is surely worse than the best, and no other depth is surely better than this one. "
    return Enough(row.label, int(row.depth), row.run_id, text.strip())


def _validation(store: RunStore, run_id: str) -> Predictions:
    evaluation = store.evaluation(run_id)
    assert evaluation is not None, "a finished run has one"
    return evaluation.splits["validation"]


def _surely_better(best: Predictions, other: Predictions, comparisons: int) -> bool:
    found = compare(other, best, same_images=np.array_equal(other.rows, best.rows))
    return bool(found.difference > 0 and found.p_value * comparisons <= QUITE_SURE)


def data_advice(points: pd.DataFrame) -> str:
    """Say in words whether more images would help: from half of the images to all, beside the uncertainty of that difference."""
    done = points[points.status == "finished"].sort_values("n_train")
    half, full = done.iloc[(done.n_train - done.n_train.max() / 2).abs().argmin()], done.iloc[-1]
    gain, error = full.val_accuracy - half.val_accuracy, math.hypot(full.error, half.error)
    told = f"From {half.n_train:.0f} to {full.n_train:.0f} training images the validation accuracy changed by {signed(100 * gain, 1)} points (± {196 * error:.1f})."
    if gain > 1.64 * error:
        return f"**More images would probably help.** {told}"
    if gain > 0.5 * error:
        return f"**More images may help a little.** {told} That is within what chance can do."
    return f"**More images of this kind would hardly help.** {told} Look for the limit elsewhere: thawed layers, image size, labels."


@dataclass(frozen=True)
class RateRange:
    """Training loss over a ramp of learning rates; ``suggestion`` is None where the loss did not fall clearly."""

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float | None


def learning_rate_range(engine: Engine, experiment: Experiment, *, timeout: float = 180.0) -> RateRange:
    """Return the loss over a ramp of learning rates, measured by a worker on the training images.

    Raises
    ------
    EngineError
        When no worker answers within ``timeout`` seconds.

    References
    ----------
    Smith: Cyclical Learning Rates for Training Neural Networks, 2017, arXiv:1506.01186, section 3.3.
    """
    rates, losses = engine.call(_in_worker, experiment.to_json(), timeout=timeout, trains=True)
    smoothed = smooth(losses)
    return RateRange(rates, smoothed, suggest_rate(rates, smoothed))


def _in_worker(experiment_json: str) -> tuple[np.ndarray, np.ndarray]:
    experiment = Experiment.from_json(experiment_json)
    dataset = data.load(experiment.data, experiment.backbone.size)
    with network:
        from core.training.rate_finder import ramp

        return ramp(experiment, dataset)


def smooth(losses: np.ndarray, beta: float = 0.85) -> np.ndarray:
    """Return the bias-corrected exponential average of a series."""
    return pd.Series(losses).ewm(alpha=1 - beta, adjust=True).mean().to_numpy()


def suggest_rate(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """Return a tenth of the rate at which the smoothed loss is lowest; None where it fell by less than 5%.

    Parameters
    ----------
    rates, losses
        The ramp, both of shape (n,).

    References
    ----------
    The rule "minimum divided by 10" of the library fastai's learning-rate finder.
    """
    usable = np.isfinite(losses)
    if not usable.any():
        return None
    lowest = int(np.nanargmin(np.where(usable, losses, np.inf)))
    before = losses[: max(1, lowest + 1)]
    if before.max() <= 0 or losses[lowest] > 0.95 * before.max():
        return None
    return float(f"{rates[lowest] / 10:.1e}")
