"""MobileNetV2's layer table, which of its layers may learn, and what that means in parameters."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.experiment import N_LAYERS, BackboneSpec, FreezeSpec
from core.words import counted

BATCHNORM = "BatchNormalization"


@dataclass(frozen=True)
class Layer:
    """One row of the layer table.

    Attributes
    ----------
    output_shape
        Height, width, channels of one image's output.
    trainable_parameters
        Parameters that learn when the layer is thawed (2 of BatchNormalization's 4 a channel).
    """

    index: int
    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable_parameters: int
    connected_to: tuple[str, ...]

    @property
    def block(self) -> str:
        """The building block the layer belongs to: ``stem``, ``expanded_conv``, ``block_1`` … ``block_16`` or ``Conv_1``."""
        if self.name.startswith("block_"):
            return "_".join(self.name.split("_")[:2])
        if self.name.startswith("expanded_conv"):
            return "expanded_conv"
        return "Conv_1" if self.name.startswith(("Conv_1", "out_relu")) else "stem"


LayerTable = tuple[Layer, ...]


@dataclass(frozen=True)
class Totals:
    """Parameters of a model, split into those that learn and those that do not."""

    total: int
    trainable: int

    @property
    def frozen(self) -> int:
        """Parameters that do not learn."""
        return self.total - self.trainable

    @property
    def share(self) -> float:
        """Share of the parameters that learn, 0 to 1."""
        return self.trainable / self.total if self.total else 0.0


@cache
def _catalogue() -> dict:
    return json.loads(Path(__file__).with_name("layers.json").read_text())


def _at_size(shape: list[int], kind: str, size: int) -> tuple[int, ...]:
    """Scale a 224-pixel output shape; ZeroPadding2D adds one row and column to a map that scales."""
    pad = 1 if kind == "ZeroPadding2D" else 0
    return (*((n - pad) * size // 224 + pad for n in shape[:2]), shape[2])


@cache
def layer_table(backbone: BackboneSpec) -> LayerTable:
    """Return the 154 layers of MobileNetV2 without top, as Keras builds it at this alpha and image size.

    The rows come from ``core/network/layers.json`` (made from Keras by ``tools.layer_catalogue``; a test compares them).
    """
    rows = _catalogue()[str(backbone.alpha)]
    return tuple(
        Layer(
            index,
            row["name"],
            row["kind"],
            _at_size(row["output_shape"], row["kind"], backbone.size),
            row["parameters"],
            row["trainable_parameters"],
            tuple(row["connected_to"]),
        )
        for index, row in enumerate(rows)
    )


def is_thawed(layer: Layer, freeze: FreezeSpec) -> bool:
    """Tell whether the mask, after the BatchNorm lock, lets this layer learn."""
    locked = freeze.lock_batchnorm and layer.kind == BATCHNORM
    return layer.index in freeze.thawed and not locked


def is_trainable(layer: Layer, freeze: FreezeSpec) -> bool | None:
    """Return whether the layer learns; None for a layer without weights."""
    return is_thawed(layer, freeze) if layer.parameters else None


def trainable_mark(layer: Layer, freeze: FreezeSpec) -> str:
    """Return Keras's mark for the Trainable column: ``Y``, ``N`` or ``-``."""
    return {True: "Y", False: "N", None: "-"}[is_trainable(layer, freeze)]


def totals(table: LayerTable, freeze: FreezeSpec) -> Totals:
    """Count the parameters of the backbone and those that learn under the mask."""
    trainable = sum(layer.trainable_parameters for layer in table if is_thawed(layer, freeze))
    return Totals(sum(layer.parameters for layer in table), trainable)


def thawed_with_weights(table: LayerTable, freeze: FreezeSpec) -> list[Layer]:
    """Return the layers that really learn: thawed, with weights, not locked."""
    return [layer for layer in table if is_trainable(layer, freeze)]


def with_thawed(freeze: FreezeSpec, positions: Iterable[int]) -> FreezeSpec:
    """Return the mask with exactly these positions thawed."""
    return freeze.replace(thawed=tuple(positions))


def thaw_last(freeze: FreezeSpec, n: int) -> FreezeSpec:
    """Thaw the last ``n`` layers (0 to 154) and freeze the rest."""
    return FreezeSpec.last(n, lock_batchnorm=freeze.lock_batchnorm)


def thaw_from(freeze: FreezeSpec, table: LayerTable, name: str) -> FreezeSpec:
    """Thaw the named layer and everything after it.

    Raises
    ------
    KeyError
        When no layer has this name.
    """
    positions = {layer.name: layer.index for layer in table}
    return with_thawed(freeze, range(positions[name], N_LAYERS))


def set_range(freeze: FreezeSpec, first: int, last: int, *, thawed: bool) -> FreezeSpec:
    """Thaw or freeze the layers ``first`` to ``last``, both included, and leave the rest."""
    chosen = set(range(min(first, last), max(first, last) + 1))
    return with_thawed(freeze, set(freeze.thawed) | chosen if thawed else set(freeze.thawed) - chosen)


def set_block(freeze: FreezeSpec, table: LayerTable, block: str, *, thawed: bool) -> FreezeSpec:
    """Thaw or freeze one building block and leave the rest."""
    chosen = {layer.index for layer in table if layer.block == block}
    return with_thawed(freeze, set(freeze.thawed) | chosen if thawed else set(freeze.thawed) - chosen)


def toggle(freeze: FreezeSpec, position: int) -> FreezeSpec:
    """Thaw a frozen layer or freeze a thawed one."""
    return with_thawed(freeze, set(freeze.thawed) ^ {position})


def blocks(table: LayerTable) -> list[str]:
    """Return the names of the building blocks from input to output."""
    return list(dict.fromkeys(layer.block for layer in table))


def last_thawed_count(freeze: FreezeSpec) -> int | None:
    """Return N when the mask is "the last N layers" (0 when all are frozen), else None."""
    n = len(freeze.thawed)
    return n if freeze.thawed == tuple(range(N_LAYERS - n, N_LAYERS)) else None


def describe_mask(freeze: FreezeSpec) -> str:
    """Say in a few words what is thawed."""
    n = last_thawed_count(freeze)
    if n is None:
        return f"{counted(len(freeze.thawed), 'chosen layer')} thawed"
    return {0: "all frozen", N_LAYERS: "everything thawed"}.get(n, f"last {n} thawed")


def megabytes(parameters: int) -> str:
    """Format the memory of float32 parameters as Keras's summary does.

    References
    ----------
    keras/src/utils/summary_utils.py, ``readable_memory_size``.
    """
    size = float(parameters * 4)
    units = ["B", "KB", "MB", "GB"]
    power = 0 if size == 0 else min(int(math.log(size, 1024)), 3)
    return f"{size / 1024**power:.2f} {units[power]}"


def keras_summary(table: LayerTable, freeze: FreezeSpec) -> str:
    """Return the table as plain text with the columns and totals of ``model.summary(show_trainable=True)``."""
    header = ("Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable")
    rows = [
        (
            f"{layer.name} ({layer.kind})",
            str((None, *layer.output_shape)),
            f"{layer.parameters:,}",
            ", ".join(layer.connected_to) or "-",
            trainable_mark(layer, freeze),
        )
        for layer in table
    ]
    widths = [max(len(r[i]) for r in (header, *rows)) for i in range(5)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in (header, *rows)]
    count = totals(table, freeze)
    named = (("Total", count.total), ("Trainable", count.trainable), ("Non-trainable", count.frozen))
    footer = [f"{label} params: {n:,} ({megabytes(n)})" for label, n in named]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *footer])


