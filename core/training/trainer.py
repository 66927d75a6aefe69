"""Trains one Experiment on one data set and tells what happens; knows no engine, no store, no page."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from core.data import Dataset
from core.errors import StorageError
from core.experiment import Experiment, opening
from core.training import ends, probes
from core.training.epoch import Steps
from core.training.events import Events, Outcome, Silent, StageBefore
from core.training.inputs import FeaturesOf, activations_of, at_frontier
from core.training.measuring import INFERENCE_BATCH, Measuring
from core.training.paired import LossPaths
from core.training.patience import Patience
from core.training.program import program_for
from core.training.report import remember_features, remember_steps, report

OPENING_CLASSES = 7  # of the pictures that the Lab opens with


def train(
    experiment: Experiment, dataset: Dataset, events: Events | None = None, features: FeaturesOf = activations_of
) -> Outcome:
    """Train, and return curves, predictions, what was measured on the way, and the model.

    Parameters
    ----------
    experiment
        What to train.
    dataset
        Decoded images at ``experiment.backbone.size``.
    events
        Listener; nobody by default.
    features
        Gives what the tail takes of a split; computed, or found on disk, by default.

    Raises
    ------
    WeightsError
        When the backbone's weights cannot be had.
    """
    return follow(experiment, dataset, events or Silent(), features)[0]


def follow(
    experiment: Experiment, dataset: Dataset, events: Events, features: FeaturesOf, loop: "type[Loop] | None" = None
) -> "tuple[Outcome, Loop]":
    """Train as :func:`train` does, and also return the loop, which knows the loss of each image and can be carried on."""
    seconds = dict[str, float]()
    if experiment.training.deterministic:
        _deterministic()
    start = _start(experiment, dataset, events, features)
    events.phase("loading the network")
    with _timed(seconds, "building"):
        program = program_for(experiment, len(dataset.class_names))
        if start:
            program.start_from(start.weights)
    events.phase("computing frozen features", detail=program.frontier.text)
    with _timed(seconds, "frozen features"):
        inputs = at_frontier(program, dataset, events, features)
    remember_features(inputs, seconds["frozen features"])
    measuring = Measuring(program, inputs, dataset)
    probed, fresh = probes.before(measuring), program.weights()
    earlier = start.curves if start else ()
    probed["earlier"] = [frame.to_dict("list") for frame in earlier]
    run = (loop or Loop)(measuring, Steps(program, inputs, dataset, events), events)
    events.phase("training")
    with _timed(seconds, "training"):
        run.epochs()
    remember_steps(inputs, run.steps.seconds)
    events.phase("evaluating")
    evaluation = measuring.evaluation()
    probed |= probes.after(measuring, fresh, run.first_losses) | {"validation_paired": run.paths.summary()}
    saved = report(measuring, seconds, len(run.rows))
    history = pd.DataFrame(run.rows)
    if run.rows and not run.stopped:
        ends.keep(ends.key(experiment, dataset), ends.End(program.named_weights(), (*earlier, history)))
    return Outcome(history, evaluation, probed, program.full, saved, run.stopped, _best_epoch(history), run.note), run


def _start(experiment: Experiment, dataset: Dataset, events: Events, features: FeaturesOf) -> ends.End | None:
    """Return where the stage before ended, training it where that is not known; None where there is none, or it was stopped."""
    if experiment.start is None:
        return None
    name = ends.key(experiment.start, dataset)
    found = ends.find(name)
    if found is None:
        outcome = train(experiment.start, dataset, StageBefore(events), features)
        found = ends.find(name)
        if found is None and not outcome.stopped:
            raise StorageError(
                "There is no room on disk for what the stage before has learnt. Free some space and train again."
            )
    return found


class Loop:
    """The epochs of one run: it begins with fresh weights and leaves those that are kept.

    Attributes
    ----------
    rows
        An epoch's figures each.
    first_losses
        Loss of each batch of the first epoch.
    paths
        Loss of each validation image after each epoch.
    stopped
        Whether somebody stopped it.
    note
        Why it ended by itself before its last epoch.
    """

    def __init__(self, measuring: Measuring, steps: Steps, events: Events):
        self.measuring, self.steps, self.events = measuring, steps, events
        self.program, self.settings = measuring.program, measuring.program.experiment.training
        self.patience = Patience.of(self.settings.early_stopping)
        self.rows, self.first_losses = list[dict[str, float]](), list[float]()
        self.paths = LossPaths()
        self.stopped, self.note = False, ""

    def epochs(self) -> None:
        """Train epoch after epoch, until the last, a stop, a loss without bounds, or too long without improvement."""
        best = self.program.weights(), dict(self.measuring.seen)
        for epoch in range(1, self.settings.epochs + 1):
            row = self._epoch(epoch)
            if row is None or not math.isfinite(row["loss"]):
                break
            if self.patience.improved(row):
                best = self.program.weights(), dict(self.measuring.seen)
            self.stopped = self.events.stop_requested()
            if self.stopped or self.patience.is_over:
                break
        self._explain(epoch)
        if self._keeps_best:
            self.program.set_weights(best[0])
            self.measuring.seen = best[1]

    def _epoch(self, epoch: int) -> dict[str, float] | None:
        """Train and measure one epoch; None when a stop came before its steps were done."""
        started = time.monotonic()
        trained = self.steps.take(epoch)
        if trained is None:
            self.stopped = True
            return None
        self.first_losses = self.first_losses or trained.batch_losses
        row = {"epoch": epoch, "loss": trained.loss, "accuracy": trained.accuracy, **self.measuring.epoch()}
        row |= {"learning_rate": trained.learning_rate, "seconds": time.monotonic() - started}
        self.paths.append(self.measuring.validation_losses())
        self.rows.append(row)
        self.events.epoch(row)
        return row

    @property
    def _diverged(self) -> bool:
        return bool(self.rows) and not math.isfinite(self.rows[-1]["loss"])

    @property
    def _keeps_best(self) -> bool:
        stopping = self.settings.early_stopping
        return self.stopped or self._diverged or bool(stopping and stopping.restore_best)

    def _explain(self, epoch: int) -> None:
        if self._diverged:
            loss = self.rows[-1]["loss"]
            self.note = f"The loss became {loss} in epoch {epoch}, so training ended: the learning rate is too high."
        elif self.patience.is_over and not self.stopped:
            unchanged = f"no better {self.patience.monitor} for {self.patience.waited} epochs"
            self.note = f"EarlyStopping ended the run after epoch {epoch}: {unchanged}."


def _best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch with the least validation loss; 0 where there is none."""
    losses = history.get("val_loss", pd.Series())
    return int(history["epoch"].iloc[losses.argmin()]) if losses.notna().any() else 0


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = time.monotonic() - started


def _deterministic() -> None:
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def warm() -> None:
    """Build and compile what the first person is likely to train, so that they do not wait for it."""
    x = opening()
    program = program_for(x, OPENING_CLASSES)
    cut = program.run_prefix(np.zeros((INFERENCE_BATCH, x.backbone.size, x.backbone.size, 3), np.float32))
    targets = np.eye(OPENING_CLASSES, dtype=np.float32)[np.zeros(INFERENCE_BATCH, int)]
    program.see(cut, targets)
    program.train_steps(cut, targets, np.ones(len(targets), np.float32), [0.0, 0.0], INFERENCE_BATCH // 2)
