"""Leaving out by formula is leaving out."""

import numpy as np
import pytest

from core.insight import influence


def test_leave_one_out_equals_real_refits():
    rng = np.random.default_rng(0)
    train, labels = rng.normal(size=(20, 40)), np.arange(20) % 3
    validation, wanted = rng.normal(size=(15, 40)), np.arange(15) % 3
    inner, across = influence.kernels(train, validation)

    def error(kept: np.ndarray) -> float:
        k = inner[np.ix_(kept, kept)] + influence.RIDGE * np.eye(len(kept))
        scores = across[:, kept] @ np.linalg.solve(k, np.eye(3)[labels[kept]])
        return float(((scores - np.eye(3)[wanted]) ** 2).sum())

    whole = error(np.arange(20))
    refits = [error(np.delete(np.arange(20), i)) / whole - 1 for i in range(20)]
    found = influence.leave_one_out(train, labels, validation, wanted, 3)
    np.testing.assert_allclose(found, refits, atol=1e-6)


def test_a_wrong_label_harms_most():
    rng, labels = np.random.default_rng(0), np.arange(60) % 2
    features = rng.normal(size=(60, 20)) + 3 * labels[:, None]
    given = labels.copy()
    given[7] = 1 - given[7]
    validation = rng.normal(size=(40, 20)) + 3 * (np.arange(40) % 2)[:, None]
    found = influence.Influence(
        np.arange(60), influence.leave_one_out(features, given, validation, np.arange(40) % 2, 2)
    )
    helping, harming = found.strongest(5)
    assert harming[0] == 7 and found.helps[7] < 0 < found.helps[helping[0]]


def test_every_training_picture_of_a_run_has_its_influence(store, pair, opened):
    found = influence.of_training_pictures(store.uri, pair[:1])
    assert len(found.helps) == len(found.rows) == len(opened[0].dataset.train)
    assert found.helps.max() > 0 and found.helps == pytest.approx(found.helps)


def test_one_picture_in_which_a_dead_feature_fires_does_not_rule_the_rest():
    rng = np.random.default_rng(3)
    labels, wanted = np.repeat([0, 1], 30), np.repeat([0, 1], 15)
    train, validation = (rng.normal(size=(n, 12)) + 2 * y[:, None] for n, y in ((60, labels), (30, wanted)))
    train[:, 0], validation[:, 0] = 0.0, 0.0
    train[7, 0], validation[4, 0] = 1e-3, 1.0
    helps = influence.leave_one_out(train, labels, validation, wanted, 2)
    assert np.abs(helps).max() < 0.5
