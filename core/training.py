"""Trains one Experiment on one data set and tells what happens; knows no engine, no store, no page."""

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Protocol

import keras
import numpy as np
import pandas as pd

from core import activations, backbone, costs, frontier, model
from core.activations import Activations
from core.augmentation import Augmenter, view_seed
from core.data import Dataset, Split
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment
from core.program import program_for

INFERENCE_BATCH = 128
CLEAN_SAMPLE = 400


class Events(Protocol):
    """What a trainer tells whoever listens."""

    def phase(self, name: str, *, detail: str = "") -> None:
        """A part of the work begins."""

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        """A batch is done."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """An epoch is done."""

    def stop_requested(self) -> bool:
        """Tell whether somebody asked to stop."""
        ...


class Silent:
    """Listens to nothing and never stops."""

    def phase(self, name: str, *, detail: str = "") -> None:
        """Ignore it."""

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        """Ignore it."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Ignore it."""

    def stop_requested(self) -> bool:
        """Never stop."""
        return False


@dataclass
class Outcome:
    """What a training run leaves behind."""

    history: pd.DataFrame
    evaluation: Evaluation
    probes: dict
    model: keras.Model
    frontier: dict
    stopped: bool
    best_epoch: int
    note: str = ""


@dataclass
class Inputs:
    """What the tail takes, for each split: activations at the frontier, or pixels where there is no frozen part."""

    train: Activations
    validation: Activations
    test: Activations
    views: list[Activations] = field(default_factory=list)
    augmenter: Augmenter | None = None


