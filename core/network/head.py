"""The size of a head, without building it."""

from core.experiment import BatchNormLayer, DenseLayer, HeadSpec


def head_parameters(head: HeadSpec, features: int, positions: int, n_classes: int) -> int:
    """Return the number of a head's trainable parameters.

    Parameters
    ----------
    head
        The head.
    features
        Channels of the backbone's last layer, 1280 for alpha 1.0.
    positions
        Height times width of its maps; only Flatten keeps them.
    n_classes
        Outputs of the softmax.
    """
    width, total = features * (positions if head.pooling == "flatten" else 1), 0
    for layer in head.layers:
        if isinstance(layer, DenseLayer):
            total, width = total + (width + 1) * layer.units, layer.units
        elif isinstance(layer, BatchNormLayer):
            total += 2 * width
    return total + (width + 1) * n_classes
