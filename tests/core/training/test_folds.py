"""Every training and validation image is judged once by a model that did not see it."""

import numpy as np
import pytest

from core import data
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, TrainingSpec
from core.training import folds, trainer
from core.training.events import Stopped
from tests.core.training.stopping import StopsAfter

IMAGES = DataSpec(
    source="drawn:shapes", drawn=DrawnDials(n_images=60, n_classes=2, difficulty=0.2), validation_fraction=0.2
)
X = Experiment(data=IMAGES, backbone=BackboneSpec(alpha=0.35, size=96), training=TrainingSpec(epochs=3))


@pytest.fixture(scope="module")
def dataset():
    return data.load(IMAGES, 96)


def test_each_image_is_held_out_once_and_the_test_images_never(dataset):
    parts = folds.split_again(dataset, 4)
    held = np.sort(np.concatenate([p.validation.indices for p in parts]))
    assert held.tolist() == np.sort(np.concatenate([dataset.train.indices, dataset.validation.indices])).tolist()
    for part in parts:
        assert not set(part.train.indices) & set(part.validation.indices)
        assert not set(dataset.test.indices) & {*part.train.indices, *part.validation.indices}
        assert len(part.test) == 0


@pytest.mark.parametrize(("n_train", "n_validation", "k"), [(225, 75, 4), (500, 30, 5), (60, 60, 3)])
def test_each_model_has_about_as_many_images_as_the_run(n_train, n_validation, k):
    assert folds.number_of_folds(n_train, n_validation) == k


def test_all_images_are_judged_and_nothing_frozen_is_computed_again(dataset):
    trainer.train(X, dataset)
    found = folds.train(X, dataset)
    judged = found.evaluation.splits["validation"]
    assert len(judged.labels) == len(dataset.train) + len(dataset.validation) == found.probes["n_validation"]
    assert found.frontier["reused"]
    assert len(found.probes["folds"]["val_loss"]) == folds.number_of_folds(len(dataset.train), len(dataset.validation))
    mean = np.mean(found.probes["folds"]["val_loss"], axis=0)
    assert found.history["val_loss"].to_numpy() == pytest.approx(mean)


def test_it_ends_with_the_fold_after_which_the_others_are_not_worth_it(dataset):
    asked = []

    def give_up(judged, sizes):
        asked.append((len(judged.labels), list(sizes)))
        return len(sizes) == 2

    found = folds.train(X, dataset, k=3, give_up=give_up)
    n = len(found.evaluation.splits["validation"].labels)
    assert [len(sizes) for _, sizes in asked] == [1, 2] and asked[-1][0] == n == sum(found.probes["fold_sizes"])
    assert found.probes["given_up"] and not found.stopped and n < len(dataset.train) + len(dataset.validation)
    whole = folds.train(X, dataset, k=3, give_up=lambda *_: False)
    assert not whole.probes["given_up"] and len(whole.probes["fold_sizes"]) == 3


def test_it_can_be_stopped_at_any_moment(dataset):
    """In the first epoch of a fold a stop was once told as an error that nobody expected."""
    trainer.train(X, dataset)
    told = []
    for n in range(20):
        try:
            outcome = folds.train(X, dataset, StopsAfter(n))
        except Stopped:
            told.append("nothing learnt")
        else:
            assert len(outcome.history) and len(outcome.evaluation.splits["validation"].labels)
            told.append("stopped" if outcome.stopped else "whole")
    assert sorted(set(told)) == ["nothing learnt", "stopped", "whole"]


def test_a_run_can_be_stopped_at_any_moment_too(dataset):
    """In the first of its epochs a stop was told as an unexpected error, now and then: only where an epoch takes longer than a call."""
    trainer.train(X, dataset)
    outcomes = [trainer.train(X, dataset, StopsAfter(n)) for n in range(5)]
    assert [(o.stopped, len(o.history)) for o in outcomes] == [(True, 0), (True, 1), (True, 2), (True, 3), (False, 3)]