def batch_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """Return the order of the training images in an epoch (from 1); plain Keras can follow it."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def view_choice(seed: int, epoch: int, n: int, views: int) -> np.ndarray:
    """Return which view of each image an epoch uses, int of shape (n,)."""
    return np.random.default_rng([seed, epoch, 1]).integers(0, views, n)


def train(experiment: Experiment, dataset: Dataset, events: Events | None = None) -> Outcome:
    """Train, and return curves, predictions, what was measured on the way, and the model.

    Parameters
    ----------
    experiment
        What to train.
    dataset
        Decoded images at ``experiment.backbone.size``.
    events
        Listener; nobody by default.

    Raises
    ------
    WeightsError
        When the backbone's weights cannot be had.
    """
    return Trainer(experiment, dataset, events or Silent()).run()


class Trainer:
    """One run of one Experiment."""

    def __init__(self, experiment: Experiment, dataset: Dataset, events: Events):
        self.experiment, self.dataset, self.events = experiment, dataset, events
        self.settings = experiment.training
        self.seconds: dict[str, float] = {}
        self.rows: list[dict[str, float]] = []
        self.n = len(dataset.train)
        self.classes = np.eye(len(dataset.class_names), dtype=np.float32)

    def run(self) -> Outcome:
        """Prepare, train, evaluate."""
        if self.settings.deterministic:
            _deterministic()
        self.events.phase("loading the network")
        started = time.monotonic()
        self.program = program_for(self.experiment, len(self.dataset.class_names))
        self.seconds["building"] = time.monotonic() - started
        self.inputs = self._inputs()
        self.clean_rows = self._clean_rows()
        probes = self._probes_before()
        started = time.monotonic()
        stopped, note = self._epochs()
        self.seconds["training"] = time.monotonic() - started
        self.events.phase("evaluating")
        evaluation = self._evaluate()
        probes |= self._probes_after(evaluation)
        history = pd.DataFrame(self.rows)
        best = (
            int(history["epoch"].iloc[history["val_loss"].argmin()])
            if history.get("val_loss", pd.Series()).notna().any()
            else 0
        )
        return Outcome(history, evaluation, probes, self.program.full, self._report(), stopped, best, note)

    # What is computed once -------------------------------------------------------------------------------------------

    def _inputs(self) -> Inputs:
        self.events.phase("computing frozen features", detail=self.program.frontier.text)
        started, self.computed = time.monotonic(), 0
        data, spec = self.dataset, self.experiment.augmentation
        inputs = Inputs(self._at_frontier(data.train), self._at_frontier(data.validation), self._at_frontier(data.test))
        if spec.active and spec.views:
            inputs.views = [self._at_frontier(data.train, view) for view in range(spec.views)]
        elif spec.active:
            inputs.augmenter = Augmenter(spec, view_seed(spec, self.settings.seed, 0))
        self.seconds["frozen features"] = time.monotonic() - started
        if self.computed and self.program.frontier.cached:
            costs.remember(
                inference=self.computed * self.program.frontier.prefix_flops / self.seconds["frozen features"]
            )
        return inputs

    def _at_frontier(self, split: Split, view: int | None = None) -> Activations:
        """Return what the tail sees of a split, or of one augmented view of it."""
        line, spec = self.program.frontier, self.experiment.augmentation
        if not line.cached and view is None:
            return Activations((_Rows(split),), reused=True)  # type: ignore[arg-type]  # indexed alike
        weights = backbone.fingerprint(self.experiment.backbone, self.settings.seed) if line.cached else ""
        steps = [s.model_dump() for s in spec.active] if view is not None else []
        pooling = self.experiment.head.pooling if line.pooled else ""
        key = activations.key_of(
            1,
            split.fingerprint,
            weights,
            line.cut if line.cached else (),
            pooling,
            steps,
            view,
            self.settings.seed if steps else 0,
        )
        shapes = [(len(split), *shape) for shape in self.program.cut_shapes]
        found = activations.get_or_compute(key, shapes, lambda: self._blocks(split, view))
        self.computed += 0 if found.reused else len(split)
        return found

    def _blocks(self, split: Split, view: int | None):
        change = (
            Augmenter(self.experiment.augmentation, view_seed(self.experiment.augmentation, self.settings.seed, view))
            if view is not None
            else None
        )
        done = 0
        for images in split.batches(64):
            images = change(images) if change else images.astype(np.float32)
            yield self.program.run_prefix(images)
            done += len(images)
            self.events.progress(
                epoch=0, epochs=self.settings.epochs, batch=done, batches=len(split), seconds_left=None
            )

    def _clean_rows(self) -> np.ndarray:
        """Return the training images of the clean curve: all, or a fixed sample where a pass through the tail is expensive."""
        limit = (
            max(CLEAN_SAMPLE, len(self.dataset.validation))
            if self.program.frontier.tail_share < 0.5
            else len(self.dataset.validation)
        )
        if self.program.frontier.tail_flops == 0 or self.n <= limit:
            return np.arange(self.n)
        return np.sort(np.random.default_rng(0).permutation(self.n)[:limit])

    # The loop --------------------------------------------------------------------------------------------------------

    def _epochs(self) -> tuple[bool, str]:
        self.events.phase("training")
        best, best_weights, waited, note, stopped = math.inf, self.program.weights(), 0, "", False
        stopping = self.settings.early_stopping
        for epoch in range(1, self.settings.epochs + 1):
            metrics, stopped = self._one_epoch(epoch)
            if metrics is None:
                break
            self.rows.append(metrics)
            self.events.epoch(metrics)
            if not math.isfinite(metrics["loss"]):
                note = f"The loss became {metrics['loss']} in epoch {epoch}, so training ended: the learning rate is too high."
                break
            score = -metrics["val_accuracy"] if stopping and stopping.monitor == "val_accuracy" else metrics["val_loss"]
            waited = 0 if score < best else waited + 1
            if score < best:
                best, best_weights = score, self.program.weights()
            stopped = stopped or self.events.stop_requested()
            if stopped:
                break
            if stopping and waited >= stopping.patience:
                note = f"EarlyStopping ended the run after epoch {epoch}: no better {stopping.monitor} for {waited} epochs."
                break
        if stopped or note or (stopping and stopping.restore_best):
            keep_last = stopping and not stopping.restore_best and not stopped and "NaN" not in note
            if not keep_last:
                self.program.set_weights(best_weights)
        return stopped, note

    def _one_epoch(self, epoch: int) -> tuple[dict[str, float] | None, bool]:
        """Train one epoch and measure; (None, True) when a stop came before it was done."""
        started, order = time.monotonic(), batch_order(self.settings.seed, epoch, self.n)
        size = self.settings.batch_size
        batches = -(-self.n // size)
        views = view_choice(self.settings.seed, epoch, self.n, max(len(self.inputs.views), 1))
        weights, labels = self._class_weights(), self.dataset.train.labels
        loss = right = 0.0
        for batch in range(batches):
            rows = order[batch * size : (batch + 1) * size]
            self.program.set_rates(self._rate(epoch, batch, batches), warming_up=epoch <= self.settings.warmup_epochs)
            batch_loss, batch_right = self.program.train_step(
                self._batch(rows, views), self.classes[labels[rows]], weights[labels[rows]]
            )
            loss, right = loss + float(batch_loss) * len(rows), right + float(batch_right)
            if epoch == 1:
                self.first_losses.append(float(batch_loss))
            self._tell(epoch, batch + 1, batches, started)
            if batch % 4 == 3 and self.events.stop_requested():
                return None, True
        self.step_seconds = (time.monotonic() - started) / batches
        measured = {"epoch": epoch, "loss": loss / self.n, "accuracy": right / self.n}
        measured |= self._measure("clean", self.dataset.train, self.inputs.train, self.clean_rows)
        measured |= self._measure("val", self.dataset.validation, self.inputs.validation)
        measured |= {"learning_rate": self._rate(epoch, batches - 1, batches), "seconds": time.monotonic() - started}
        return measured, False

    def _batch(self, rows: np.ndarray, views: np.ndarray) -> list[np.ndarray]:
        inputs = self.inputs
        if inputs.augmenter:
            images = inputs.augmenter(np.asarray(self.dataset.train.source[self.dataset.train.indices[rows]]))
            return self.program.run_prefix(images)
        if not inputs.views:
            return inputs.train.rows(rows)
        per_row = [inputs.views[v].rows(np.array([r])) for r, v in zip(rows, views[rows], strict=True)]
        return [np.concatenate(parts) for parts in zip(*per_row, strict=True)]

    def _rate(self, epoch: int, batch: int, batches: int) -> float:
        """Return the learning rate: constant, or falling by cosine or exponentially (to 1%) over the run."""
        done = ((epoch - 1) * batches + batch) / (self.settings.epochs * batches)
        factor = {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * done)), "exponential": 0.01**done}[
            self.settings.schedule
        ]
        return self.settings.learning_rate * factor

    def _class_weights(self) -> np.ndarray:
        """Return a weight a class, as scikit-learn's "balanced": n / (classes * count)."""
        counts = np.bincount(self.dataset.train.labels, minlength=len(self.classes))
        balanced = self.n / (len(counts) * np.maximum(counts, 1))
        return (balanced if self.settings.class_weights else np.ones(len(counts))).astype(np.float32)

    def _tell(self, epoch: int, batch: int, batches: int, started: float) -> None:
        per_batch = (time.monotonic() - started) / batch
        left = per_batch * (batches - batch + (self.settings.epochs - epoch) * batches)
        self.events.progress(epoch=epoch, epochs=self.settings.epochs, batch=batch, batches=batches, seconds_left=left)

    # Measurements ----------------------------------------------------------------------------------------------------

    def _predict(
        self, inputs: Activations, n: int, rows: np.ndarray | None = None, *, batch_statistics: bool = False
    ) -> np.ndarray:
        rows = np.arange(n) if rows is None else rows
        parts = [
            self.program.predict(inputs.rows(rows[i : i + INFERENCE_BATCH]), batch_statistics=batch_statistics)
            for i in range(0, len(rows), INFERENCE_BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def _measure(
        self, prefix: str, split: Split, inputs: Activations, rows: np.ndarray | None = None
    ) -> dict[str, float]:
        """Return loss and accuracy in inference mode, as ``model.evaluate`` gives them."""
        rows = np.arange(len(split)) if rows is None else rows
        probabilities, labels = self._predict(inputs, len(split), rows), split.labels[rows]
        loss = self.program.loss_of(self.classes[labels], probabilities)
        return {f"{prefix}_loss": loss, f"{prefix}_accuracy": float((probabilities.argmax(1) == labels).mean())}

    def _evaluate(self) -> Evaluation:
        inputs = {"train": self.inputs.train, "validation": self.inputs.validation, "test": self.inputs.test}
        made = {
            name: Predictions(split.labels, self._predict(inputs[name], len(split)), split.names, split.indices)
            for name, split in self.dataset.splits.items()
        }
        return Evaluation(self.dataset.class_names, made)

    def _probes_before(self) -> dict:
        self.first_losses: list[float] = []
        self.before = self.program.weights()
        sample = self.clean_rows[:200]
        features = self.program.features(self.inputs.train.rows(sample))
        start = self._measure("val", self.dataset.validation, self.inputs.validation)
        start |= self._measure("clean", self.dataset.train, self.inputs.train, sample)
        return {"initial": start, "feature_std": float(features.std(0).mean())}

    def _probes_after(self, evaluation: Evaluation) -> dict:
        counts = np.bincount(self.dataset.train.labels, minlength=len(self.classes)).tolist()
        sizes = {f"n_{name}": len(split) for name, split in self.dataset.splits.items()}
        return {
            **sizes,
            "n_classes": len(self.classes),
            "class_counts": counts,
            **self.program.parameter_counts(),
            "update_ratios": self.program.update_ratios(self.before),
            "dead_head_units": self.program.dead_units(self.inputs.train.rows(self.clean_rows[:200])),
            "batchnorm_gap": self._batchnorm_gap(),
            "first_batch_losses": self.first_losses,
            "clean_sample": len(self.clean_rows),
            "weights": backbone.explain(self.experiment.backbone),
        }

    def _batchnorm_gap(self) -> dict[str, float] | None:
        """Return loss and accuracy on training images with batch statistics minus those in inference mode."""
        if not self.program.thawed_batchnorm:
            return None
        rows = np.random.default_rng(0).permutation(
            self.clean_rows
        )  # mixed classes: batch statistics depend on the company
        labels, held = self.dataset.train.labels[rows], self.program.weights()
        values = {}
        for mode in (True, False):
            p = self._predict(self.inputs.train, self.n, rows, batch_statistics=mode)
            values[mode] = (self.program.loss_of(self.classes[labels], p), float((p.argmax(1) == labels).mean()))
        self.program.set_weights(held)
        return {"loss": values[True][0] - values[False][0], "accuracy": values[True][1] - values[False][1]}

    def _report(self) -> dict:
        """Say what the frontier saved, in figures measured during this run."""
        line, inputs = self.program.frontier, self.inputs
        kept = [inputs.train, inputs.validation, inputs.test, *inputs.views] if line.cached else []
        cost = costs.estimate(self.experiment, self.n, len(self.dataset.validation))
        done = len(self.rows) / self.settings.epochs
        return {
            "text": line.text,
            "cut": list(line.cut),
            "tail_share": line.tail_share,
            "reused": bool(kept) and all(a.reused for a in kept),
            "megabytes": sum(a.megabytes for a in kept),
            "images_computed": self.computed,
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "plain_seconds": cost.plain * done,
            "costs": asdict(cost),
        }


class _Rows:
    """A split's pixels, indexed like an array of activations."""

    def __init__(self, split: Split):
        self.split, self.nbytes = split, 0

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.split.source[self.split.indices[rows]], np.float32)


def _deterministic() -> None:
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def warm() -> None:
    """Import TensorFlow and run a small network once, so that the first person does not wait for it."""
    layers = model.build_head(Experiment().head, 2)
    base = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None, alpha=0.35)
    line = frontier.find(Experiment())
    frontier.prefix(base, line, layers[0]).predict(np.zeros((1, 96, 96, 3), np.float32), verbose=0)
