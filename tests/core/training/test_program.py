"""Compiled programs are shared by runs: every run begins as if its network were new."""

import keras
import numpy as np
import pytest

from core import data
from core.experiment import BackboneSpec, DenseLayer, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.network.layers import layer_table, totals
from core.training import program, shared_backbone
from core.training.program import program_for
from tests.core.conftest import PICTURES

X = Experiment(
    data=PICTURES,
    backbone=BackboneSpec(alpha=0.35, size=96),
    freeze=FreezeSpec.last(4, lock_batchnorm=False),
    head=HeadSpec(layers=(DenseLayer(units=8, l2=0.01),)),
    training=TrainingSpec(learning_rate=0.01, backbone_rate_factor=0.5),
)
FROZEN = X.replace(freeze=FreezeSpec())


def changed(x: Experiment, **training) -> Experiment:
    return x.replace(training=x.training.replace(**training))


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    split = data.load(PICTURES, 96).train
    return split.images[:16].astype(np.float32), np.eye(3, dtype=np.float32)[split.labels[:16]]


def learn(made: program.Program, pictures, rates: list[float], size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    images, targets = pictures
    n = size * len(rates)
    return made.train_steps([x[:n] for x in made.run_prefix(images)], targets[:n], np.ones(n, np.float32), rates, size)


def test_a_run_of_the_same_shape_finds_it_compiled_and_its_weights_fresh(pictures):
    first = program_for(X, 3)
    fresh, features = first.weights(), first.run_prefix(pictures[0])
    losses, _ = learn(first, pictures, [0.01, 0.01])
    assert any(not np.array_equal(a, b) for a, b in zip(first.weights(), fresh, strict=True))
    again = program_for(changed(X, learning_rate=0.1, epochs=3), 3)
    assert again is first
    for mine, theirs in zip(again.weights(), fresh, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(again.run_prefix(pictures[0])[0], features[0])
    np.testing.assert_array_equal(learn(again, pictures, [0.01, 0.01])[0], losses, "the optimiser starts anew too")


def test_another_seed_gives_another_head():
    kernels = [program_for(changed(X, seed=seed), 3).head[-1].get_weights()[0] for seed in (1, 1, 2)]
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_what_one_run_has_learnt_is_not_seen_by_another_on_the_same_backbone(pictures):
    """Both share one backbone: the second must find it as it was loaded."""
    frozen = program_for(FROZEN, 3)
    pristine = frozen.run_prefix(pictures[0])[0]
    thawed = program_for(X, 3)
    thawed.set_warming_up(False)
    learn(thawed, pictures, [0.5, 0.5])
    assert thawed.base is frozen.base
    assert not np.allclose(frozen.run_prefix(pictures[0])[0], pristine), "nothing was learnt, so nothing was tested"
    np.testing.assert_array_equal(program_for(FROZEN, 3).run_prefix(pictures[0])[0], pristine)


@pytest.mark.parametrize("x", [X, FROZEN], ids=["thawed", "frozen"])
def test_parameters_are_counted_as_the_table_counts_them(x):
    made = program_for(x, 3).parameter_counts()
    table, features = layer_table(x.backbone), 1280  # alpha below 1 keeps the last layer's width
    head = (features + 1) * 8 + 9 * 3
    assert made["head_parameters"] == head
    assert made["trainable_parameters"] == totals(table, x.freeze).trainable + head
    assert made["total_parameters"] == totals(table, x.freeze).total + head


def test_steps_in_one_call_are_steps_one_by_one(pictures):
    made = program_for(X, 3)
    together = learn(made, pictures, [0.01, 0.02])
    made = program_for(X, 3)
    cut, targets = made.run_prefix(pictures[0]), pictures[1]
    for i, rate in enumerate((0.01, 0.02)):
        rows = slice(8 * i, 8 * i + 8)
        loss, right = made.train_steps([c[rows] for c in cut], targets[rows], np.ones(8, np.float32), [rate], 8)
        np.testing.assert_allclose([loss[0], right[0]], [together[0][i], together[1][i]], rtol=1e-5)


def moved(pictures, factor: float, warming_up: bool = False) -> dict[str, float]:
    """Return how far each layer moved in one step of plain gradient descent."""
    made = program_for(changed(X, optimizer="sgd", backbone_rate_factor=factor), 3)
    made.set_warming_up(warming_up)
    before = made.weights()
    learn(made, pictures, [0.1])
    return made.update_ratios(before)


def test_thawed_layers_take_their_share_of_the_rate_and_none_while_the_head_warms_up(pictures):
    whole, half, still = moved(pictures, 1.0), moved(pictures, 0.5), moved(pictures, 1.0, warming_up=True)
    assert whole["Conv_1"] > 0
    assert half["Conv_1"] == pytest.approx(0.5 * whole["Conv_1"], rel=0.02)
    assert still["Conv_1"] == 0
    assert half["predictions"] == pytest.approx(whole["predictions"]) == pytest.approx(still["predictions"])


def test_gradients_are_what_one_step_of_plain_gradient_descent_takes(pictures):
    made = program_for(changed(X, optimizer="sgd", backbone_rate_factor=1.0), 3)
    made.set_warming_up(False)
    before = made.weights()
    learn(made, pictures, [0.001])
    moved = made.update_ratios(before)
    assert made.gradient_ratios() == pytest.approx({name: m / 0.001 for name, m in moved.items()}, rel=0.02)


def test_what_it_sees_is_what_keras_evaluates(pictures):
    made = program_for(X, 3)
    images, targets = pictures
    seen = made.see(made.run_prefix(images), targets)
    whole = made.full
    whole.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = whole.evaluate(images, targets, verbose=0)
    assert seen.losses.mean() == pytest.approx(loss, abs=1e-5), "penalties included"
    assert (seen.probabilities.argmax(1) == targets.argmax(1)).mean() == pytest.approx(accuracy)
    np.testing.assert_allclose(seen.probabilities, whole.predict(images, verbose=0), atol=1e-5)
    features = keras.layers.GlobalAveragePooling2D()(made.base(images / 127.5 - 1))
    np.testing.assert_allclose(seen.features, features, atol=1e-4)
    assert seen.hidden.shape == (16, 8) and seen.hidden.min() == 0


def test_a_random_backbone_is_one_a_seed():
    random = X.replace(backbone=X.backbone.replace(weights="random"))
    one, two = (program_for(changed(random, seed=seed), 3) for seed in (1, 2))
    assert one is not two and one.base is not two.base
    assert not np.array_equal(one.base.get_weights()[0], two.base.get_weights()[0])


def test_only_so_many_are_kept():
    for units in range(1, program.MAX_PROGRAMS + 3):
        program_for(FROZEN.replace(head=HeadSpec(layers=(DenseLayer(units=units),))), 3)
    assert len(program._programs) == program.MAX_PROGRAMS
    assert len(shared_backbone._backbones) <= shared_backbone.MAX_BACKBONES
