"""All the evidence on one page."""

import numpy as np
import pandas as pd
import pytest

from core.diagnosis import Observations
from core.diagnosis.evidence import Evidence
from core.diagnosis.overview import COLUMNS, overview
from core.evaluation import Evaluation, Predictions

NAMES = ("cat", "dog")


def history(n: int = 12) -> pd.DataFrame:
    falling = np.linspace(0.7, 0.2, n)
    return pd.DataFrame({"loss": falling, "val_loss": falling + 0.1, "accuracy": 1 - falling / 2})


def answers(labels: list[int], right: list[bool]) -> Predictions:
    truth = np.array(labels)
    said = np.where(right, truth, 1 - truth)
    return Predictions(
        truth, (np.eye(2)[said] * 0.8 + 0.1).astype(np.float32), ("",) * len(truth), np.arange(len(truth))
    )


@pytest.fixture
def known() -> Evidence:
    """A run whose dogs are mostly taken for cats."""
    validation = answers([0] * 10 + [1] * 10, [True] * 10 + [True] * 3 + [False] * 7)
    training = answers([0] * 50 + [1] * 50, [True] * 100)
    probes = {
        "n_train": 100,
        "n_validation": 20,
        "n_classes": 2,
        "class_counts": [50, 50],
        "trainable_parameters": 5000,
        "update_ratios": {"Conv_1": 0.2, "predictions": 3.0},
        "gradient_ratios": {"Conv_1": 0.01, "predictions": 1.0},
        "dead_head_units": 0.25,
        "batchnorm_gap": {"accuracy": 0.3, "loss": 1.0},
        "feature_std": 0.5,
    }
    return Evidence(
        Observations(
            history(), evaluation=Evaluation(NAMES, {"train": training, "validation": validation}), probes=probes
        )
    )


def test_every_figure_has_its_value_and_its_interval(known):
    table = overview(known, NAMES).set_index("evidence")
    value, interval = table["value"], table["95% interval"]
    assert value["Validation accuracy"] == "65%" and interval["Validation accuracy"] == "43% to 82%"
    assert value["Validation accuracy beyond chance"] == "+15 points"
    assert interval["Validation accuracy beyond chance"] == "−7 to +32"
    assert value["Generalisation gap, training minus validation"] == "+35 points"
    assert value["Best minus worst class (recall)"] == "70 points"
    assert value["Worst class: dog"] == "30%" and interval["Worst class: dog"] == "11% to 60%"
    assert value["Trainable parameters a training image"] == "50"
    assert value["Confidence minus accuracy"] == "+25 points"
    assert value["Thawed kernels moved by (median)"] == "20%"
    assert value["Gradient over kernel, last step (median)"] == "1.0e-02"
    assert value["Batch statistics minus running averages"] == "+30 points"


def test_a_straight_fall_is_certain_and_a_noisy_one_is_not():
    straight = Evidence(Observations(history()))
    noisy = history(40).assign(val_loss=0.5 + 0.1 * np.random.default_rng(0).standard_normal(40))
    assert straight.slope(straight.val_loss)[1] == pytest.approx(0, abs=1e-6)
    fall, error = (e := Evidence(Observations(noisy))).slope(e.val_loss)
    assert error > 0.01 and abs(fall) < 4 * error


def test_the_gap_has_both_bounds(known):
    low, high = known.gap_interval
    assert low == known.gap_low < known.gap < high


def test_losses_alone_leave_out_what_they_cannot_tell():
    table = overview(Evidence(Observations(history()[["loss", "val_loss"]])))
    assert list(table.columns) == COLUMNS
    assert table["evidence"].tolist() == [
        "Learnt, from chance (0%) to all right (100%)",
        "Rebound of the validation loss since its best epoch",
        "Noise of the validation loss, epoch to epoch",
        "Fall of the training loss over the last quarter",
        "Fall of the validation loss over the last quarter",
    ]
