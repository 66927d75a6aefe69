"""Backbones that programs share: loaded once, and found again as they were loaded."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from core.experiment import BackboneSpec
from core.network import backbone, frontier

MAX_BACKBONES = 3
_backbones: OrderedDict[tuple[BackboneSpec, int], "Backbone"] = OrderedDict()


@dataclass
class Backbone:
    """A backbone that several programs share, its weights as they were loaded, and its compiled prefixes."""

    model: keras.Model
    pristine: list[np.ndarray]
    prefixes: dict[tuple, Callable] = field(default_factory=dict)
    touched: list[tuple[keras.Variable, np.ndarray]] = field(default_factory=list)

    def restore(self) -> None:
        """Undo what the last program has learnt."""
        for variable, value in self.touched:
            variable.assign(value)

    def prefix(self, line: frontier.Frontier, pooling: keras.layers.Layer, dtype: str) -> Callable:
        """Return the compiled function from pixels to the tensors at the frontier; it reads the variables at each call."""
        key = (line.cut, type(pooling) if line.pooled else None, dtype)
        if key not in self.prefixes:
            before = frontier.prefix(self.model, line, pooling, dtype)
            pixels = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.float32)
            self.prefixes[key] = tf.function(lambda x: before(x, training=False), input_signature=[pixels])
        return self.prefixes[key]


def shared_backbone(spec: BackboneSpec, seed: int) -> Backbone:
    """Return the backbone of a specification, loading it where nobody has asked for it lately; random weights are one a seed."""
    key = (spec, seed if spec.weights == "random" else 0)
    if key not in _backbones:
        while len(_backbones) >= MAX_BACKBONES:
            _backbones.popitem(last=False)
        base = backbone.build(spec, key[1])
        _backbones[key] = Backbone(base, base.get_weights())
    _backbones.move_to_end(key)
    return _backbones[key]
