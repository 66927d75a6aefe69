"""Where the frozen, deterministic part of the network ends: what lies before it is computed once."""

from dataclasses import dataclass

import keras

from core.experiment import N_LAYERS, Experiment
from core.network.fusing import Fused
from core.network.layers import layer_table, multiply_adds, thawed_with_weights

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


@dataclass(frozen=True)
class Frontier:
    """A cut through the network.

    Attributes
    ----------
    position
        First backbone layer that belongs to the tail; 154 when all of the backbone is frozen.
    cut
        Names of the backbone layers whose outputs the tail takes: one, or two inside a skip connection.
    pooled
        Whether the pooling (or flattening) of the head lies before the frontier too.
    prefix_flops, tail_flops
        Multiplications and additions of one image's forward pass on either side.
    """

    position: int
    cut: tuple[str, ...]
    pooled: bool
    prefix_flops: int
    tail_flops: int

    @property
    def cached(self) -> bool:
        """Whether there is anything to compute once."""
        return self.position > 1

    @property
    def tail_share(self) -> float:
        """Share of the forward pass that is still computed in every step."""
        return self.tail_flops / max(self.prefix_flops + self.tail_flops, 1)

    @property
    def text(self) -> str:
        """Say where the frontier lies."""
        if not self.cached:
            return "Nothing is frozen before the first trainable layer: every step runs the whole network."
        where = "the pooled features" if self.pooled else " and ".join(self.cut)
        return f"Everything up to {where} is frozen and computed once; {self.tail_share:.0%} of the network runs in every step."


def find(experiment: Experiment) -> Frontier:
    """Return the latest cut before the first trainable or random layer.

    Every tensor that crosses the cut is carried, so that any mask works: holes in the middle and cuts inside skip connections too.
    """
    table = layer_table(experiment.backbone)
    flops = multiply_adds(table)
    learning = thawed_with_weights(table, experiment.freeze)
    if not learning:
        return Frontier(N_LAYERS, (table[-1].name,), True, sum(flops), 0)
    position = learning[0].index
    before = {layer.name for layer in table[:position]}
    crossing = [name for layer in table[position:] for name in layer.connected_to if name in before]
    cut = tuple(dict.fromkeys(crossing))
    return Frontier(position, cut, False, sum(flops[:position]), sum(flops[position:]))


def prefix(base: keras.Model, frontier: Frontier, pooling: keras.layers.Layer, dtype: str = "float32") -> keras.Model:
    """Return the model from pixels to the tensors at the frontier, sharing the variables of ``base``."""
    pixels = keras.Input(base.input_shape[1:])
    values = {base.layers[0].name: keras.layers.Rescaling(1 / 127.5, -1)(pixels)}
    _replay(base, range(1, frontier.position), values, dtype)
    outputs = [values[name] for name in frontier.cut]
    return keras.Model(pixels, [pooling(v) for v in outputs] if frontier.pooled else outputs)


def tail(base: keras.Model, frontier: Frontier, head: list[keras.layers.Layer], dtype: str = "float32") -> keras.Model:
    """Return the model from the tensors at the frontier (or from pixels) to probabilities, sharing the variables of ``base``."""
    if frontier.pooled:
        features = keras.Input(head[0].compute_output_shape((None, *base.output_shape[1:]))[1:])
        return keras.Model([features], _apply(head[1:], features))
    if not frontier.cached:
        inputs = [keras.Input(base.input_shape[1:])]
        values = {base.layers[0].name: keras.layers.Rescaling(1 / 127.5, -1)(inputs[0])}
    else:
        inputs = [keras.Input(base.get_layer(name).output.shape[1:]) for name in frontier.cut]
        values = dict(zip(frontier.cut, inputs, strict=True))
    _replay(base, range(max(frontier.position, 1), len(base.layers)), values, dtype)
    return keras.Model(inputs, _apply(head, values[base.layers[-1].name]))


def _replay(base: keras.Model, positions: range, values: dict[str, keras.KerasTensor], dtype: str) -> None:
    """Call some of the backbone's layers again on the given tensors, each convolution together with its normalisation."""
    layers = [base.layers[i] for i in positions]
    inside = {layer.name: layer for layer in layers if isinstance(layer, CONVOLUTIONS)}
    fused = {_parents(layer)[0] for layer in layers if isinstance(layer, keras.layers.BatchNormalization)} & set(inside)
    for layer in layers:
        if layer.name in fused:
            continue
        parents = _parents(layer)
        if isinstance(layer, keras.layers.BatchNormalization):
            convolution = inside.get(parents[0])
            source = _parents(convolution)[0] if convolution else parents[0]
            values[layer.name] = Fused(layer, convolution, dtype)(values[source])
        else:
            arguments = [values[name] for name in parents]
            values[layer.name] = layer(arguments if len(arguments) > 1 else arguments[0])


def _parents(layer: keras.layers.Layer) -> list[str]:
    return [t._keras_history.operation.name for t in layer._inbound_nodes[0].arguments.keras_tensors]


def _apply(layers: list[keras.layers.Layer], x: keras.KerasTensor) -> keras.KerasTensor:
    for layer in layers:
        x = layer(x)
    return x
