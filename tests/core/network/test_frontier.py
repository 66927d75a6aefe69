"""Prefix and tail together are the whole network, for any mask, and the cut lies as late as it can."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import data
from core.experiment import N_LAYERS, BackboneSpec, Experiment, FreezeSpec, HeadSpec
from core.network import backbone, frontier
from core.network.layers import layer_table, thawed_with_weights
from core.network.model import assemble, build_head, set_trainable
from tests.core.conftest import PICTURES

NARROW = BackboneSpec(alpha=0.35, size=96)
TABLE = layer_table(NARROW)
AT = {layer.name: layer.index for layer in TABLE}

positions = st.integers(0, N_LAYERS - 1)
ranges = st.tuples(positions, positions).map(lambda ends: range(min(ends), max(ends) + 1))
chosen = st.sets(positions, max_size=8) | ranges | st.tuples(ranges, ranges).map(lambda two: {*two[0], *two[1]})
masks = st.builds(FreezeSpec, thawed=chosen.map(tuple), lock_batchnorm=st.booleans())


def find(freeze: FreezeSpec, spec: BackboneSpec = NARROW) -> frontier.Frontier:
    return frontier.find(Experiment(backbone=spec, freeze=freeze))


def reached_from(start: int) -> set[int]:
    """Return a layer and everything that depends on its output."""
    names = {TABLE[start].name}
    for layer in TABLE[start:]:
        if names & set(layer.connected_to):
            names.add(layer.name)
    return {AT[name] for name in names}


@given(masks)
def test_the_cut_is_the_latest_possible(freeze):
    line, learning = find(freeze), [layer.index for layer in thawed_with_weights(TABLE, freeze)]
    assert not [i for i in learning if i < line.position], "what learns is never before the cut"
    if not learning:
        assert (line.position, line.pooled, line.tail_share) == (N_LAYERS, True, 0.0)
        return
    assert set(range(line.position, N_LAYERS)) == reached_from(learning[0]), (
        "everything in the tail changes with training"
    )


@given(masks)
def test_the_cut_holds_all_that_the_tail_needs_and_nothing_else(freeze):
    line = find(freeze)
    if line.pooled:
        return
    needed = {name for layer in TABLE[line.position :] for name in layer.connected_to}
    inside = {layer.name for layer in TABLE[line.position :]}
    assert sorted(line.cut) == sorted(needed - inside)
    assert len(line.cut) <= 2


def test_inside_a_skip_connection_two_tensors_are_carried():
    inside = find(FreezeSpec(thawed=(AT["block_5_depthwise"],)))
    assert inside.cut == ("block_5_expand_relu", "block_4_add")
    assert find(FreezeSpec(thawed=(AT["block_5_expand"],))).cut == ("block_4_add",), "before it branches one is enough"


def test_it_says_where_it_lies_and_what_is_left():
    assert "pooled features" in find(FreezeSpec()).text
    assert "block_4_add" in find(FreezeSpec(thawed=(AT["block_5_depthwise"],))).text
    assert find(FreezeSpec.last(N_LAYERS)).text.startswith("Nothing is frozen before")
    shares = [find(FreezeSpec.last(n)).tail_share for n in (0, 4, 38, 100, N_LAYERS)]
    assert shares[0] == 0.0 and shares[-1] == 1.0 and shares == sorted(shares)
    half = find(FreezeSpec.last(38), NARROW.replace(size=192))
    assert half.tail_share == pytest.approx(shares[2], abs=0.01), "the share hardly depends on the image size"


class Whole:
    """A network by Keras's own layers, and pictures for it."""

    def __init__(self, weights: str):
        self.base = backbone.build(NARROW.replace(weights=weights))
        self.head = build_head(HeadSpec(layers=()), 3)
        self.model = assemble(self.base, self.head)
        self.pictures = data.load(PICTURES, 96).train.images[:6].astype(np.float32)
        self.pristine = self.base.get_weights()

    def averages(self) -> list[np.ndarray]:
        return [np.asarray(w) for w in self.base.weights if "moving" in w.name]


