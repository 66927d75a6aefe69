"""Where the frozen, deterministic part of the network ends: what lies before it is computed once."""

from dataclasses import dataclass

import keras

from core.experiment import N_LAYERS, Experiment
from core.layers import layer_table, multiply_adds, thawed_with_weights


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


def prefix(base: keras.Model, frontier: Frontier, pooling: keras.layers.Layer) -> keras.Model:
    """Return the model from pixels to the tensors at the frontier."""
    inputs = keras.Input(base.input_shape[1:])
    outputs = [base.get_layer(name).output for name in frontier.cut]
    values = keras.Model(base.input, outputs)(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
    values = values if isinstance(values, list) else [values]
    return keras.Model(inputs, [pooling(v) for v in values] if frontier.pooled else values)


def tail(base: keras.Model, frontier: Frontier, head: list[keras.layers.Layer]) -> keras.Model:
    """Return the model from the tensors at the frontier (or from pixels) to probabilities, sharing the layers of ``base``."""
    if frontier.pooled:
        width = head[0].compute_output_shape((None, *base.output_shape[1:]))[1:]
        inputs = [keras.Input(width)]
        return keras.Model(inputs, _apply(head[1:], inputs[0]))
    if not frontier.cached:
        pixels = keras.Input(base.input_shape[1:])
        values = {base.layers[0].name: keras.layers.Rescaling(1 / 127.5, -1)(pixels)}
        return keras.Model([pixels], _apply(head, _replay(base, 1, values)))
    inputs = [keras.Input(base.get_layer(name).output.shape[1:]) for name in frontier.cut]
    values = dict(zip(frontier.cut, inputs, strict=True))
    return keras.Model(inputs, _apply(head, _replay(base, frontier.position, values)))


def _replay(base: keras.Model, position: int, values: dict) -> keras.KerasTensor:
    """Call the layers from ``position`` on again, on the given tensors."""
    for layer in base.layers[position:]:
        parents = [t._keras_history.operation.name for t in layer._inbound_nodes[0].arguments.keras_tensors]
        arguments = [values[name] for name in parents]
        values[layer.name] = layer(arguments if len(arguments) > 1 else arguments[0])
    return values[base.layers[-1].name]


def _apply(layers: list[keras.layers.Layer], x: keras.KerasTensor) -> keras.KerasTensor:
    for layer in layers:
        x = layer(x)
    return x
