"""The map places alike pictures together, the same way each time, and its numbers mean what they say."""

import numpy as np
import pytest

from core.insight import embedding


def two_heaps(n: int = 60, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    rng, labels = np.random.default_rng(0), np.arange(n) % 2
    return rng.normal(0, 1, (n, 20)) + apart * labels[:, None], labels


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_heaps_stay_heaps_and_the_map_is_the_same_each_time(method):
    vectors, labels = two_heaps(24)
    flat = embedding.in_plane(vectors, method)
    np.testing.assert_array_equal(flat, embedding.in_plane(vectors, method))
    assert flat.shape == (24, 2) and flat.min() == 0 and flat.max() == 1
    middles = np.stack([flat[labels == c].mean(0) for c in (0, 1)])
    nearest = np.linalg.norm(flat[:, None] - middles, axis=2).argmin(1)
    assert (nearest == labels).all()


def test_purity_is_one_for_classes_apart_and_chance_for_mixed_ones():
    vectors, labels = two_heaps()
    assert embedding.purity(vectors, labels, vectors, labels).mean() == 1
    mixed = np.random.default_rng(1).permutation(labels)
    assert embedding.purity(vectors, mixed, vectors, mixed).mean() == pytest.approx(0.5, abs=0.15)


def test_a_pair_lies_in_one_space(store, pair, opened):
    found = embedding.place(store.uri, pair, "Conv_1", "pca")
    splits = opened[0].dataset.splits
    assert found.positions.shape == (2, sum(map(len, splits.values())), 2)
    for name, split in splits.items():
        np.testing.assert_array_equal(found.labels[found.splits == name], split.labels)
        stored = store.evaluation(pair[1]).splits[name].predicted
        np.testing.assert_array_equal(found.predicted[1][found.splits == name], stored)
    assert found.gain == pytest.approx(found.purity[1] - found.purity[0]) and found.low <= found.gain <= found.high
    frozen = embedding.place(store.uri, pair, "block_16", "pca")  # nothing thawed lies before it
    np.testing.assert_allclose(frozen.positions[0], frozen.positions[1], atol=1e-6)
    assert (frozen.gain, frozen.low, frozen.high) == (0, 0, 0)


def test_the_silhouette_says_how_far_classes_lie_apart_and_nothing_of_one_class():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 20)
    apart = np.where(labels[:, None] == 0, 9.0, -9.0) + rng.normal(size=(40, 4))
    assert embedding._silhouette(apart, labels) > 0.8
    assert abs(embedding._silhouette(rng.normal(size=(40, 4)), labels)) < 0.15
    assert embedding._silhouette(apart, np.zeros(40, int)) == 0 == embedding._silhouette(apart[:2], np.array([0, 1]))
