"""A saved model opened up: the output of any layer, and gradients from the answer back to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from core.experiment import BackboneSpec
from core.network.layers import BATCHNORM, LayerTable, blocks, layer_table

if TYPE_CHECKING:
    import keras

TOGETHER = 8 * 224**2  # pixels that pass through at once: with more their activations leave the processor's cache
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def block_ends(table: LayerTable) -> dict[str, int]:
    """Return the position of each building block's last layer, from input to output."""
    return {name: max(layer.index for layer in table if layer.block == name) for name in blocks(table)}


@dataclass
class Network:
    """A MobileNetV2 with a head (or without one), run layer by layer as it was trained to be used: in inference mode.

    Nothing is compiled: tracing a whole network takes longer than passing the few hundred pictures of a question through it. Each
    BatchNormalization is multiplied into the convolution before it, which leaves half of the passes over memory.

    Parameters
    ----------
    base
        The backbone without top.
    head
        Pooling first, softmax last; empty for a backbone alone.
    spec
        Width and size of the backbone.
    """

    base: keras.Model
    head: list[keras.layers.Layer]
    spec: BackboneSpec

    @classmethod
    def opened(cls, model: keras.Model, spec: BackboneSpec) -> Network:
        """Open a model that :func:`core.network.model.assemble` made."""
        import keras

        at = next(i for i, layer in enumerate(model.layers) if isinstance(layer, keras.Model))
        return cls(model.layers[at], model.layers[at + 1 :], spec)

    @cached_property
    def table(self) -> LayerTable:
        """The backbone's layers."""
        return layer_table(self.spec)

    @cached_property
    def weights(self) -> dict[str, list[np.ndarray]]:
        """Weights of each layer that has some, backbone first, by the layer's name."""
        return {layer.name: layer.get_weights() for layer in [*self.base.layers, *self.head] if layer.weights}

    def set_weights(self, weights: dict[str, list[np.ndarray]]) -> None:
        """Give some layers other weights."""
        known = {layer.name: layer for layer in [*self.base.layers, *self.head]}
        for name, values in weights.items():
            known[name].set_weights(values)
        for kept in ("weights", "_folded", "digests"):
            self.__dict__.pop(kept, None)

    def mixed(self, weights: dict[str, list[np.ndarray]]) -> Network:
        """Return a network of the same layers in which some have other weights; this one keeps its own."""
        values = self.weights | weights
        other = Network(self.base, [_copy(layer, values.get(layer.name, [])) for layer in self.head], self.spec)
        other.__dict__["weights"] = values
        return other

    @cached_property
    def digests(self) -> list[str]:
        """For each layer, what identifies the weights up to it: two networks agree on the outputs of layers with equal ones."""
        so_far, found = hashlib.sha256(repr(self.spec.replace(weights="random")).encode()), []
        for layer in self.table:
            for array in self.weights.get(layer.name, []):
                so_far.update(np.ascontiguousarray(array).tobytes())
            found.append(so_far.hexdigest()[:24])
        return found

    @cached_property
    def _folded(self) -> dict[str, tuple[Any, Any]]:
        """Kernel and shift of each convolution with the normalisation after it."""
        import tensorflow as tf

        after = {layer.connected_to[0]: layer for layer in self.table if layer.kind == BATCHNORM}
        made = {}
        for layer in self.table:
            if layer.kind in CONVOLUTIONS:
                gamma, beta, mean, variance = self.weights[after[layer.name].name]
                scale = gamma / np.sqrt(variance + self.base.get_layer(after[layer.name].name).epsilon)
                by_channel = scale[:, None] if layer.kind == "DepthwiseConv2D" else scale
                kernel = self.weights[layer.name][0] * by_channel
                made[layer.name] = tf.constant(kernel), tf.constant(beta - mean * scale)
        return made

    def _output(self, position: int, inputs: list[Any]) -> Any:
        """Return a layer's output; a normalisation's is its convolution's, which has it folded in."""
        import tensorflow as tf

        layer, x = self.table[position], inputs[0]
        if layer.kind in CONVOLUTIONS:
            keras_layer, (kernel, shift) = self._layers[position], self._folded[layer.name]
            apply = tf.nn.conv2d if layer.kind == "Conv2D" else tf.nn.depthwise_conv2d
            return tf.nn.bias_add(apply(x, kernel, (1, *keras_layer.strides, 1), keras_layer.padding.upper()), shift)
        if layer.kind == "ReLU":
            return tf.nn.relu6(x)
        if layer.kind == "Add":
            return x + inputs[1]
        if layer.kind == "ZeroPadding2D":
            return tf.pad(x, [[0, 0], *self._layers[position].padding, [0, 0]])
        return x

    def walk(self, values: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
        """Carry outputs of earlier layers through the layers ``start`` to ``stop``, the last one left out.

        Parameters
        ----------
        values
            Tensors by layer name; those that a later layer reads are enough.

        Returns
        -------
        dict
            The given and the new tensors that layers from ``stop`` on read, and the last one.
        """
        values, needed = dict(values), self._last_readers
        for position in range(start, stop):
            layer = self.table[position]
            values[layer.name] = self._output(position, [values[name] for name in layer.connected_to])
            for name in [n for n in values if needed[n] <= position and n != layer.name]:
                del values[name]
        return values

    @cached_property
    def _layers(self) -> list[keras.layers.Layer]:
        return list(self.base.layers)  # Keras makes the list anew each time it is asked

    @cached_property
    def _last_readers(self) -> dict[str, int]:
        """For each layer, the position of the last layer that reads it."""
        readers = {self.table[-1].name: len(self.table)}
        for layer in self.table:
            readers |= dict.fromkeys(layer.connected_to, layer.index)
        return readers

    def enter(self, images: np.ndarray) -> dict[str, Any]:
        """Return where a walk begins: the input layer's output for pictures in 0..255 of shape (n, size, size, 3)."""
        import tensorflow as tf

        return {self.table[0].name: tf.constant(images, tf.float32) / 127.5 - 1}

    def batches(self, n: int) -> list[slice]:
        """Return the parts in which ``n`` pictures pass through."""
        size = TOGETHER // self.spec.size**2
        return [slice(start, start + size) for start in range(0, n, size)]

    def logits(self, features: Any) -> Any:
        """Return the scores before the softmax for the backbone's last output, shape (n, n_classes)."""
        import tensorflow as tf

        for layer in self.head[:-1]:
            features = layer(features, training=False)
        kernel, bias = self.head[-1].kernel, self.head[-1].bias
        return tf.matmul(features, tf.convert_to_tensor(kernel)) + tf.convert_to_tensor(bias)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the answers on pictures in 0..255, float32 of shape (n, n_classes)."""
        import tensorflow as tf

        parts = [tf.nn.softmax(self.answer_from(self.enter(images[part]), 1)) for part in self.batches(len(images))]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_classes), np.float32)

    def answer_from(self, values: dict[str, Any], start: int) -> Any:
        """Return the scores before the softmax from outputs of the layers before position ``start``."""
        return self.logits(self.walk(values, start, len(self.table))[self.table[-1].name])

    @property
    def n_classes(self) -> int:
        """Width of the softmax."""
        return self.head[-1].units


def _copy(layer: keras.layers.Layer, weights: list[np.ndarray]) -> keras.layers.Layer:
    """Return a layer of a head with weights of its own."""
    made = type(layer).from_config(layer.get_config())
    if weights:
        made.build(layer.input.shape)
        made.set_weights(weights)
    return made


def first_difference(a: Network, b: Network) -> int:
    """Return the position of the first layer at which two networks of one shape differ; the number of layers where only heads do."""
    return next((i for i, (x, y) in enumerate(zip(a.digests, b.digests, strict=True)) if x != y), len(a.table))