@pytest.fixture(scope="module")
def whole(narrow_weights) -> Whole:
    return Whole(narrow_weights)


@settings(max_examples=4)
@given(masks)
@example(FreezeSpec())
@example(FreezeSpec(thawed=tuple(range(N_LAYERS)), lock_batchnorm=False))
@example(FreezeSpec(thawed=(AT["block_5_depthwise"],)))  # a single layer inside a skip connection
@example(FreezeSpec(thawed=(AT["block_5_depthwise_BN"],), lock_batchnorm=False))  # its convolution is frozen, it is not
@example(FreezeSpec(thawed=(AT["block_5_depthwise_BN"],), lock_batchnorm=True))  # locked: nothing learns
@example(FreezeSpec(thawed=(*range(60, 70), *range(140, 154)), lock_batchnorm=False))  # a hole in between
@example(FreezeSpec(thawed=(AT["out_relu"],)))  # a layer without weights is not trainable
def test_prefix_and_tail_are_the_whole_network(whole, freeze):
    line = find(freeze)
    whole.base.set_weights(whole.pristine)  # an example that failed has left its own averages
    set_trainable(whole.base, freeze)
    after, features = frontier.tail(whole.base, line, whole.head), [whole.pictures]
    if line.cached:
        features = frontier.prefix(whole.base, line, whole.head[0])(whole.pictures)

    np.testing.assert_allclose(after(features), whole.model(whole.pictures), atol=1e-4)

    expected = whole.model(whole.pictures, training=True)
    moved = whole.averages()
    whole.base.set_weights(whole.pristine)
    # Statistics of six images, 52 times over, make rounding grow: 5e-5 on one processor, less than 2e-5 on another.
    np.testing.assert_allclose(after(features, training=True), expected, atol=3e-4)
    for ours, theirs in zip(whole.averages(), moved, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    whole.base.set_weights(whole.pristine)


@given(masks)
@settings(max_examples=5)
def test_the_tail_learns_exactly_what_the_mask_and_the_head_say(whole, freeze):
    set_trainable(whole.base, freeze)
    after = frontier.tail(whole.base, find(freeze), whole.head)
    learning = [
        w for layer in thawed_with_weights(TABLE, freeze) for w in whole.base.get_layer(layer.name).trainable_weights
    ]
    assert {w.path for w in after.trainable_weights} == {w.path for w in [*learning, *whole.head[-1].weights]}


@pytest.mark.parametrize("pooling", ["average", "max", "flatten"])
def test_with_everything_frozen_the_pooling_is_computed_once_too(whole, pooling):
    head, line = build_head(HeadSpec(pooling=pooling, layers=()), 3), find(FreezeSpec())
    before, after = frontier.prefix(whole.base, line, head[0]), frontier.tail(whole.base, line, head)
    assert len(before.output_shape if isinstance(before.output_shape, tuple) else before.output_shape[0]) == 2
    expected = assemble(whole.base, head)(whole.pictures)
    np.testing.assert_allclose(after(before(whole.pictures)), expected, atol=1e-4)


def test_half_precision_is_near_the_whole_network_and_keeps_its_weights_whole():
    whole = Whole("builtin")  # random weights amplify the rounding
    freeze = FreezeSpec.last(38)
    set_trainable(whole.base, freeze)
    line = find(freeze)
    before = frontier.prefix(whole.base, line, whole.head[0], "mixed_bfloat16")
    after = frontier.tail(whole.base, line, whole.head, "mixed_bfloat16")
    ours, exact = np.asarray(after(before(whole.pictures))), np.asarray(whole.model(whole.pictures))
    assert 1e-6 < np.abs(ours - exact).max() < 0.05
    assert {w.dtype for w in after.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
