"""Trains one Experiment on one data set and tells what happens; knows no engine, no store, no page."""

import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from core.data import Dataset, Split
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment, view_seed
from core.network import backbone
from core.network.augmentation import Augmenter
from core.training import activations, costs, label_check
from core.training.activations import Activations
from core.training.events import Events, Outcome, Silent
from core.training.program import IN_CACHE, Seen, program_for

INFERENCE_BATCH = 64
CLEAN_SAMPLE = 400  # training images of the clean curve where a pass through the tail is expensive
PROBE_IMAGES = 400
SMALL_TAIL = 0.02  # below it a step's time is overhead, not arithmetic
CHUNK_SECONDS, CHUNK_BYTES = (
    0.2,
    64 * 2**20,
)  # steps taken in one call: a stop is heard and progress shown five times a second


@dataclass
class Inputs:
    """What the tail takes, for each split: activations at the frontier, or pixels where there is no frozen part."""

    train: Activations
    validation: Activations
    test: Activations
    views: list[Activations] = field(default_factory=list)
    augmenter: Augmenter | None = None


@dataclass
class _Best:
    """The best epoch so far: its score (lower is better), weights, and what the network showed."""

    score: float
    weights: list[np.ndarray]
    seen: dict[str, Seen]


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
        self.seen: dict[str, Seen] = {}
        self.chunk, self.step_seconds = 1, list[float]()
        self.first_losses: list[float] = []

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
        self._remember_rates()
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
            2,
            self.settings.mixed_precision,
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
        best, waited, note, stopped = _Best(math.inf, self.program.weights(), dict(self.seen)), 0, "", False
        stopping, diverged = self.settings.early_stopping, False
        for epoch in range(1, self.settings.epochs + 1):
            if not self._train_epoch(epoch):
                stopped = True
                break
            metrics = self._measure_epoch(epoch)
            diverged = not math.isfinite(metrics["loss"])
            if diverged:
                note = f"The loss became {metrics['loss']} in epoch {epoch}, so training ended: the learning rate is too high."
                break
            score = -metrics["val_accuracy"] if stopping and stopping.monitor == "val_accuracy" else metrics["val_loss"]
            waited = 0 if score < best.score else waited + 1
            if score < best.score:
                best = _Best(score, self.program.weights(), dict(self.seen))
            stopped = self.events.stop_requested()
            if stopped:
                break
            if stopping and waited >= stopping.patience:
                note = f"EarlyStopping ended the run after epoch {epoch}: no better {stopping.monitor} for {waited} epochs."
                break
        if stopped or diverged or (stopping and stopping.restore_best):
            self.program.set_weights(best.weights)
            self.seen = best.seen
        return stopped, note

    def _train_epoch(self, epoch: int) -> bool:
        """Take an epoch's steps; False when a stop came before it was done."""
        self.epoch_started, order = time.monotonic(), batch_order(self.settings.seed, epoch, self.n)
        size, batches = self.settings.batch_size, -(-self.n // self.settings.batch_size)
        views = view_choice(self.settings.seed, epoch, self.n, max(len(self.inputs.views), 1))
        weights, labels = self._class_weights(), self.dataset.train.labels
        self.program.set_warming_up(epoch <= self.settings.warmup_epochs)
        losses: list[float] = []
        right, done = 0.0, 0
        while done < batches:
            started, steps = time.monotonic(), min(self.chunk, batches - done)
            rows = order[done * size : (done + steps) * size]
            rates = [self._rate(epoch, batch, batches) for batch in range(done, done + steps)]
            made = self.program.train_steps(
                self._batch(rows, views), self.classes[labels[rows]], weights[labels[rows]], rates, size
            )
            losses, right, done = [*losses, *made[0].tolist()], right + float(made[1].sum()), done + steps
            self.chunk = self._next_chunk((time.monotonic() - started) / steps)
            self._tell(epoch, done, batches)
            if done < batches and self.events.stop_requested():
                return False
        shares = np.diff([*range(0, self.n, size), self.n]) / self.n
        self.trained = {"loss": float(shares @ losses), "accuracy": right / self.n, "learning_rate": rates[-1]}
        self.step_seconds.append((time.monotonic() - self.epoch_started) / batches)
        if epoch == 1:
            self.first_losses = losses
        return True

    def _next_chunk(self, step_seconds: float) -> int:
        """Return how many steps to take in one call; one where pictures are drawn anew, so that time does not decide which."""
        if self.inputs.augmenter:
            return 1
        row = 4 * sum(math.prod(shape) for shape in self.program.cut_shapes)
        fitting = CHUNK_BYTES // (row * self.settings.batch_size)
        return max(1, min(int(CHUNK_SECONDS / step_seconds), fitting))

    def _measure_epoch(self, epoch: int) -> dict[str, float]:
        metrics = {"epoch": epoch, "loss": self.trained["loss"], "accuracy": self.trained["accuracy"]}
        metrics |= self._measure("clean", "train", self.clean_rows) | self._measure("val", "validation")
        metrics |= {
            "learning_rate": self.trained["learning_rate"],
            "seconds": time.monotonic() - self.epoch_started,
        }
        self.rows.append(metrics)
        self.events.epoch(metrics)
        return metrics

    def _batch(self, rows: np.ndarray, views: np.ndarray) -> list[np.ndarray]:
        inputs = self.inputs
        if inputs.augmenter:
            images = inputs.augmenter(np.asarray(self.dataset.train.source[self.dataset.train.indices[rows]]))
            return self.program.run_prefix(images)
        if not inputs.views:
            return inputs.train.rows(rows)
        mixed = [np.empty((len(rows), *shape), np.float32) for shape in self.program.cut_shapes]
        for view in np.unique(views[rows]):
            here = views[rows] == view
            for array, values in zip(mixed, inputs.views[view].rows(rows[here]), strict=True):
                array[here] = values
        return mixed

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

    def _tell(self, epoch: int, batch: int, batches: int) -> None:
        per_batch = (time.monotonic() - self.epoch_started) / batch
        left = per_batch * (batches - batch + (self.settings.epochs - epoch) * batches)
        self.events.progress(epoch=epoch, epochs=self.settings.epochs, batch=batch, batches=batches, seconds_left=left)

    # Measurements ----------------------------------------------------------------------------------------------------

    def _see(self, name: str, rows: np.ndarray) -> Seen:
        """Return what the network shows of some images of a split; features and hidden units of a sample of the training images."""
        inputs, labels = getattr(self.inputs, name), self.dataset.splits[name].labels
        size = IN_CACHE if self.program.frontier.tail_share > 0.5 else INFERENCE_BATCH
        sampled, parts = _sampled(len(rows) if name == "train" else 0), []
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            seen = self.program.see(inputs.rows(part), self.classes[labels[part]])
            keep = sampled[(sampled >= start) & (sampled < start + size)] - start
            parts.append(seen._replace(features=seen.features[keep], hidden=seen.hidden[keep]))
        if not parts:
            empty = np.zeros((0, len(self.classes)), np.float32)
            return Seen(empty, empty[:, 0], empty, empty)
        return Seen(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _measure(self, prefix: str, name: str, rows: np.ndarray | None = None) -> dict[str, float]:
        """Return loss and accuracy in inference mode, as ``model.evaluate`` gives them."""
        rows = np.arange(len(self.dataset.splits[name])) if rows is None else rows
        seen, labels = self._see(name, rows), self.dataset.splits[name].labels[rows]
        self.seen[name] = seen
        if not len(rows):
            return {f"{prefix}_loss": math.nan, f"{prefix}_accuracy": math.nan}
        right = float((seen.probabilities.argmax(1) == labels).mean())
        return {f"{prefix}_loss": float(seen.losses.mean(dtype=np.float64)), f"{prefix}_accuracy": right}

    def _evaluate(self) -> Evaluation:
        """Return the predictions of the final weights: those of the last measurement, and what it left out."""
        made = {}
        for name, split in self.dataset.splits.items():
            known = self.seen.get(name)
            if known is None or len(known.losses) < len(split):
                known = self._see(name, np.arange(len(split)))
            made[name] = Predictions(split.labels, known.probabilities, split.names, split.indices)
        return Evaluation(self.dataset.class_names, made)

    def _probes_before(self) -> dict:
        self.before = self.program.weights()
        start = self._measure("val", "validation") | self._measure("clean", "train", self.clean_rows)
        features = self.seen["train"].features
        return {
            "initial": start,
            "feature_std": float(features.std(0).mean()),
            "labels_doubted": self._doubted_labels(features),
        }

    def _doubted_labels(self, features: np.ndarray) -> dict:
        """Say which training labels a linear model on the untrained network's features doubts, as rows of the training split."""
        rows = self.clean_rows[_sampled(len(self.clean_rows))]
        found = label_check.doubted(features, self.dataset.train.labels[rows], len(self.classes))
        return {**found, "rows": rows[found["rows"]].tolist(), "looked_at": len(rows)}

    def _probes_after(self, evaluation: Evaluation) -> dict:
        counts = np.bincount(self.dataset.train.labels, minlength=len(self.classes)).tolist()
        sizes = {f"n_{name}": len(split) for name, split in self.dataset.splits.items()}
        return {
            **sizes,
            "n_classes": len(self.classes),
            "class_counts": counts,
            **self.program.parameter_counts(),
            "update_ratios": self.program.update_ratios(self.before),
            "gradient_ratios": self.program.gradient_ratios(),
            "dead_head_units": self._dead_units(),
            "batchnorm_gap": self._batchnorm_gap(),
            "first_batch_losses": self.first_losses,
            "clean_sample": len(self.clean_rows),
            "weights": backbone.explain(self.experiment.backbone),
        }

    def _dead_units(self) -> float | None:
        """Return the share of the head's hidden ReLU units that no training image activates; None without such units."""
        hidden = self.seen["train"].hidden
        return float(1 - (hidden > 0).any(0).mean()) if hidden.size else None

    def _batchnorm_gap(self) -> dict[str, float] | None:
        """Return loss and accuracy on training images with batch statistics minus those in inference mode."""
        if not self.program.thawed_batchnorm:
            return None
        known, held = self.seen["train"], self.program.weights()
        positions = np.random.default_rng(0).permutation(len(self.clean_rows))  # mixed classes: company matters
        positions = positions[: len(positions) // 2 * 2][:PROBE_IMAGES]
        labels = self.dataset.train.labels[self.clean_rows[positions]]
        parts = []
        for start in range(0, len(positions), self.settings.batch_size):
            here = positions[start : start + self.settings.batch_size]
            inputs = self.inputs.train.rows(self.clean_rows[here])
            targets = self.classes[self.dataset.train.labels[self.clean_rows[here]]]
            parts.append(self.program.see_with_batch_statistics(inputs, targets))
        self.program.set_weights(held)
        probabilities, losses = (np.concatenate(values) for values in zip(*parts, strict=True))
        right = [(p.argmax(1) == labels).mean() for p in (probabilities, known.probabilities[positions])]
        return {
            "loss": float(losses.mean() - known.losses[positions].mean()),
            "accuracy": float(right[0] - right[1]),
        }

    def _remember_rates(self) -> None:
        line, steady = self.program.frontier, self.step_seconds[1:]  # the first epoch may have compiled
        if not steady:
            return
        step = float(np.median(steady))
        batch = min(self.settings.batch_size, self.n)
        if line.tail_share > SMALL_TAIL:
            costs.remember(training=costs.FORWARD_AND_BACKWARD * line.tail_flops * batch / step)
        else:
            costs.remember(step_overhead=step)

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


def _sampled(n: int) -> np.ndarray:
    """Return evenly spaced positions, at most 400: images may come in order of their classes."""
    return np.linspace(0, n - 1, min(PROBE_IMAGES, n)).astype(int)


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
    """Build and compile what the first person is likely to train, so that they do not wait for it."""
    x = Experiment()
    program = program_for(x, 3)
    cut = program.run_prefix(np.zeros((INFERENCE_BATCH, x.backbone.size, x.backbone.size, 3), np.float32))
    targets = np.eye(3, dtype=np.float32)[np.zeros(INFERENCE_BATCH, int)]
    program.see(cut, targets)
    program.train_steps(cut, targets, np.ones(len(targets), np.float32), [0.0, 0.0], INFERENCE_BATCH // 2)
