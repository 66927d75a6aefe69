"""The steps of one epoch."""

import math
import time
from dataclasses import dataclass, field

import numpy as np

from core.data import Dataset
from core.training.events import Events
from core.training.inputs import Inputs
from core.training.program import Program
from core.training.schedule import batch_order, class_weights, learning_rates, view_choice

CHUNK_SECONDS = 0.2  # of steps in one call: a stop is heard, and progress shown, five times a second
CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Trained:
    """What the steps of an epoch showed, with dropout and augmentation on and averaged while the weights moved."""

    loss: float
    accuracy: float
    learning_rate: float
    batch_losses: list[float]


@dataclass
class Steps:
    """Takes the steps of one epoch after the other.

    Attributes
    ----------
    seconds
        Seconds a step took, one figure an epoch.
    """

    program: Program
    inputs: Inputs
    dataset: Dataset
    events: Events
    chunk: int = 1
    seconds: list[float] = field(default_factory=list)

    def take(self, epoch: int) -> Trained | None:
        """Take an epoch's steps, epochs counted from 1; None when a stop came before it was done."""
        x, n, labels = self.program.experiment.training, len(self.dataset.train), self.dataset.train.labels
        classes = len(self.dataset.class_names)
        targets = np.eye(classes, dtype=np.float32)
        weights = class_weights(labels, classes) if x.class_weights else np.ones(classes, np.float32)
        order, views = batch_order(x.seed, epoch, n), view_choice(x.seed, epoch, n, max(len(self.inputs.views), 1))
        size, batches, began = x.batch_size, -(-n // x.batch_size), time.monotonic()
        rates = learning_rates(x, epoch, batches)
        self.program.set_warming_up(epoch <= x.warmup_epochs)
        losses, right, done = list[float](), 0.0, 0
        while done < batches:
            started, steps = time.monotonic(), min(self.chunk, batches - done)
            rows = order[done * size : (done + steps) * size]
            inputs, now = self.inputs.batch(rows, views), rates[done : done + steps]
            made = self.program.train_steps(inputs, targets[labels[rows]], weights[labels[rows]], now, size)
            losses, right, done = [*losses, *made[0].tolist()], right + float(made[1].sum()), done + steps
            self.chunk = self._next_chunk((time.monotonic() - started) / steps)
            self._tell(epoch, done, batches, time.monotonic() - began)
            if done < batches and self.events.stop_requested():
                return None
        self.seconds.append((time.monotonic() - began) / batches)
        shares = np.diff([*range(0, n, size), n]) / n
        return Trained(float(shares @ losses), right / n, rates[-1], losses)

    def _next_chunk(self, step_seconds: float) -> int:
        """Return how many steps to take in one call; one where pictures are drawn anew, so that time does not decide which."""
        if self.inputs.augmenter:
            return 1
        row = 4 * sum(math.prod(shape) for shape in self.program.cut_shapes)
        fitting = CHUNK_BYTES // (row * self.program.experiment.training.batch_size)
        return max(1, min(int(CHUNK_SECONDS / step_seconds), fitting))

    def _tell(self, epoch: int, batch: int, batches: int, seconds: float) -> None:
        epochs = self.program.experiment.training.epochs
        left = seconds / batch * (batches - batch + (epochs - epoch) * batches)
        self.events.progress(epoch=epoch, epochs=epochs, batch=batch, batches=batches, seconds_left=left)
