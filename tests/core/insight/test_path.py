"""The path leads from one run to the other, and what it says about between is earned on other pictures."""

import numpy as np
import pytest

from core.experiment import FreezeSpec
from core.insight import path
from core.insight.network import Network
from core.insight.side import load


@pytest.fixture(scope="module")
def found(store, pair) -> path.Path:
    return path.along(store.uri, pair)


def test_the_ends_are_the_two_runs(store, pair, found):
    for run_id, at in zip(pair, (0, -1), strict=True):
        last = store.curves(run_id).iloc[-1]
        assert found.loss[0, at] == pytest.approx(last.val_loss, abs=1e-5)
        assert found.accuracy[0, at] == pytest.approx(last.val_accuracy)
    assert found.layers == ("Conv_1", "predictions")
    assert found.loss.shape == (len(path.CONDITIONS), len(path.SHARES))


def test_a_point_can_be_kept_and_is_a_model_of_its_own(store, pair, opened, found):
    run_id = path.keep(store.uri, pair, 0.5, "half way")
    kept, split = store.get(run_id), store.evaluation(run_id).splits["validation"]
    assert kept.status == "finished" and kept.baseline_id == pair[1] and "50%" in kept.note
    own = split.probabilities[np.arange(len(split.labels)), split.labels]
    assert -np.log(own).mean() == pytest.approx(found.loss[0, 5], abs=1e-5)
    again = Network.opened(load(store, kept), kept.experiment.backbone)
    middle = np.mean([side.network.weights["Conv_1"][0] for side in opened], 0)
    np.testing.assert_allclose(again.weights["Conv_1"][0], middle, atol=1e-6)
    store.delete(run_id)


def test_there_is_no_path_between_runs_that_share_no_start(store, pair):
    a, b = (store.get(i) for i in pair)
    changed = lambda **parts: b.__class__(**{**b.__dict__, "experiment": b.experiment.replace(**parts)})  # noqa: E731
    assert path.obstacle(a, b, True) == ""
    assert "different heads" in path.obstacle(a, changed(training=b.experiment.training.replace(seed=5)), True)
    assert "shapes" in path.obstacle(a, changed(head=b.experiment.head.replace(pooling="max")), True)
    assert "shapes" in path.obstacle(a, b, False)
    assert "width" in path.obstacle(a, changed(backbone=b.experiment.backbone.replace(alpha=1.0)), True)
    assert path.obstacle(a, changed(freeze=FreezeSpec.last(20)), True) == ""


def test_chance_between_two_equal_ends_is_no_gain_and_a_real_one_is():
    rng = np.random.default_rng(0)
    chance = [path.gain(rng.uniform(0.3, 0.7, (11, 80)), rng.integers(0, 2, (11, 80)).astype(float)) for _ in range(40)]
    assert (
        sum(g.sure for g in chance) <= 4
    )  # 2.5% expected; the best of eleven named on the same pictures would be sure of most
    right = np.tile(rng.uniform(size=80) < 0.6, (11, 1)).astype(float)
    right[3:8] = rng.uniform(size=80) < 0.95
    real = path.gain(1 - right + rng.uniform(0, 0.1, (11, 80)), right)
    assert real.sure and 0.1 < real.value < 0.6 and 0.3 <= real.share <= 0.7


@pytest.mark.parametrize("condition", path.CONDITIONS)
def test_conditions_change_the_pictures_and_the_same_way_each_time(condition):
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    changed = path.under(condition, images)
    assert changed.dtype == np.uint8 and changed.shape == images.shape
    np.testing.assert_array_equal(changed, path.under(condition, images))
    assert (changed == images).all() == (condition == "as they are")
