"""The best epoch is the one whose weights are kept: in the plot, in the shading and in the words."""

import re

import numpy as np
import pandas as pd
import pytest

from core.diagnosis import Observations, diagnose
from core.diagnosis.evidence import Evidence
from core.experiment import EarlyStoppingSpec, Experiment

LOSSES = [
    1.00,
    0.74,
    0.90,
    0.88,
    0.70,
    0.95,
    1.0,
    1.1,
    1.2,
    1.35,
    1.5,
    1.6,
]  # jagged: smoothed, the lowest is another epoch


def history(losses: list[float]) -> pd.DataFrame:
    falling = np.linspace(1.0, 0.05, len(losses))
    shares = {"accuracy": 1 - falling / 1.2, "val_accuracy": np.r_[0.5, 0.8, np.full(len(losses) - 2, 0.6)]}
    return pd.DataFrame({"loss": falling, "val_loss": losses, **shares})


def test_plot_shading_and_words_name_the_epoch_of_the_lowest_value():
    found = diagnose(Observations(history(LOSSES)))
    best = next(m for m in found.marks if m.kind == "epoch")
    assert (best.x0, best.y0) == (5, 0.70)
    assert {m.x0 for m in found.marks if m.kind == "span"} <= {5}
    told = " ".join([found.summary, *(f.explanation for f in found.findings)])
    assert set(re.findall(r"after epoch (\d+)", told)) <= {"5"} and "epoch" in told
    assert "0.7 at epoch 5" in told


@pytest.mark.parametrize(("monitor", "position"), [("val_loss", 4), ("val_accuracy", 1)])
def test_with_early_stopping_it_is_what_that_keeps(monitor, position):
    stopping = EarlyStoppingSpec(monitor=monitor).model_dump()
    x = Experiment()
    x = x.replace(training=x.training.replace(early_stopping=stopping))
    assert Evidence(Observations(history(LOSSES), experiment=x)).kept == position


def test_the_summary_says_each_fact_once_and_lists_nothing_beside():
    found = diagnose(Observations(history(LOSSES)))
    assert "also seen" not in found.summary.lower()
    shares = re.findall(r"rose \d+%|risen \d+%", found.summary)
    assert len(shares) <= 1
