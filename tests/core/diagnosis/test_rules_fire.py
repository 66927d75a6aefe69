"""Every rule fires on a real run that has its problem, and is silent on a healthy one."""

import dataclasses

import pytest

from core.diagnosis import RULES, Observations, diagnose
from core.diagnosis.evidence import Evidence
from core.diagnosis.remedies import REMEDIES

# A run that has the problem, for each rule; how each is made is in benchmarks/cases.py.
RUNS = {
    "not-pretrained": "random weights, seed 0",
    "weak-weights": "hard: 4 images a class",
    "constant-features": "pixels / 255",
    "wrong-scaling": "pixels / 255",
    "low-resolution": "hard: 3 pixels",
    "rate-too-low": "learning rate 1e-05",
    "too-much-dropout": "dropout 0.97",
    "too-much-augmentation": "augmentation 1.0",
    "too-much-penalty": "L2 1.0",
    "too-much-smoothing": "label smoothing 0.5",
    "too-little-capacity": "head of 2 units",
    "uninformative-input": "unrelated labels, 24 epochs",
    "plateau": "rate 0.0002 falling to 1%",
    "stopped-too-early": "3 epochs",
    "trained-too-long": "hard: 150 epochs without regularisation",
    "too-few-images": "hard: 4 images a class",
    "too-many-parameters": "hard: Flatten head, 10 images a class",
    "too-little-regularisation": "hard: Flatten head, 10 images a class",
    "uncovered-shift": "validation brightness 0.6",
    "diverged": "SGD, learning rate 100",
    "batchnorm-thawed": "hard: BatchNorm thawed in 60 layers",
    "batchnorm-small-batches": "BatchNorm thawed, batches of 2",
    "oscillating": "learning rate 3.0",
    "destroyed-features": "80 layers thawed at 0.03",
    "rate-too-high": "learning rate 3.0",
    "dead-head": "SGD, learning rate 1",
    "small-validation": "6 validation images",
    "imbalance": "classes 20:1",
    "class-never-predicted": "SGD, learning rate 1",
    "wrong-labels": "20% wrong labels",
    "duplicates": "hard: 60% copies in validation",
    "shortcut": "colour tells the class, 0.7",
    "well-fitted": "default",
}
HEALTHY = ("default", "linear head")

OF_CURVES_ALONE = {"loss-scale", "mismatch", "validation-swings", "validation-better", "one-answer"}  # in test_bare.py


def test_there_is_a_run_for_every_rule():
    assert set(RUNS) | OF_CURVES_ALONE == set(RULES)


@pytest.mark.parametrize("code", RUNS)
def test_the_rule_fires_on_a_run_that_has_the_problem(code, seen):
    found = RULES[code].check(Evidence(seen(RUNS[code])))
    assert found is not None
    assert found.code == code
    assert 0 < found.severity <= 1
    assert set(found.remedies) <= set(REMEDIES)


@pytest.mark.parametrize("run", HEALTHY)
def test_a_healthy_run_is_called_so_and_nothing_else(run, seen):
    found = diagnose(seen(run))
    assert found.verdict == "good_fit"
    assert [f.code for f in found.findings] == ["well-fitted"]


VERDICTS = {
    "dropout 0.97": {"underfitting"},
    "L2 1.0": {"underfitting", "still_improving"},
    "label smoothing 0.5": {"underfitting"},
    "3 epochs": {"still_improving"},
    "hard: 4 images a class": {"overfitting"},
    "hard: 150 epochs without regularisation": {"overfitting"},
    "validation brightness 0.6": {"overfitting"},
    "SGD, learning rate 100": {"unstable"},
    "learning rate 3.0": {"unstable"},
    "6 validation images": {"inconclusive"},
    "hard: BatchNorm thawed in 60 layers": {"unstable"},
}


@pytest.mark.parametrize("run", VERDICTS)
def test_the_verdict_fits_what_was_done(run, seen):
    assert diagnose(seen(run)).verdict in VERDICTS[run]


def test_lagging_batchnorm_is_never_called_overfitting(seen):
    whole = seen("hard: BatchNorm thawed in 60 layers")
    assert diagnose(whole).findings[0].code == "batchnorm-thawed"
    usual = whole.history[["loss", "accuracy", "val_loss", "val_accuracy"]]
    assert (usual.accuracy - usual.val_accuracy).max() > 0.1, "on the usual curves it looks like overfitting"


def test_any_part_of_the_evidence_is_enough_for_a_verdict(seen):
    whole = seen("hard: 4 images a class")
    for part in ("experiment", "evaluation"):
        assert diagnose(dataclasses.replace(whole, **{part: None})).verdict == "overfitting"
    assert diagnose(Observations(whole.history[["loss", "val_loss"]])).verdict


def test_a_diagnosis_survives_the_store(seen):
    found = diagnose(seen("hard: 4 images a class"))
    assert type(found).from_dict(found.to_dict()) == found