def keras_code(table: LayerTable, freeze: FreezeSpec) -> str:
    """Return Keras code that sets the mask on ``base_model``."""
    n = last_thawed_count(freeze)
    lines = ["base_model.trainable = True  # first: a frozen parent overrules its layers"]
    if n == 0:
        lines = ["base_model.trainable = False"]
    elif n is None:
        lines += [
            f"thawed = {set(freeze.thawed)}",
            "for i, layer in enumerate(base_model.layers):",
            "    layer.trainable = i in thawed",
        ]
    else:
        lines += [
            "for layer in base_model.layers:",
            "    layer.trainable = True  # the line above does not undo what was frozen layer by layer before",
        ]
        if n < N_LAYERS:
            lines += [f"for layer in base_model.layers[:-{n}]:", "    layer.trainable = False"]
    if freeze.lock_batchnorm and n != 0:
        lines += [
            "for layer in base_model.layers:  # BatchNorm stays in inference mode",
            "    if isinstance(layer, keras.layers.BatchNormalization):",
            "        layer.trainable = False",
        ]
    return "\n".join([*lines, "# compile after this: toggling later is silently ignored"])


def multiply_adds(table: LayerTable) -> list[int]:
    """Return the multiplications and additions (counted as 2) of each layer for one image, forward."""
    return [_layer_flops(layer) for layer in table]


def _layer_flops(layer: Layer) -> int:
    pixels = layer.output_shape[0] * layer.output_shape[1]
    if layer.kind in {"Conv2D", "DepthwiseConv2D"}:
        return 2 * pixels * layer.parameters
    return 2 * pixels * layer.output_shape[2] if layer.kind != "InputLayer" else 0
