"""The curves that Learn shows are those of the demonstrations, and show what the text beside them says."""

import pytest

from core.studies.lessons import RUNS, curves
from core.studies.scenarios import SCENARIOS


def test_every_idea_has_the_curves_of_a_demonstration() -> None:
    assert set(curves()) == set(RUNS)
    assert {card for card, _ in RUNS.values()} <= set(SCENARIOS)
    for frame in curves().values():
        assert {"epoch", "loss", "clean_loss", "val_loss", "accuracy", "clean_accuracy", "val_accuracy"} <= set(frame)
        assert list(frame.epoch) == list(range(1, len(frame) + 1))


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("underfitting", lambda last, _: last.clean_accuracy < 0.75 and last.clean_accuracy - last.val_accuracy < 0.15),
        ("overfitting", lambda last, _: last.clean_accuracy - last.val_accuracy > 0.1),
        ("early stopping", lambda last, lowest: last.val_loss > 1.2 * lowest),
        ("batchnorm", lambda last, _: last.accuracy - last.clean_accuracy > 0.05),
    ],
)
def test_they_show_it(name, shows) -> None:
    frame = curves()[name]
    assert shows(frame.iloc[-1], frame.val_loss.min())


def test_training_looks_worse_while_dropout_is_on() -> None:
    frame = curves()["two training curves"]
    assert (frame.clean_accuracy - frame.accuracy).mean() > 0.01
