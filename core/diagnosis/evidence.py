"""The evidence, computed once: what curves, predictions, settings and data say, with its uncertainty."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.errors import HistoryError
from core.evaluation import Evaluation
from core.experiment import DropoutLayer, Experiment
from core.statistics import wilson

LOSS_COLUMNS = ("loss", "val_loss")


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
        When the history has no epochs, or neither a loss nor a validation loss.
    """

    def __init__(self, seen: Observations):
        table = seen.history.reset_index(drop=True)
        if not len(table) or not any(c in table for c in LOSS_COLUMNS):
            raise HistoryError("The history needs a column loss or val_loss and at least one epoch.")
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
        present = [
            pd.to_numeric(self.table[c], errors="coerce").to_numpy(float) for c in LOSS_COLUMNS if c in self.table
        ]
        return any(np.isinf(v).any() or np.isnan(v[-1]) or np.isnan(v).mean() > 0.5 for v in present)

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
    def train_accuracy(self) -> float | None:
        """Training accuracy at the end, clean where there is one."""
        clean = self.column("clean_accuracy")
        return _end(clean if clean is not None else self.column("accuracy"))

    @cached_property
    def reported_accuracy(self) -> float | None:
        """Training accuracy as ``fit`` reports it, at the end."""
        return _end(self.column("accuracy"))

    @cached_property
    def val_accuracy(self) -> float | None:
        """Validation accuracy at the end."""
        return _end(self.column("val_accuracy"))

    @cached_property
    def best(self) -> int:
        """Position of the lowest smoothed validation loss (training loss without one)."""
        curve = self.val_loss if self.val_loss is not None else self.train_loss
        return int(np.nanargmin(smooth(curve))) if curve is not None else 0

    @cached_property
    def rebound(self) -> float:
        """(last − best) / best of the smoothed validation loss; 0 without one."""
        if self.val_loss is None or self.n_epochs < 3:
            return 0.0
        curve = smooth(self.val_loss)
        last = float(np.nanmedian(self.val_loss[-min(3, max(1, self.n_epochs // 8)) :]))
        return (last - curve[self.best]) / max(abs(curve[self.best]), 1e-9)

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
    def gap_low(self) -> float | None:
        """Lower 95% bound of the gap, from Wilson intervals of both accuracies (Newcombe 1998); the gap itself where sizes are unknown."""
        train, val, gap = self.train_accuracy, self.val_accuracy, self.gap
        if train is None or val is None or gap is None or self.n_train is None or self.n_val is None:
            return gap
        train_low = wilson(train * self.n_train, self.n_train)[0]
        val_high = wilson(val * self.n_val, self.n_val)[1]
        return gap - float(np.hypot(train - train_low, val_high - val))

    @cached_property
    def chance(self) -> float:
        """Accuracy of always naming the largest class."""
        counts = self.probes.get("class_counts")
        if counts and sum(counts):
            return max(counts) / sum(counts)
        return 1 / self.n_classes if self.n_classes else 0.5

    @cached_property
    def learnt(self) -> float | None:
        """Training accuracy on a scale from 0 (chance) to 1 (all right); from the losses where accuracies are missing."""
        if self.train_accuracy is not None:
            return (self.train_accuracy - self.chance) / max(1 - self.chance, 1e-9)
        end = _end(self.train_loss)
        if self.train_loss is None or end is None:
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
        curve = self.val_loss if self.val_loss is not None else self.train_loss
        if curve is None or self.n_epochs < 3:
            return 0.0
        span = max(2, self.n_epochs // 4)
        tail = curve[-span - 1 :]
        tail = tail[np.isfinite(tail)]
        if len(tail) < 3:
            return 0.0
        slope = np.polyfit(np.arange(len(tail)), tail, 1)[0]
        return float(-slope * (len(tail) - 1) / max(abs(np.median(tail)), 1e-9))

    @cached_property
    def train_oscillation(self) -> float:
        """Share of epochs in which the training loss rose by more than a tenth, after the first tenth of the run."""
        curve = self.column("loss") if self.column("loss") is not None else self.train_loss
        if curve is None or self.n_epochs < 5:
            return 0.0
        curve = curve[self.n_epochs // 10 :]
        return float(np.mean(np.diff(curve) > 0.1 * np.abs(curve[:-1])))

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
        """Return the first health note whose code begins with ``prefix``."""
        return next((n for n in self.seen.health if n.code.startswith(prefix)), None)

    def epoch_of(self, position: int) -> int:
        """Return the epoch number of a position."""
        return int(self.epochs[position])


def _end(values: np.ndarray | None) -> float | None:
    """Return the median of the last one to three finite values."""
    if values is None:
        return None
    finite = values[np.isfinite(values)]
    return float(np.median(finite[-min(3, max(1, len(finite) // 5)) :]))
