"""Which epoch is the best so far, and when nothing better has come for too long. No TensorFlow."""

import math
from dataclasses import dataclass

from core.experiment import EarlyStoppingSpec


@dataclass
class Patience:
    """Follows one figure from epoch to epoch, as Keras's ``EarlyStopping`` does: a tie is no improvement.

    Attributes
    ----------
    monitor
        Column of the epoch's figures; of an accuracy more is better, of a loss less.
    epochs
        After how many epochs without improvement to stop; never where None.
    waited
        Epochs since the best one.
    """

    monitor: str = "val_loss"
    epochs: int | None = None
    waited: int = 0
    best: float = math.inf

    @classmethod
    def of(cls, stopping: EarlyStoppingSpec | None) -> "Patience":
        """Return what a run's settings ask for."""
        return cls(stopping.monitor, stopping.patience) if stopping else cls()

    def improved(self, metrics: dict[str, float]) -> bool:
        """Take an epoch's figures and tell whether it is the best so far."""
        score = -metrics[self.monitor] if self.monitor.endswith("accuracy") else metrics[self.monitor]
        better = score < self.best
        self.best, self.waited = (score, 0) if better else (self.best, self.waited + 1)
        return better

    @property
    def is_over(self) -> bool:
        """Whether nothing better has come for too long."""
        return self.epochs is not None and self.waited >= self.epochs
