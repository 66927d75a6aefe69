"""A run that starts where another ended starts exactly there, whether that end is kept, was forgotten, or moved frozen layers."""

import numpy as np
import pytest

from core import data, paths
from core.experiment import BackboneSpec, DenseLayer, DropoutLayer, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.training import ends, trainer
from tests.core.conftest import PICTURES

HEAD = HeadSpec(layers=(DropoutLayer(rate=0.3), DenseLayer(units=16)))


@pytest.fixture
def frozen(narrow_weights, fresh_data_dir) -> Experiment:
    backbone = BackboneSpec(size=96, alpha=0.35, weights=narrow_weights)
    return Experiment(data=PICTURES, backbone=backbone, head=HEAD, training=TrainingSpec(epochs=2, batch_size=8))


def train(x: Experiment):
    return trainer.train(x, data.load(x.data, x.backbone.size))


def assert_starts_where(run, earlier) -> None:
    start, end = run.probes["initial"], earlier.history.iloc[-1]
    for figure in ("clean_loss", "val_loss", "clean_accuracy", "val_accuracy"):
        assert start[figure] == pytest.approx(end[figure], abs=1e-5), figure


def test_it_starts_where_the_frozen_run_ended_and_goes_on_from_there(frozen) -> None:
    first = train(frozen)
    second = train(frozen.continued(freeze=FreezeSpec.last(4)))
    assert_starts_where(second, first)
    assert second.history.clean_loss.iloc[0] != pytest.approx(first.history.clean_loss.iloc[-1], abs=1e-4)
    np.testing.assert_allclose(second.probes["earlier"][0]["val_loss"], first.history.val_loss, atol=1e-6)


def test_a_forgotten_stage_is_trained_again(frozen) -> None:
    after = frozen.continued(freeze=FreezeSpec.last(4))
    known = train(after)
    for file in paths.subdir("ends").glob("*"):
        file.unlink()
    again = train(after)
    np.testing.assert_allclose(again.history.clean_loss, known.history.clean_loss, atol=1e-6)
    assert ends.find(ends.key(frozen, data.load(frozen.data, 96))) is not None


def test_layers_moved_in_an_earlier_stage_stay_moved_when_frozen_again_and_nowhere_else(frozen) -> None:
    plain = train(frozen)
    thawed = frozen.replace(freeze=FreezeSpec.last(12, lock_batchnorm=False))
    first = train(thawed)
    assert_starts_where(train(thawed.continued(freeze=FreezeSpec())), first)
    assert_starts_where(train(thawed.continued(freeze=FreezeSpec.last(4)).continued(freeze=FreezeSpec())), train(thawed.continued(freeze=FreezeSpec.last(4))))  # fmt: skip
    np.testing.assert_allclose(train(frozen).history.clean_loss, plain.history.clean_loss, atol=1e-6)
