"""From an Experiment to a Keras model: rescaling, MobileNetV2, pooling, head."""

import random
from collections.abc import Callable

import keras

from core.experiment import BackboneSpec, BatchNormLayer, DenseLayer, DropoutLayer, Experiment, FreezeSpec, HeadSpec
from core.network.layers import is_thawed, layer_table


def build_head(head: HeadSpec, n_classes: int, seed: int = 0) -> list[keras.layers.Layer]:
    """Return the layers on the backbone, pooling first, softmax last.

    Each layer is given the seed that Keras would draw after ``keras.utils.set_random_seed(seed)``. Keras draws from Python's global
    generator, which other threads use too (Dask's, in a worker): now and then two runs with the same seed began with different heads.
    """
    dealt = random.Random(seed)
    deal = lambda: dealt.randint(1, 10**9)  # noqa: E731
    pooling = {
        "flatten": keras.layers.Flatten,
        "average": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }[head.pooling]
    output = keras.layers.Dense(
        n_classes, activation="softmax", kernel_regularizer=_l2(head.output_l2), name="predictions",
        kernel_initializer=keras.initializers.GlorotUniform(seed=deal()),
    )  # fmt: skip
    return [pooling(name="pooling"), *(_head_layer(layer, i, deal) for i, layer in enumerate(head.layers)), output]


def _head_layer(
    layer: DropoutLayer | DenseLayer | BatchNormLayer, position: int, deal: Callable[[], int]
) -> keras.layers.Layer:
    name = f"head_{position}_{layer.kind}"
    if isinstance(layer, DropoutLayer):
        return keras.layers.Dropout(layer.rate, name=name, seed=deal() if layer.rate else None)
    if isinstance(layer, DenseLayer):
        first = keras.initializers.GlorotUniform(seed=deal())
        return keras.layers.Dense(
            layer.units,
            activation=layer.activation,
            kernel_regularizer=_l2(layer.l2),
            kernel_initializer=first,
            name=name,
        )
    return keras.layers.BatchNormalization(name=name)


def _l2(strength: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(strength) if strength else None


def set_trainable(base: keras.Model, freeze: FreezeSpec) -> None:
    """Set every layer's flag: the base first, because a frozen parent overrules its layers. Compile after it."""
    base.trainable = True
    for layer, row in zip(base.layers, layer_table(BackboneSpec()), strict=True):
        layer.trainable = is_thawed(row, freeze)


def assemble(base: keras.Model, head: list[keras.layers.Layer]) -> keras.Model:
    """Return the model people keep: pixels 0 to 255 in, class probabilities out, preprocessing inside."""
    inputs = keras.Input(base.input_shape[1:], name="pixels")
    x = base(keras.layers.Rescaling(1 / 127.5, -1, name="rescaling")(inputs))
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x, name="thaw")


def build(experiment: Experiment, n_classes: int) -> keras.Model:
    """Return the whole model of an Experiment, uncompiled, with trainable flags set.

    Raises
    ------
    WeightsError
        When the backbone's weights cannot be had.
    """
    from core.network import backbone

    base = backbone.build(experiment.backbone, experiment.training.seed)
    set_trainable(base, experiment.freeze)
    return assemble(base, build_head(experiment.head, n_classes, experiment.training.seed))
