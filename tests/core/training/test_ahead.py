"""Frozen features are computed before anybody asks, are found by the run that needs them, and never keep a run waiting."""

import numpy as np
import pytest

from core import data
from core.experiment import AugmentationSpec, BackboneSpec, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.training import activations, ahead, known, trainer
from core.training.events import Silent, Stopped
from core.training.inputs import at_frontier
from core.training.program import program_for
from tests.core.conftest import PICTURES
from tests.core.training.stopping import StopsAfter

X = Experiment(
    data=PICTURES,
    backbone=BackboneSpec(alpha=0.35, size=96),
    freeze=FreezeSpec.last(4),
    training=TrainingSpec(epochs=1),
)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (X.replace(training=TrainingSpec(epochs=9, learning_rate=0.1, seed=5)), True),
        (X.replace(head=HeadSpec(pooling="max", layers=())), True),
        (X.replace(freeze=FreezeSpec(thawed=(151, 152))), True),
        (X.replace(freeze=FreezeSpec.last(5)), False),
        (X.replace(freeze=FreezeSpec()), False),
        (X.replace(augmentation=AugmentationSpec.preset("light")), False),
        (X.replace(backbone=X.backbone.replace(size=128)), False),
        (X.replace(data=PICTURES.replace(seed=9)), False),
        (X.replace(training=TrainingSpec(mixed_precision=True)), False),
    ],
)
def test_experiments_share_features_where_the_frozen_part_computes_the_same(other, is_same):
    assert (known.name(other) == known.name(X)) is is_same


def test_what_depends_on_the_seed_has_a_name_a_seed():
    for x in (
        X.replace(augmentation=AugmentationSpec.preset("light")),
        X.replace(backbone=X.backbone.replace(weights="random")),
    ):
        assert known.name(x) != known.name(x.replace(training=x.training.replace(seed=5)))


def test_they_are_ready_while_they_are_there(fresh_data_dir):
    assert not known.are_ready(X)
    key = activations.key_of("some")
    known.note(X, [key])
    assert not known.are_ready(X)
    activations.get_or_compute(key, [(2, 3)], lambda: [[np.zeros((2, 3), np.float32)]])
    assert known.are_ready(X) and not known.are_ready(X.replace(freeze=FreezeSpec.last(20)))


def test_a_run_finds_what_was_computed_ahead_of_it(fresh_data_dir, monkeypatch):
    monkeypatch.setattr(ahead, "COMMON", (4,))
    pictures = data.load(PICTURES, 96)
    assert ahead.compute(X.replace(freeze=FreezeSpec()), pictures, Silent())
    assert all(known.are_ready(x) for x in (X, *ahead.neighbours(X)))
    assert trainer.train(X, pictures).frontier["images_computed"] == 0


def test_whoever_wants_the_processor_has_it_after_eight_images_and_nothing_half_done_is_left(fresh_data_dir):
    pictures, asked = data.load(PICTURES, 96), StopsAfter(2)
    assert not ahead.compute(X, pictures, asked)
    assert asked.left == -1 and not known.are_ready(X)
    assert not list((fresh_data_dir / "activations").iterdir())


def test_a_stop_is_heard_while_features_are_computed(fresh_data_dir):
    with pytest.raises(Stopped):
        at_frontier(program_for(X, 3), data.load(PICTURES, 96), StopsAfter(2))


def test_neighbours_are_computed_only_where_nothing_has_to_go_for_them(fresh_data_dir, monkeypatch):
    monkeypatch.setattr(activations, "has_room", lambda needed: False)
    assert ahead.compute(X, data.load(PICTURES, 96), Silent())
    assert known.are_ready(X) and not known.are_ready(X.replace(freeze=FreezeSpec.last(20)))
