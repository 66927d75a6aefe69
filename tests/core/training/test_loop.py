"""When a run ends, and whose weights it leaves: a network that only pretends, so that the losses can be chosen."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from core.experiment import EarlyStoppingSpec, Experiment, TrainingSpec
from core.training.epoch import Trained
from core.training.events import Silent
from core.training.trainer import Loop


@dataclass
class Pretended:
    """A network whose only weight is the number of epochs it was trained for; measures and steps too."""

    experiment: Experiment
    losses: list[float]
    ends_in: int = 99
    trained: int = 0
    seen: dict = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def program(self) -> "Pretended":
        return self

    def take(self, epoch: int) -> Trained | None:
        self.trained = epoch
        loss = self.losses[epoch - 1]
        return Trained(loss, 0.5, 0.1, [loss, loss]) if epoch < self.ends_in else None

    def epoch(self) -> dict[str, float]:
        self.seen = {"train": self.trained}
        loss = self.losses[self.trained - 1]
        return {"clean_loss": loss, "clean_accuracy": 0.5, "val_loss": loss, "val_accuracy": 1 - loss}

    def validation_losses(self) -> np.ndarray:
        return np.full(2, self.losses[self.trained - 1])

    def weights(self) -> int:
        return self.trained

    def set_weights(self, epoch: int) -> None:
        self.trained = epoch


def run(losses: list[float], stopping: EarlyStoppingSpec | None = None, ends_in: int = 99, stop_after: int = 99):
    settings = TrainingSpec(epochs=len(losses), early_stopping=stopping)
    network = Pretended(Experiment(training=settings), losses, ends_in)
    events = Silent()
    events.stop_requested = lambda: network.trained >= stop_after  # type: ignore[method-assign]
    loop = Loop(network, network, events)
    loop.epochs()
    return SimpleNamespace(loop=loop, network=network, epochs=len(loop.rows))


def test_it_runs_to_the_end_and_keeps_the_last_weights():
    made = run([3.0, 1.0, 2.0])
    assert (made.epochs, made.network.trained, made.loop.note, made.loop.stopped) == (3, 3, "", False)
    assert made.loop.first_losses == [3.0, 3.0]


def test_early_stopping_goes_back_to_the_best_epoch_and_says_so():
    made = run([3.0, 1.0, 1.0, 2.0, 0.1], EarlyStoppingSpec(patience=2))
    assert (made.epochs, made.network.trained, made.network.seen) == (4, 2, {"train": 2})
    assert made.loop.note == "EarlyStopping ended the run after epoch 4: no better val_loss for 2 epochs."
    assert not made.loop.stopped


def test_early_stopping_keeps_the_last_weights_where_that_is_asked_for():
    made = run([3.0, 1.0, 1.0, 2.0, 0.1], EarlyStoppingSpec(patience=2, restore_best=False))
    assert (made.epochs, made.network.trained) == (4, 4)


@pytest.mark.parametrize("how", [{"ends_in": 3}, {"stop_after": 2}], ids=["within an epoch", "between epochs"])
def test_a_stopped_run_keeps_its_best_epoch(how):
    made = run([1.0, 2.0, 0.5], **how)
    assert made.loop.stopped and made.loop.note == ""
    assert (made.epochs, made.network.trained) == (2, 1)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_without_bounds_ends_it_and_the_best_epoch_is_kept(loss):
    made = run([2.0, loss, 1.0])
    assert (made.epochs, made.network.trained, made.loop.stopped) == (2, 1, False)
    assert "in epoch 2" in made.loop.note and "learning rate is too high" in made.loop.note
