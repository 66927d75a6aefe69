"""Leaving training pictures out leaves everything else as it is."""

import numpy as np
import pytest

from core import data
from core.comparison import compare_seeds
from core.experiment import BackboneSpec, Experiment, HeadSpec, TrainingSpec
from core.studies import without
from tests.core.conftest import PICTURES


def test_only_the_training_pictures_named_are_gone():
    whole = data.load(PICTURES, 96)
    fewer = without.left_out(whole, [0, 3])
    assert fewer.validation is whole.validation and fewer.test is whole.test
    np.testing.assert_array_equal(fewer.train.indices, np.delete(whole.train.indices, [0, 3]))
    assert fewer.train.names == tuple(n for i, n in enumerate(whole.train.names) if i not in (0, 3))
    assert len({whole.train.fingerprint, fewer.train.fingerprint, without.left_out(whole, [1]).train.fingerprint}) == 3


def test_both_sides_of_a_seed_judge_the_same_pictures_and_nothing_left_out_changes_nothing():
    x = Experiment(
        data=PICTURES,
        backbone=BackboneSpec(size=96, alpha=0.35, weights="builtin"),
        head=HeadSpec(pooling="average", layers=()),
        training=TrainingSpec(epochs=1, batch_size=8),
    )
    pairs = without._pairs(x.to_json(), [], 2)
    assert compare_seeds(pairs).difference == 0
    for before, after in pairs:
        np.testing.assert_array_equal(before.rows, after.rows)
        assert after.probabilities == pytest.approx(before.probabilities, abs=1e-6)
    assert (
        np.abs(pairs[0][0].probabilities - pairs[1][0].probabilities).max() > 1e-4
    )  # another seed is another training
