"""The evidence, computed once: what curves, predictions, settings and data say, with its uncertainty."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.errors import HistoryError
from core.evaluation import Evaluation, Predictions, per_class
from core.experiment import DenseLayer, DropoutLayer, Experiment
from core.statistics import wilson

LOSS_COLUMNS, ACCURACY_COLUMNS = ("loss", "val_loss"), ("accuracy", "val_accuracy")
SMALL_BATCH = 8  # images; below, a batch's mean and variance are mostly noise (Wu and He, "Group normalization", 2018)
FALLING = 0.06  # relative fall of a loss over the last quarter of a run that is worth training on for
EXPLODED = 5  # a loss of so many times guessing is not slow learning: the model is sure and wrong


@dataclass(frozen=True)
class Observations:
    """Everything known about a run; all but the history may be missing."""

    history: pd.DataFrame
    experiment: Experiment | None = None
    evaluation: Evaluation | None = None
    probes: dict[str, Any] = field(default_factory=dict)
    health: tuple = ()


def smooth(values: np.ndarray) -> np.ndarray:
    """Return a centred running median over about a tenth of the epochs (1 to 9), which single spikes do not move."""
    width = min(9, len(values) // 10 | 1)
    return pd.Series(values).rolling(width, center=True, min_periods=1).median().to_numpy()


def noise_level(values: np.ndarray) -> float:
    """Return the standard deviation of a curve's jitter, from its second differences (zero for smooth curves).

    References
    ----------
    Median absolute deviation times 1.4826 estimates a normal standard deviation; a second difference of independent errors has
    variance 6 (Gasser, Sroka and Jennen-Steinmetz, Biometrika 1986).
    """
    if len(values) < 4:
        return 0.0
    second = np.diff(values, 2)
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6))


class Evidence:
    """Figures that rules look at.

    Parameters
    ----------
    seen
        What is known about the run.

    Raises
    ------
    HistoryError
        When the history has no epochs, or neither a loss nor an accuracy.
    """

    def __init__(self, seen: Observations):
        table = seen.history.reset_index(drop=True)
        if not len(table) or not any(c in table for c in LOSS_COLUMNS + ACCURACY_COLUMNS):
            raise HistoryError(
                "The history needs a column loss, val_loss, accuracy or val_accuracy and at least one epoch."
            )
        self.seen, self.table, self.probes, self.experiment = seen, table, seen.probes, seen.experiment
        self.n_train, self.n_val, self.n_classes = (self._count(k) for k in ("n_train", "n_validation", "n_classes"))

    def _count(self, key: str) -> int | None:
        value = self.probes.get(key)
        return int(value) if value else None

    def column(self, name: str) -> np.ndarray | None:
        """Return a column as floats, accuracies as shares; None where it is missing or holds nothing finite."""
        if name not in self.table:
            return None
        values = pd.to_numeric(self.table[name], errors="coerce").to_numpy(float)
        if not np.isfinite(values).any():
            return None
        return values / 100 if name.endswith("accuracy") and np.nanmax(values) > 1.5 else values

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
        return len(self.table)

    @cached_property
    def epochs(self) -> np.ndarray:
        """Epoch numbers as the person sees them, from 1."""
        return self.table["epoch"].to_numpy(float) if "epoch" in self.table else np.arange(1, self.n_epochs + 1.0)

    @cached_property
    def broken(self) -> bool:
        """Whether a loss became NaN or infinite."""
        measured = self.table.attrs.get(
            "not_finite"
        )  # rows in which a reader saw NaN or infinity; elsewhere NaN means not measured
        if measured is not None:
            return any(measured.get(c) for c in LOSS_COLUMNS)
        present = {
            c: pd.to_numeric(self.table[c], errors="coerce").to_numpy(float) for c in LOSS_COLUMNS if c in self.table
        }
        return any(np.isinf(v).any() or _breaks_off(v) for v in present.values())

    @cached_property
    def times_guessing(self) -> float | None:
        """The last training loss over ln(classes), that of guessing; the smaller one of reported (without lag) and clean (without penalty)."""
        ends = [end for end in (_end(self.column("loss")), _end(self.train_loss)) if end is not None]
        return min(ends) / float(np.log(self.n_classes)) if ends and self.n_classes and self.n_classes > 1 else None

    @property
    def exploded(self) -> bool:
        """Whether training ended without anything learnt and far more wrong than guessing: the weights ran away in the first epoch."""
        return (self.times_guessing or 0) > EXPLODED and (self.learnt is None or self.learnt < 0.3)

    @property
    def ran_away(self) -> tuple[float, float] | None:
        """The first and the last training loss where the last is far above the first, and above that of guessing; else None.

        A fine-tuned network begins near zero, where three times as much is still nothing.
        """
        curve = finite(self.train_loss) if self.train_loss is not None else np.zeros(0)
        if len(curve) < 3 or curve[-1] <= max(1.5 * curve[0], 1.2 * curve.min()):
            return None
        if self.train_accuracy is None and curve[-1] > EXPLODED * curve[0]:
            return float(curve[0]), float(curve[-1])  # a loss on another scale, where guessing is not known
        knows_nothing = self.train_accuracy is None or (self.learnt or 0.0) < 0.5
        above = curve[-1] > np.log(self.n_classes or 2)
        return (float(curve[0]), float(curve[-1])) if above and knows_nothing else None

    @cached_property
    def train_loss(self) -> np.ndarray | None:
        """The clean training loss where there is one, else the reported one."""
        clean = self.column("clean_loss")
        return clean if clean is not None else self.column("loss")

    @cached_property
    def val_loss(self) -> np.ndarray | None:
        """The validation loss."""
        return self.column("val_loss")

    @cached_property
    def is_clean(self) -> bool:
        """Whether the training curve was measured in inference mode on unchanged images."""
        return self.column("clean_loss") is not None

    @cached_property
    def restored(self) -> bool:
        """Whether EarlyStopping put the best weights back, so that what happened after them does not matter."""
        stopping = self.experiment.training.early_stopping if self.experiment is not None else None
        return stopping is not None and stopping.restore_best

    def answers(self, split: str) -> Predictions | None:
        """Return the model's answers on a split; None where they are not known or not finite."""
        found = self.seen.evaluation.splits.get(split) if self.seen.evaluation is not None else None
        return found if found is not None and len(found.labels) and np.isfinite(found.probabilities).all() else None

    @cached_property
    def train_accuracy(self) -> float | None:
        """Training accuracy of the model that is kept, clean where that is known."""
        answers = self.answers("train")
        if answers is not None:
            return answers.accuracy
        clean = self.column("clean_accuracy")
        return _end(clean if clean is not None else self.column("accuracy"))

    @cached_property
    def reported_accuracy(self) -> float | None:
        """Training accuracy as ``fit`` reports it, at the end."""
        return _end(self.column("accuracy"))

    @cached_property
    def clean_accuracy(self) -> float | None:
        """Clean training accuracy at the end of the curve."""
        return _end(self.column("clean_accuracy"))

    @cached_property
    def val_accuracy(self) -> float | None:
        """Validation accuracy of the model that is kept."""
        answers = self.answers("validation")
        return answers.accuracy if answers is not None else _end(self.column("val_accuracy"))

    @cached_property
    def underconfidence(self) -> float:
        """Validation accuracy minus mean confidence (expected calibration error in one bin, signed); 0 where unknown."""
        answers = self.answers("validation")
        return answers.accuracy - float(answers.probabilities.max(1).mean()) if answers is not None else 0.0

    @cached_property
    def class_recalls(self) -> np.ndarray | None:
        """Recall of each class on validation images and their number, shape (n_classes, 2); None where answers are not known."""
        answers = self.answers("validation")
        if answers is None:
            return None
        numbers = tuple(map(str, range(answers.probabilities.shape[1])))
        return per_class(answers, numbers)[["recall", "images"]].to_numpy(float)

    @cached_property
    def class_spread(self) -> float | None:
        """Highest minus lowest recall of classes that have validation images."""
        if self.class_recalls is None:
            return None
        known = self.class_recalls[self.class_recalls[:, 1] > 0, 0]
        return float(np.ptp(known))

    @cached_property
    def beyond_colours(self) -> float | None:
        """Validation accuracy minus that of a linear model on mean colours; None where colours hardly tell anything."""
        note = self.note("colour_tells")
        return None if note is None or self.val_accuracy is None else self.val_accuracy - note.numbers["accuracy"]

    @cached_property
    def linear_bound(self) -> float | None:
        """What a linear model on the frozen features reaches at most on training images that it was not fitted to (Wilson); None where it is not known."""
        found = self.probes.get("labels_doubted")
        return wilson(found["accuracy"] * found["looked_at"], found["looked_at"])[1] if found else None

    @cached_property
    def parameters_per_image(self) -> float | None:
        """Trainable parameters over training images."""
        trainable = self.probes.get("trainable_parameters")
        return trainable / self.n_train if trainable and self.n_train else None

    @cached_property
    def learning_rate(self) -> float | None:
        """Mean learning rate over the run, schedule included."""
        rates = self.column("learning_rate")
        if rates is not None:
            return float(np.nanmean(rates))
        return self.experiment.training.learning_rate if self.experiment is not None else None

    @cached_property
    def best(self) -> int:
        """Position of the lowest smoothed validation loss (training loss without one)."""
        curve = self.val_loss if self.val_loss is not None else self.train_loss
        if curve is None:
            return 0
        known = np.flatnonzero(np.isfinite(curve))
        return int(known[np.argmin(smooth(curve[known]))])

    @cached_property
    def lowest(self) -> int:
        """Position of the lowest validation loss itself before the last one to three, which a rise is measured to: what a sentence may name."""
        if self.val_loss is None:
            return self.best
        known = np.flatnonzero(np.isfinite(self.val_loss))
        before = known[: -self._last_few] if len(known) > self._last_few else known
        return int(before[np.argmin(self.val_loss[before])])

    @cached_property
    def risen(self) -> float:
        """Rise from the lowest validation loss to the median of the last one to three, as a share: what a sentence may say."""
        if self.val_loss is None:
            return 0.0
        low = float(self.val_loss[self.lowest])
        return (self.last_val_loss - low) / max(abs(low), 1e-9)

    @property
    def rise_in_words(self) -> str:
        """From what to what the validation loss rose, where it did."""
        if self.val_loss is None:
            return ""
        end = (
            f"the last {self.unit}" if self._last_few == 1 else f"the last {self._last_few} {self.unit}s (their median)"
        )
        return f"from {self.val_loss[self.lowest]:.3g} at {self.when(self.lowest)} to {self.last_val_loss:.3g} in {end}"

    @property
    def _last_few(self) -> int:
        return min(3, max(1, len(finite(self.val_loss)) // 8)) if self.val_loss is not None else 1

    @cached_property
    def last_val_loss(self) -> float:
        """Median of the last one to three validation losses (more in longer runs); NaN without one."""
        known = finite(self.val_loss) if self.val_loss is not None else np.zeros(0)
        return float(np.median(known[-self._last_few :])) if len(known) else float("nan")

    @cached_property
    def kept(self) -> int:
        """Position of the best epoch as plots and EarlyStopping see it: the one whose weights are kept, unsmoothed.

        Without EarlyStopping, and where it watches the loss, that is the lowest validation loss; else the highest validation accuracy.
        """
        stopping = self.experiment.training.early_stopping if self.experiment is not None else None
        accuracy = self.column("val_accuracy")
        if stopping is not None and stopping.monitor == "val_accuracy" and accuracy is not None:
            return int(np.nanargmax(accuracy)) if np.isfinite(accuracy).any() else 0
        curve = self.val_loss if self.val_loss is not None else self.train_loss
        return int(np.nanargmin(curve)) if curve is not None and np.isfinite(curve).any() else 0

    @cached_property
    def rebound(self) -> float:
        """(last − best) / best of the smoothed validation loss; 0 without one."""
        if self.val_loss is None or len(finite(self.val_loss)) < 3:
            return 0.0
        lowest = float(smooth(finite(self.val_loss)).min())
        return (self.last_val_loss - lowest) / max(abs(lowest), 1e-9)

    @cached_property
    def rise(self) -> float:
        """Last minus best smoothed validation loss, in the loss's own unit (nats)."""
        return self.rebound * abs(float(smooth(finite(self.val_loss)).min())) if self.val_loss is not None else 0.0

    @cached_property
    def train_rise(self) -> float:
        """Relative change of the training loss since the best epoch; positive when training images are judged worse, too."""
        if self.train_loss is None or self.n_epochs < 3:
            return 0.0
        known = np.flatnonzero(np.isfinite(self.train_loss))
        at_best, last = float(np.interp(self.best, known, smooth(self.train_loss[known]))), _end(self.train_loss)
        return (last - at_best) / max(abs(at_best), 1e-9) if last is not None and np.isfinite(at_best) else 0.0

    @cached_property
    def accuracy_lost(self) -> float:
        """Highest minus last validation accuracy, both smoothed; 0 without one."""
        curve = self.column("val_accuracy")
        return float(smooth(finite(curve)).max()) - (_end(curve) or 0.0) if curve is not None else 0.0

    @cached_property
    def val_noise(self) -> float:
        """Jitter of the validation loss relative to its lowest value."""
        if self.val_loss is None:
            return 0.0
        return noise_level(self.val_loss[np.isfinite(self.val_loss)]) / max(abs(float(np.nanmin(self.val_loss))), 1e-9)

    @cached_property
    def gap(self) -> float | None:
        """Training minus validation accuracy at the end."""
        if self.train_accuracy is None or self.val_accuracy is None:
            return None
        return self.train_accuracy - self.val_accuracy

    @cached_property
    def gap_interval(self) -> tuple[float, float] | None:
        """95% interval of the gap, from Wilson's interval of the validation accuracy; None where the number of images is unknown.

        How many of its training images the model knows is counted and not estimated, so that it adds no uncertainty, be they ever so few.
        """
        train, val = self.train_accuracy, self.val_accuracy
        if train is None or val is None or self.n_val is None:
            return None
        low, high = wilson(val * self.n_val, self.n_val)
        return train - high, train - low

    @property
    def gap_low(self) -> float | None:
        """Lower bound of the gap; the gap itself where sizes are unknown."""
        return self.gap_interval[0] if self.gap_interval is not None else self.gap

    @cached_property
    def chance(self) -> float:
        """Accuracy of always naming the largest class."""
        counts = self.probes.get("class_counts")
        if counts and sum(counts):
            return max(counts) / sum(counts)
        return 1 / self.n_classes if self.n_classes else self.chance_bound

    @cached_property
    def chance_bound(self) -> float:
        """What guessing reaches at most where the number of classes is unknown: no model begins below it, so no more than the first accuracies, and half."""
        firsts = [float(finite(c)[0]) for name in ("accuracy", "val_accuracy") if (c := self.column(name)) is not None]
        losses = [float(finite(c)[0]) for name in LOSS_COLUMNS if not firsts and (c := self.column(name)) is not None]
        bounds = [max(f, 1e-3) for f in firsts] + [float(np.exp(-min(x, 7.0))) for x in losses if x > 0]
        return min([0.5, *bounds]) if self.bare and not self.begins_late else 0.5

    @cached_property
    def learnt(self) -> float | None:
        """Training accuracy on a scale from 0 (chance) to 1 (all right); from the losses where accuracies are missing.

        Of curves alone the better one of training and validation counts: the reported training accuracy is measured with dropout and augmentation on.
        """
        if self.train_accuracy is not None:
            known = (
                max(self.train_accuracy, self.val_accuracy or 0.0)
                if self.bare and not self.is_clean
                else self.train_accuracy
            )
            return (known - self.chance) / max(1 - self.chance, 1e-9)
        end = _end(self.train_loss)
        if self.train_loss is None or end is None or self.begins_late:
            return None
        start = (
            np.log(self.n_classes)
            if self.n_classes
            else float(np.nanmax(self.train_loss[: max(1, self.n_epochs // 5)]))
        )
        return float(1 - end / max(start, 1e-9))

    @cached_property
    def still_falling(self) -> float:
        """Relative fall of the validation loss over the last quarter of the run; what training on would about give again."""
        return self.slope(self.val_loss if self.val_loss is not None else self.train_loss)[0]

    @property
    def still_falling_in_words(self) -> str:
        """What :attr:`still_falling` is about, as a reader finds it in the plot."""
        name, curve = ("validation", self.val_loss) if self.val_loss is not None else ("training", self.train_loss)
        return f"the {name} loss still fell {self.fall_in_words(curve)}" if curve is not None else "the loss still fell"

    @property
    def still_falling_since(self) -> float:
        """The epoch from which on :attr:`still_falling` looks."""
        curve = self.val_loss if self.val_loss is not None else self.train_loss
        return float(self.epochs[0 if curve is None else self._last_quarter(curve)[0]])

    @cached_property
    def to_be_had(self) -> float:
        """What the fall over the last quarter of the run comes to in the validation loss's own unit (nats)."""
        end = _end(self.val_loss)
        return self.still_falling * abs(end) if end is not None else 0.0

    @cached_property
    def train_falling(self) -> float:
        """Relative fall of the training loss over the last quarter of the run."""
        return self.slope(self.train_loss)[0]

    def slope(self, curve: np.ndarray | None) -> tuple[float, float]:
        """Return the relative fall over the last quarter of a curve and its standard error, from a straight line."""
        if curve is None:
            return 0.0, 0.0
        tail = curve[self._last_quarter(curve)]
        if len(tail) < 3:
            return 0.0, 0.0
        line, covariance = np.polyfit(np.arange(len(tail)), tail, 1, cov=True)
        scale = (len(tail) - 1) / max(abs(float(np.median(tail))), 1e-9)
        return float(-line[0] * scale), float(np.sqrt(covariance[0, 0]) * scale)

    def fall_in_words(self, curve: np.ndarray, digits: int = 0) -> str:
        """Say by how much a loss fell after which epoch, as a reader finds it in the plot: ``31% after epoch 12``.

        It is the fall of the straight line that :meth:`slope` takes, as a share of where that line begins.
        """
        at = self._last_quarter(curve)
        slope, begin = np.polyfit(np.arange(len(at)), curve[at], 1)
        return f"{-slope * (len(at) - 1) / max(begin, 1e-9):.{digits}%} after {self.when(int(at[0]))}"

    def _last_quarter(self, curve: np.ndarray) -> np.ndarray:
        """Return the positions of the last quarter of what is known of a curve, three at least; it does not reach back over a restart."""
        begins = self.last_stage if self.n_epochs - self.last_stage >= 3 else 0
        known = np.flatnonzero(np.isfinite(curve))
        return known[-max(2, len(known) // 4) - 1 :][-max(3, int((known >= begins).sum())) :]

    @cached_property
    def train_oscillation(self) -> float:
        """Share of epochs in which the training loss jumped up, by a tenth of itself and a twentieth of where it began."""
        curve = self.train_loss  # clean where there is one: dropout alone makes the reported loss jump
        if curve is None or self.n_epochs < 5 or not np.isfinite(curve[:3]).any():
            return 0.0
        start = np.log(self.n_classes) if self.n_classes else float(np.nanmax(np.abs(curve[:3])))
        first = self.n_epochs // 10
        curve = curve[first:]
        jumps = np.diff(curve) > np.maximum(0.1 * np.abs(curve[:-1]), 0.05 * start)
        for stage in self.stages[1:]:
            if 0 <= stage - 1 - first < len(jumps):
                jumps[stage - 1 - first] = False  # another stage begins with another rate or other layers
        return float(np.mean(jumps))

    @cached_property
    def shift(self) -> Any | None:
        """The health note on how validation images differ most, unless augmentation covers that."""
        note = self.note("shift_")
        steps = self.experiment.augmentation.active if self.experiment is not None else ()
        covering = {"sharpness": ("zoom", "crop")}
        kind = note.code.removeprefix("shift_") if note is not None else ""
        return None if any(step.kind in covering.get(kind, (kind,)) for step in steps) else note

    @cached_property
    def backbone_moved(self) -> float:
        """By how much the thawed kernels moved over the run, relative to their size: the median over layers."""
        return self._over_backbone("update_ratios")

    @cached_property
    def backbone_gradient(self) -> float:
        """Size of the thawed kernels' gradients in the last step, relative to the kernels': the median over layers."""
        return self._over_backbone("gradient_ratios")

    def _over_backbone(self, probe: str) -> float:
        ratios = self.probes.get(probe, {}).items()
        known = [v for k, v in ratios if not k.startswith(("predictions", "head_")) and np.isfinite(v)]
        return float(np.median(known)) if known else 0.0

    @cached_property
    def noisy_batchnorm(self) -> int | None:
        """The batch size, where BatchNorm layers of the backbone learn from batches too small to say what is usual; else None."""
        if self.experiment is None or self.probes.get("batchnorm_gap") is None:
            return None
        size = self.experiment.training.batch_size
        return size if size < SMALL_BATCH else None

    @cached_property
    def narrowest(self) -> int | None:
        """Units of the narrowest hidden layer of the head; None without one."""
        hidden = [x.units for x in self.experiment.head.layers if isinstance(x, DenseLayer)] if self.experiment else []
        return min(hidden, default=None)

    @cached_property
    def images_per_class(self) -> float | None:
        """Training images a class."""
        return self.n_train / self.n_classes if self.n_train and self.n_classes else None

    @cached_property
    def has_dropout(self) -> bool:
        """Whether the head drops units."""
        return self.experiment is not None and any(
            isinstance(x, DropoutLayer) and x.rate > 0 for x in self.experiment.head.layers
        )

    def note(self, prefix: str) -> Any | None:
        """Return the health note whose code begins with ``prefix``; of several the one with the largest effect."""
        found = [n for n in self.seen.health if n.code.startswith(prefix)]
        return max(found, key=lambda n: abs(n.numbers.get("effect", 0.0)), default=None)

    def epoch_of(self, position: int) -> int:
        """Return the epoch number of a position."""
        return int(self.epochs[position])

    def when(self, position: int) -> str:
        """Return what a row is called in a sentence: ``epoch 7``, or what the file calls it (``epoch 3 of stage 2``, ``step 500``)."""
        names = self.table.attrs.get("epoch_names")
        return str(names[position]) if names and len(names) == self.n_epochs else f"epoch {self.epochs[position]:g}"

    @property
    def unit(self) -> str:
        """What a row is: an epoch, or a step where the file counts those."""
        return "step" if self.when(self.n_epochs - 1).startswith("step") else "epoch"

    @property
    def stages(self) -> list[int]:
        """First position of each stage."""
        return list(self.table.attrs.get("stages") or [0])

    @property
    def last_stage(self) -> int:
        """Position at which the last stage begins."""
        return self.stages[-1]

    @property
    def begins_late(self) -> bool:
        """Whether the file begins in the middle of a run."""
        return bool(self.table.attrs.get("begins_late"))

    @property
    def bare(self) -> bool:
        """Whether nothing but curves is known: no settings, no answers."""
        return self.experiment is None and self.seen.evaluation is None


def finite(values: np.ndarray) -> np.ndarray:
    """Return what was measured of a curve."""
    return values[np.isfinite(values)]


def _breaks_off(values: np.ndarray) -> bool:
    """Tell whether a curve ends in NaN for good; one with gaps was measured now and then."""
    missing = np.isnan(values)
    if not missing[-1] or missing.all():
        return bool(missing.all())
    first = int(np.argmax(missing))
    return not (~missing[first:]).any()


def _end(values: np.ndarray | None) -> float | None:
    """Return the median of the last one to three finite values."""
    if values is None:
        return None
    finite = values[np.isfinite(values)]
    return float(np.median(finite[-min(3, max(1, len(finite) // 5)) :]))
