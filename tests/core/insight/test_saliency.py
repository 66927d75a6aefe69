"""Heat maps mean what they say."""

import numpy as np
import pytest

from core.insight import saliency


def test_hirescam_adds_up_to_the_score_without_its_bias(opened):
    for side in opened:
        network, images = side.network, side.dataset.validation.images.astype(np.float32)
        bias = network.head[-1].bias.numpy()
        scores = network.answer_from(network.enter(images), 1).numpy() - bias
        for target in range(3):
            heat = saliency.cells(network, images, np.full(len(images), target), "out_relu")
            np.testing.assert_allclose(heat.sum((1, 2)), scores[:, target], atol=1e-4)


@pytest.mark.parametrize("depth", saliency.DEPTHS)
def test_maps_have_the_cells_that_are_named(opened, depth):
    heat = saliency.cells(opened[0].network, opened[0].dataset.test.images[:1], np.array([0]), depth)
    assert heat.shape == (1, saliency.cells_at(depth, 96), saliency.cells_at(depth, 96))


def test_the_default_depth_has_enough_cells():
    assert [saliency.default_depth(s) for s in (96, 160, 192, 224)] == ["block_12_add", "block_12_add", "out_relu", "out_relu"]  # fmt: skip


def test_where_a_corner_tells_the_class_the_map_sits_in_the_corner(store, cornered):
    for depth in ("out_relu", "block_12_add"):
        heat = saliency.look_at_split(store.uri, [cornered], depth)[0]
        side = heat.shares.shape[1]
        corner = heat.shares[:, : side // 3 + 1, : side // 3 + 1].sum((1, 2)).mean()
        assert corner > 2 * ((side // 3 + 1) / side) ** 2 or corner > 0.7, (depth, corner)
        assert np.unravel_index(heat.shares.mean(0).argmax(), (side, side)) < (side // 3 + 1, side // 3 + 1)
        assert np.median(heat.lost) > np.median(heat.lost_at_random)


def test_covering_takes_the_hottest_fifth_and_no_more():
    image, heat = np.random.default_rng(0).uniform(0, 255, (96, 96, 3)), np.zeros((6, 6))
    heat[0, 0] = 1.0
    after = saliency.covered(image, heat)
    changed = (after != image.astype(np.float32)).any(-1)
    assert changed.mean() == pytest.approx(0.2, abs=0.001) and changed[:10, :10].all()


def test_nothing_moved_between_a_run_and_itself(store, pair):
    heat = saliency.look_at_split(store.uri, [pair[0], pair[0]], "out_relu")
    assert saliency.moved(*heat) == pytest.approx(0, abs=1e-6)
