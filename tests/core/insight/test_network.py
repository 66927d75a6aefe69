"""A saved model, opened up, is the saved model."""

import numpy as np

from core.insight.network import block_ends, first_difference
from core.insight.side import load


def test_probabilities_are_the_stored_ones_and_those_of_keras(store, opened):
    for side in opened:
        stored = store.evaluation(side.run.id)
        for name, split in side.dataset.splits.items():
            told = side.network.probabilities(split.images)
            np.testing.assert_allclose(told, stored.splits[name].probabilities, atol=1e-5)
    images = opened[1].dataset.test.images.astype(np.float32)
    theirs = load(store, opened[1].run)(images, training=False)
    np.testing.assert_allclose(opened[1].network.probabilities(images), theirs, atol=1e-5)


def test_every_layers_output_is_the_one_of_keras(store, opened):
    import keras

    network, base = opened[1].network, opened[1].network.base
    images = opened[1].dataset.test.images[:2].astype(np.float32)
    names = [network.table[end].name for end in block_ends(network.table).values()]
    theirs = keras.Model(base.inputs, [base.get_layer(n).output for n in names])([images / 127.5 - 1])
    values, start = network.enter(images), 1
    for end, name, expected in zip(block_ends(network.table).values(), names, theirs, strict=True):
        values = network.walk(values, start, end + 1)
        start = end + 1
        np.testing.assert_allclose(values[name], expected, rtol=1e-3, atol=2e-4)


def test_networks_agree_up_to_the_first_layer_that_learnt(opened):
    before, after = (side.network for side in opened)
    table = before.table
    assert table[first_difference(before, after)].name == "Conv_1"
    assert first_difference(before, before) == len(table)
