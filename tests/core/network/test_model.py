"""What Keras itself sees of an Experiment's model: flags after compiling, one step of learning, and the file people keep."""

import random

import keras
import numpy as np
import pytest

from core import data
from core.experiment import (
    BackboneSpec,
    BatchNormLayer,
    DenseLayer,
    DropoutLayer,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
)
from core.network.head import head_parameters
from core.network.layers import layer_table, totals
from core.network.model import build, build_head, set_trainable
from core.training import trainer
from tests.core.conftest import PICTURES

NARROW = BackboneSpec(alpha=0.35, size=96)
TABLE = layer_table(NARROW)
MASKS = {
    "all frozen": FreezeSpec(),
    "last 4": FreezeSpec.last(4),
    "last 4, BatchNorm too": FreezeSpec.last(4, lock_batchnorm=False),
    "a hole": FreezeSpec(thawed=(*range(20, 30), *range(120, 130)), lock_batchnorm=False),
    "everything": FreezeSpec.last(154, lock_batchnorm=False),
}


def count(weights: list) -> int:
    return sum(int(np.prod(w.shape)) for w in weights)


@pytest.fixture(scope="module")
def base_and_model() -> tuple[keras.Model, keras.Model]:
    model = build(Experiment(backbone=NARROW, head=HeadSpec(layers=())), 3)
    return next(layer for layer in model.layers if isinstance(layer, keras.Model)), model


@pytest.mark.parametrize("mask", MASKS)
def test_after_compiling_exactly_the_thawed_layers_learn(base_and_model, mask):
    """One after the other on the same network: a mask leaves nothing of the mask before it."""
    base, model = base_and_model
    set_trainable(base, MASKS[mask])
    model.compile("sgd", "categorical_crossentropy")
    assert count(base.trainable_weights) == totals(TABLE, MASKS[mask]).trainable
    assert count(base.weights) == totals(TABLE, MASKS[mask]).total
    assert count(model.trainable_weights) == totals(TABLE, MASKS[mask]).trainable + head_parameters(
        HeadSpec(layers=()), base.output_shape[-1], 9, 3
    )


@pytest.mark.parametrize(("mask", "moving"), [("last 4", False), ("last 4, BatchNorm too", True)])
def test_a_step_changes_what_is_thawed_and_nothing_else(base_and_model, mask, moving):
    base, model = base_and_model
    set_trainable(base, MASKS[mask])
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    pictures = data.load(PICTURES, 96).train
    before = [np.array(w) for w in base.weights]
    model.train_on_batch(pictures.images[:8].astype(np.float32), np.eye(3)[pictures.labels[:8]])
    changed = {
        w.path.split("/")[-2] + "/" + w.name
        for w, old in zip(base.weights, before, strict=True)
        if not np.array_equal(w, old)
    }
    norms = {
        f"{n}/{w}"
        for n in ("block_16_project_BN", "Conv_1_bn")
        for w in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    assert changed == {"Conv_1/kernel"} | (norms if moving else set())
    for weight, old in zip(base.weights, before, strict=True):
        weight.assign(old)


def test_the_head_is_what_was_described():
    spec = HeadSpec(
        pooling="max",
        layers=(DropoutLayer(rate=0.25), DenseLayer(units=7, activation="gelu", l2=0.02), BatchNormLayer()),
        output_l2=0.03,
    )
    pooling, dropout, dense, norm, output = build_head(spec, 5)
    assert isinstance(pooling, keras.layers.GlobalMaxPooling2D)
    assert dropout.rate == 0.25
    assert (dense.units, dense.activation, float(dense.kernel_regularizer.l2)) == (7, keras.activations.gelu, 0.02)
    assert isinstance(norm, keras.layers.BatchNormalization)
    assert (output.units, output.activation, float(output.kernel_regularizer.l2)) == (
        5,
        keras.activations.softmax,
        0.03,
    )
    assert isinstance(build_head(HeadSpec.flatten(), 5)[0], keras.layers.Flatten)
    assert isinstance(build_head(HeadSpec.generalised(), 5)[0], keras.layers.GlobalAveragePooling2D)


def test_the_saved_model_takes_pixels_and_answers_as_the_run_did(tmp_path):
    """Preprocessing lives inside: "the exported model predicts differently" is the best-known complaint about such tools."""
    x = Experiment(
        data=PICTURES,
        backbone=NARROW,
        freeze=FreezeSpec.last(4, lock_batchnorm=False),
        training=TrainingSpec(epochs=2, batch_size=8),
    )
    pictures = data.load(PICTURES, 96)
    outcome = trainer.train(x, pictures)
    outcome.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for name, split in pictures.splits.items():
        expected = outcome.evaluation.splits[name].probabilities
        for dtype in (np.uint8, np.float32):
            answers = loaded.predict(split.images.astype(dtype), verbose=0)
            np.testing.assert_allclose(answers, expected, atol=2e-5)
    assert np.ptp(expected, axis=0).max() > 1e-3, "the answers depend on the picture"
    assert [layer.trainable for layer in loaded.layers if isinstance(layer, keras.Model)] == [True]


def test_a_head_begins_as_plain_keras_seeds_it_whoever_else_draws_random_numbers():
    keras.utils.set_random_seed(7)  # the softmax is made first
    output = keras.layers.Dense(3, activation="softmax")
    plain = [keras.layers.Dropout(0.5), keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.5), output]
    spec = HeadSpec(layers=(DropoutLayer(rate=0.5), DenseLayer(units=8), DropoutLayer(rate=0.5)))
    random.random()
    ours = build_head(spec, 3, seed=7)[1:]
    for layers in (plain, ours):
        keras.Sequential([keras.Input((16,)), *layers])
    for mine, theirs in zip(ours, plain, strict=True):
        assert len(mine.variables) == len(theirs.variables)
        for a, b in zip(mine.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
