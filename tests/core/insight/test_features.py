"""Features of blocks: computed once, the same together and alone."""

import numpy as np

from core.insight import features
from core.insight.network import block_ends


def test_what_is_computed_together_is_what_each_network_makes_alone(opened, monkeypatch):
    split = opened[0].dataset.validation
    monkeypatch.setattr(features.activations, "get", lambda key: None)
    monkeypatch.setattr(features, "_kept", lambda key, arrays: tuple(arrays))
    together = features.of_split([side.network for side in opened], split)
    for side, found in zip(opened, together, strict=True):
        alone = features.of_split([side.network], split)[0]
        assert list(found.blocks) == list(block_ends(side.network.table))
        for name, array in found.blocks.items():
            np.testing.assert_allclose(array, alone.blocks[name], atol=1e-5)
        np.testing.assert_allclose(found.last, features.of_pictures(side.network, split.images), atol=1e-5)
    np.testing.assert_array_equal(together[0].blocks["block_16"], together[1].blocks["block_16"])
    assert np.abs(together[0].last - together[1].last).max() > 1e-4


def test_a_large_split_is_looked_at_through_a_sample(opened):
    found = features.of_split([opened[0].network], opened[0].dataset.train, most=7)[0]
    assert len(found.rows) == 7 and found.last.shape[0] == 7
    assert set(opened[0].dataset.train.labels[found.rows]) == {0, 1, 2}
