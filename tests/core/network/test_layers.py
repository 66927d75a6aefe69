"""The layer table is Keras's own, line by line, and masks keep their arithmetic."""

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.experiment import ALPHAS, N_LAYERS, SIZES, BackboneSpec, FreezeSpec
from core.network.layers import (
    BATCHNORM,
    blocks,
    describe_mask,
    is_thawed,
    is_trainable,
    keras_code,
    keras_summary,
    last_thawed_count,
    layer_table,
    megabytes,
    multiply_adds,
    set_block,
    set_range,
    thaw_from,
    thaw_last,
    thawed_with_weights,
    toggle,
    totals,
    trainable_mark,
)

TABLE = layer_table(BackboneSpec())
masks = st.builds(FreezeSpec, thawed=st.lists(st.integers(0, N_LAYERS - 1)).map(tuple), lock_batchnorm=st.booleans())
positions = st.integers(0, N_LAYERS - 1)
LITERAL_LAST_4 = FreezeSpec.last(4, lock_batchnorm=False)
SOME_MASKS = [
    FreezeSpec(),
    LITERAL_LAST_4,
    FreezeSpec.last(4),
    FreezeSpec.last(N_LAYERS, lock_batchnorm=False),
    FreezeSpec.last(N_LAYERS),
    FreezeSpec(thawed=(1, 2, 3, 40, 41, 77, 152), lock_batchnorm=False),
    set_block(FreezeSpec(lock_batchnorm=False), TABLE, "block_5", thawed=True),
]


@cache
def keras_model(alpha: float = 1.0, size: int = 224):
    import keras

    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(size, size, 3), alpha=alpha)


def apply_code(model, freeze: FreezeSpec) -> None:
    """Set a mask with the very code that the page shows."""
    import keras

    exec(keras_code(TABLE, freeze), {"base_model": model, "keras": keras})


