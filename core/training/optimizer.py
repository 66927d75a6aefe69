"""Keras's optimisers, with a share of the learning rate for the thawed layers."""

import keras
import tensorflow as tf

from core.experiment import Experiment

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_optimizer(experiment: Experiment, in_backbone: set, factor: tf.Variable) -> keras.optimizers.Optimizer:
    """Return Keras's optimiser whose steps on backbone variables are multiplied by ``factor``."""
    settings = experiment.training
    kind = OPTIMIZERS[settings.optimizer]

    class WithBackboneRate(kind):  # type: ignore[misc, valid-type]
        def update_step(self, gradient, variable, learning_rate):
            scaled = (
                learning_rate * keras.ops.cast(factor, learning_rate.dtype)
                if variable.ref() in in_backbone
                else learning_rate
            )
            super().update_step(gradient, variable, scaled)

    arguments = {"momentum": 0.9} if settings.optimizer == "sgd" else {}
    none = 0.0 if settings.optimizer == "adamw" else None  # AdamW refuses None
    return WithBackboneRate(settings.learning_rate, weight_decay=settings.weight_decay or none, **arguments)
