"""What is said about the built-in weights stands in their document, and is said of photographs alone."""

from pathlib import Path

import pandas as pd
import pytest

from core.diagnosis import RULES, Observations
from core.diagnosis.evidence import Evidence
from core.experiment import BackboneSpec, DataSpec, Experiment
from core.network.advice import CATS_FROM_DOGS, of_photographs

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "builtin-weights.md"
MINE = DataSpec(source="upload:" + "a" * 64)


def test_the_figures_are_those_of_the_document() -> None:
    lines = DOCUMENT.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("| cats and dogs | 96 |"))
    for size, line in zip((96, 160), lines[first:], strict=False):
        row = [cell.strip() for cell in line.strip("|").split("|")]
        assert (float(row[3]), float(row[6])) == CATS_FROM_DOGS[size]


def test_it_is_said_of_photographs_with_built_in_weights_alone() -> None:
    assert "92% right instead of 65%" in (of_photographs(MINE, BackboneSpec(size=96)) or "")
    assert of_photographs(MINE, BackboneSpec(weights="imagenet")) is None
    assert of_photographs(DataSpec(), BackboneSpec()) is None


@pytest.mark.parametrize(
    ("accuracy", "data", "named"), [(0.7, MINE, True), (0.99, MINE, False), (0.7, DataSpec(), False)]
)
def test_a_verdict_names_the_weights_where_better_ones_could_be_seen(accuracy, data, named) -> None:
    curve = pd.DataFrame(
        {"epoch": range(1, 6), "loss": 0.6, "val_loss": 0.6, "accuracy": accuracy, "val_accuracy": accuracy}
    )
    e = Evidence(Observations(curve, Experiment(data=data), probes={"n_validation": 200, "n_classes": 2}))
    assert (RULES["weak-weights"].check(e) is not None) == named
