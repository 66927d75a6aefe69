"""A fused step does what Keras's convolution and BatchNormalization do one after the other."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.network.fusing import Fused

CONVOLUTIONS = {
    "1×1": lambda: keras.layers.Conv2D(5, 1, padding="same", use_bias=False),
    "3×3, stride 2": lambda: keras.layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False),
    "depthwise": lambda: keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False),
    "depthwise, stride 2, valid": lambda: keras.layers.DepthwiseConv2D(3, strides=2, padding="valid", use_bias=False),
    "normalisation alone": lambda: None,
}
IMAGES = np.random.default_rng(0).normal(0.3, 2.0, (6, 9, 9, 4)).astype(np.float32)


class Pair:
    """The same layers twice: apart as Keras has them, and fused."""

    def __init__(self, make: Callable[[], keras.layers.Layer | None], *, trainable: bool, dtype: str = "float32"):
        self.layers = [layer for layer in (make(), keras.layers.BatchNormalization(momentum=0.9)) if layer]
        for layer in self.layers:
            self.shape = layer(IMAGES if layer is self.layers[0] else np.zeros(self.shape)).shape
        self.norm = self.layers[-1]
        self.norm.trainable = trainable
        rng = np.random.default_rng(1)
        scales = [rng.uniform(0.5, 2, w.shape) for w in self.norm.weights]
        self.weights = [layer.get_weights() for layer in self.layers[:-1]] + [scales]
        self.fused = Fused(self.norm, self.layers[0] if len(self.layers) == 2 else None, dtype)
        self.reset()

    def reset(self) -> None:
        for layer, weights in zip(self.layers, self.weights, strict=True):
            layer.set_weights(weights)

    def apart(self, x: np.ndarray, training: bool) -> tf.Tensor:
        for layer in self.layers:
            x = layer(x, training=training) if layer is self.norm else layer(x)
        return x

    def learning(self) -> list[keras.Variable]:
        return [w for layer in self.layers for w in layer.trainable_weights]


@pytest.fixture(params=CONVOLUTIONS)
def make(request) -> Callable[[], keras.layers.Layer | None]:
    return CONVOLUTIONS[request.param]


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("trainable", [False, True], ids=["frozen", "thawed"])
def test_outputs_and_running_averages_are_those_of_keras(make, trainable, training):
    pair = Pair(make, trainable=trainable)
    expected = [pair.apart(IMAGES + step, training) for step in range(3)]
    averages = pair.norm.get_weights()
    pair.reset()
    ours = [pair.fused(IMAGES + step, training=training) for step in range(3)]
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    for mine, theirs, before in zip(pair.norm.get_weights(), averages, pair.weights[-1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
        if not (trainable and training):
            np.testing.assert_array_equal(mine, before.astype(np.float32), "nothing moves a layer that does not learn")


@pytest.mark.parametrize("trainable", [False, True], ids=["frozen", "thawed"])
def test_gradients_are_those_of_keras(make, trainable):
    pair = Pair(make, trainable=trainable)
    wanted, found = [], []
    for call, gradients in ((pair.apart, wanted), (pair.fused, found)):
        x = tf.constant(IMAGES)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(call(x, training=True)))
        gradients += tape.gradient(loss, [x, *pair.learning()])
        pair.reset()
    assert len(wanted) == 1 + len(pair.learning())
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=2e-3)


def test_shape_is_known_before_a_picture_is_there(make):
    pair = Pair(make, trainable=False)
    known = pair.fused(keras.Input(IMAGES.shape[1:])).shape
    assert known[1:] == pair.fused(IMAGES).shape[1:]


def test_half_precision_rounds_the_arithmetic_and_never_the_weights(make):
    pair = Pair(make, trainable=True, dtype="mixed_bfloat16")
    expected = np.asarray(pair.apart(IMAGES, True))
    averages = pair.norm.get_weights()
    pair.reset()
    ours = pair.fused(IMAGES, training=True)
    assert ours.dtype == tf.bfloat16
    np.testing.assert_allclose(np.asarray(ours, np.float32), expected, atol=0.08 * np.abs(expected).max())
    assert {w.dtype for layer in pair.layers for w in layer.weights} == {"float32"}
    for mine, theirs in zip(pair.norm.get_weights(), averages, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0.02, atol=0.02)


def test_it_has_no_weights_of_its_own():
    pair = Pair(CONVOLUTIONS["1×1"], trainable=True)
    theirs = {id(w) for layer in pair.layers for w in layer.weights}
    assert {id(w) for w in pair.fused.weights} == theirs
