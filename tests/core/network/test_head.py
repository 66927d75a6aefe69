"""The size of a head, counted without building it, is what Keras builds."""

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.experiment import BatchNormLayer, DenseLayer, DropoutLayer, HeadSpec
from core.network.head import head_parameters
from core.network.model import build_head

layers = st.lists(
    st.builds(DropoutLayer, rate=st.floats(0, 0.9))
    | st.builds(DenseLayer, units=st.integers(1, 40), l2=st.floats(0, 0.1))
    | st.builds(BatchNormLayer),
    max_size=4,
)
heads = st.builds(HeadSpec, pooling=st.sampled_from(["flatten", "average", "max"]), layers=layers.map(tuple))


@settings(max_examples=25)
@given(heads, st.integers(1, 30), st.integers(1, 4), st.integers(2, 9))
def test_equals_what_keras_builds(head, features, side, n_classes):
    x = keras.Input((side, side, features))
    made = build_head(head, n_classes)
    for layer in made:
        x = layer(x)
    trainable = sum(int(np.prod(w.shape)) for layer in made for w in layer.trainable_weights)
    assert head_parameters(head, features, side * side, n_classes) == trainable


def test_flatten_explodes_where_averaging_does_not():
    """The default network at 224 pixels: 7 × 7 positions of 1,280 features, 4 classes."""
    assert head_parameters(HeadSpec.flatten(), 1280, 49, 4) == 1280 * 49 * 4 + 4
    assert head_parameters(HeadSpec(layers=()), 1280, 49, 4) == 1280 * 4 + 4
    assert head_parameters(HeadSpec.generalised(), 1280, 49, 4) == 1281 * 128 + 129 * 4
