"""The best epoch, and when nothing better has come for too long."""

import keras
import numpy as np
import pytest

from core.experiment import EarlyStoppingSpec
from core.training.patience import Patience


def follow(values: list[float], monitor: str = "val_loss", epochs: int | None = 2) -> tuple[int, list[bool]]:
    """Return after how many epochs it is over, and which of them were improvements."""
    patience, improved = Patience(monitor, epochs), list[bool]()
    for value in values:
        improved.append(patience.improved({monitor: value}))
        if patience.is_over:
            break
    return len(improved), improved


def keras_stops(values: list[float], monitor: str, epochs: int) -> int:
    """Return after how many epochs Keras's callback stops."""
    callback = keras.callbacks.EarlyStopping(monitor, patience=epochs, mode="max" if "acc" in monitor else "min")
    callback.set_model(model := keras.Sequential())
    model.stop_training = False
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            return epoch + 1
    return len(values)


SERIES = ([3, 2, 2, 2, 1], [3, 2, 2.5, 1, 1, 1], [1, 2, 3], [3, 2, 1], [0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize("values", SERIES)
def test_it_ends_when_keras_would(values, monitor):
    assert follow(values, monitor)[0] == keras_stops(values, monitor, 2)


def test_a_tie_is_no_improvement():
    assert follow([3, 2, 2, 2])[1] == [True, True, False, False]


def test_of_an_accuracy_more_is_better():
    assert follow([0.5, 0.7, 0.7, 0.8], "val_accuracy")[1] == [True, True, False, True]


def test_a_loss_that_is_no_number_is_no_improvement():
    assert follow([2, np.nan, 1])[1] == [True, False, True]


def test_without_early_stopping_it_is_never_over_and_follows_the_validation_loss():
    patience = Patience.of(None)
    assert not any(patience.improved({"val_loss": v}) for v in [np.inf] * 50)
    assert not patience.is_over


def test_it_follows_what_the_settings_name():
    assert Patience.of(EarlyStoppingSpec(monitor="val_accuracy", patience=7)) == Patience("val_accuracy", 7)