def keras_rows(model) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the rows (without links' indices) and the totals that Keras prints."""
    printed: list[str] = []
    model.summary(show_trainable=True, line_length=240, print_fn=lambda text, line_break=None: printed.append(text))
    rows: list[list[str]] = []
    new = True
    lines = "\n".join(printed).splitlines()
    for line in lines[4:]:
        if not line.startswith("│"):
            new = True
            continue
        cells = [c.strip() for c in line.strip("│").split("│")]
        rows = [*rows, cells] if new else [*rows[:-1], [a + b for a, b in zip(rows[-1], cells, strict=True)]]
        new = False
    cleaned = [(*r[:3], re.sub(r"\[\d+\]| ", "", r[3]), r[4]) for r in rows]
    return cleaned, [line.strip() for line in lines if " params: " in line]


@pytest.mark.parametrize("freeze", SOME_MASKS, ids=describe_mask)
@pytest.mark.parametrize(("alpha", "size"), [(1.0, 224), (0.35, 96)])
def test_equals_keras_summary_line_by_line(
    alpha: float, size: int, freeze: FreezeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "260")
    model = keras_model(alpha, size)
    apply_code(model, freeze)
    expected, expected_totals = keras_rows(model)
    table = layer_table(BackboneSpec(alpha=alpha, size=size))
    ours = [
        (
            f"{layer.name} ({layer.kind})",
            str((None, *layer.output_shape)),
            f"{layer.parameters:,}",
            ",".join(layer.connected_to) or "-",
            trainable_mark(layer, freeze),
        )
        for layer in table
    ]
    assert len(ours) == N_LAYERS
    assert ours[0][1:] == expected[0][1:]  # Keras numbers its input layers: input_layer, input_layer_1 …
    assert ours[1:] == [(*r[:3], r[3].replace(expected[0][0].split()[0], "input_layer"), r[4]) for r in expected[1:]]
    text = keras_summary(table, freeze).splitlines()
    assert text[-3:] == expected_totals
    assert [re.split(r"  +", line) for line in text[2:-3]] == [
        [*row[:3], row[3].replace(",", ", "), row[4]] for row in ours
    ]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("size", [96, 160])
def test_equals_keras_layers_at_every_alpha(alpha: float, size: int) -> None:
    assert_equals_keras_layers(alpha, size)


@pytest.mark.parametrize("size", [s for s in SIZES if s not in {96, 160}])
def test_equals_keras_layers_at_every_size(size: int) -> None:
    assert_equals_keras_layers(0.35, size)


def assert_equals_keras_layers(alpha: float, size: int) -> None:
    model = keras_model(alpha, size)
    apply_code(model, FreezeSpec.last(N_LAYERS, lock_batchnorm=False))
    for ours, theirs in zip(layer_table(BackboneSpec(alpha=alpha, size=size)), model.layers, strict=True):
        shape = theirs.output.shape[1:]
        counts = (theirs.count_params(), sum(w.shape.num_elements() for w in theirs.trainable_weights))
        assert (ours.kind, ours.output_shape) == (type(theirs).__name__, tuple(shape)), ours.name
        assert (ours.parameters, ours.trainable_parameters) == counts, ours.name
        if ours.index:
            assert ours.name == theirs.name


def test_the_last_four_thawed_give_the_published_totals() -> None:
    count = totals(TABLE, LITERAL_LAST_4)
    assert (count.total, count.trainable, count.frozen) == (2_257_984, 412_800, 1_845_184)
    assert keras_summary(TABLE, LITERAL_LAST_4).splitlines()[-3:] == [
        "Total params: 2,257,984 (8.61 MB)",
        "Trainable params: 412,800 (1.57 MB)",
        "Non-trainable params: 1,845,184 (7.04 MB)",
    ]


def test_the_lock_keeps_batchnorm_frozen_in_keras_too() -> None:
    model = keras_model(0.35, 96)
    apply_code(model, FreezeSpec.last(N_LAYERS))
    table = layer_table(BackboneSpec(alpha=0.35, size=96))
    assert not any(layer.trainable for layer in model.layers if type(layer).__name__ == BATCHNORM)
    assert totals(table, FreezeSpec.last(N_LAYERS)).trainable == sum(
        w.shape.num_elements() for w in model.trainable_weights
    )


@given(masks)
def test_totals_add_up(freeze: FreezeSpec) -> None:
    count = totals(TABLE, freeze)
    learning = sum(layer.trainable_parameters for layer in thawed_with_weights(TABLE, freeze))
    assert count.total == 2_257_984
    assert count.trainable + count.frozen == count.total
    assert count.trainable == learning
    assert 0 <= count.share <= 1


@given(masks)
def test_marks_agree_with_the_mask(freeze: FreezeSpec) -> None:
    for layer in TABLE:
        mark = trainable_mark(layer, freeze)
        assert mark == {True: "Y", False: "N", None: "-"}[is_trainable(layer, freeze)]
        assert (mark == "-") == (layer.parameters == 0)
        if layer.kind == BATCHNORM and freeze.lock_batchnorm:
            assert mark == "N"
            assert not is_thawed(layer, freeze)


@given(masks, positions)
def test_toggling_twice_changes_nothing(freeze: FreezeSpec, position: int) -> None:
    once = toggle(freeze, position)
    assert (position in once.thawed) != (position in freeze.thawed)
    assert set(once.thawed) ^ set(freeze.thawed) == {position}
    assert toggle(once, position) == freeze


@given(masks, positions, positions, st.booleans())
def test_a_range_is_set_and_the_rest_left(freeze: FreezeSpec, a: int, b: int, thawed: bool) -> None:
    changed = set_range(freeze, a, b, thawed=thawed)
    inside = set(range(min(a, b), max(a, b) + 1))
    assert (inside <= set(changed.thawed)) if thawed else not (inside & set(changed.thawed))
    assert set(changed.thawed) - inside == set(freeze.thawed) - inside
    assert changed.lock_batchnorm == freeze.lock_batchnorm


@given(masks, st.sampled_from(blocks(TABLE)))
def test_a_block_is_set_and_the_rest_left(freeze: FreezeSpec, block: str) -> None:
    members = {layer.index for layer in TABLE if layer.block == block}
    warm = set_block(freeze, TABLE, block, thawed=True)
    assert set(warm.thawed) == set(freeze.thawed) | members
    assert set(set_block(warm, TABLE, block, thawed=False).thawed) == set(freeze.thawed) - members


@given(masks, st.sampled_from(TABLE))
def test_from_a_layer_on_everything_is_thawed(freeze: FreezeSpec, layer) -> None:
    changed = thaw_from(freeze, TABLE, layer.name)
    assert changed.thawed == tuple(range(layer.index, N_LAYERS))
    assert last_thawed_count(changed) == N_LAYERS - layer.index
    assert changed.lock_batchnorm == freeze.lock_batchnorm


@given(masks, st.integers(0, N_LAYERS))
def test_the_last_n(freeze: FreezeSpec, n: int) -> None:
    changed = thaw_last(freeze, n)
    assert last_thawed_count(changed) == n == len(changed.thawed)
    assert changed.lock_batchnorm == freeze.lock_batchnorm


def test_the_code_undoes_an_earlier_mask() -> None:
    """In Keras 3 ``base_model.trainable = True`` changes nothing where the base's own flag is True already."""
    model = keras_model(0.35, 96)
    for n in (2, 10, 0, 4):
        apply_code(model, FreezeSpec.last(n, lock_batchnorm=False))
        if n:
            assert sum(layer.trainable for layer in model.layers) == n
        assert len(model.trainable_weights) == sum(
            len(layer.trainable_weights) for layer in model.layers[N_LAYERS - n :]
        )


@given(masks)
def test_the_code_sets_the_mask_it_was_made_from(freeze: FreezeSpec) -> None:
    class Fake:
        """Enough of a model for the code: names of layers and their flags."""

        def __init__(self, layers: list) -> None:
            self.layers = layers
            self._trainable = True

        def __setattr__(self, name: str, value: object) -> None:
            if name == "trainable":
                for layer in self.layers:
                    layer.trainable = value
            super().__setattr__(name, value)

    class Norm:
        trainable = True

    class Other:
        trainable = True

    class keras:
        class layers:
            BatchNormalization = Norm

    model = Fake([Norm() if layer.kind == BATCHNORM else Other() for layer in TABLE])
    exec(keras_code(TABLE, freeze), {"base_model": model, "keras": keras})
    assert [layer.trainable for layer in model.layers] == [is_thawed(layer, freeze) for layer in TABLE]


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(KeyError, match="block_99"):
        thaw_from(FreezeSpec(), TABLE, "block_99")
    with pytest.raises(ValueError, match="do not exist"):
        toggle(FreezeSpec(), N_LAYERS)
    with pytest.raises(ValueError, match="0 to 154"):
        thaw_last(FreezeSpec(), N_LAYERS + 1)


def test_blocks_are_those_of_the_paper_in_order() -> None:
    assert blocks(TABLE) == ["stem", "expanded_conv", *(f"block_{i}" for i in range(1, 17)), "Conv_1"]
    by_index = [layer.block for layer in TABLE]
    assert by_index == sorted(by_index, key=blocks(TABLE).index)  # no block is torn apart


@pytest.mark.parametrize(
    ("freeze", "words"),
    [
        (FreezeSpec(), "all frozen"),
        (FreezeSpec.last(4), "last 4 thawed"),
        (FreezeSpec.last(N_LAYERS), "everything thawed"),
        (FreezeSpec(thawed=(3, 5)), "2 chosen layers thawed"),
        (FreezeSpec(thawed=(5,)), "1 chosen layer thawed"),
    ],
)
def test_masks_are_put_in_words(freeze: FreezeSpec, words: str) -> None:
    assert describe_mask(freeze) == words


@given(st.integers(0, 10**10))
def test_memory_is_written_as_keras_writes_it(parameters: int) -> None:
    from keras.src.utils.summary_utils import readable_memory_size

    assert megabytes(parameters) == readable_memory_size(parameters * 4)


def test_the_paper_says_300_million_multiply_adds() -> None:
    """Sandler et al. 2018, table 4: 300 M for the whole network at 224 pixels, of which the top takes 1.3 M."""
    assert sum(multiply_adds(TABLE)) / 2 == pytest.approx(300e6, rel=0.05)
