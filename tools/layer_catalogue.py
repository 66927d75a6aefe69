"""Write ``core/network/layers.json``, MobileNetV2's layers as Keras builds them, so that pages need no TensorFlow to show the table."""

import json
import math
from pathlib import Path

import keras

from core.experiment import ALPHAS

TARGET = Path(__file__).resolve().parent.parent / "core" / "layers.json"


def describe(alpha: float, size: int) -> list[dict]:
    """Return one dictionary a layer, read from a real Keras model."""
    model = keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, weights=None, alpha=alpha)
    rows = []
    for layer in model.layers:
        inbound = [] if isinstance(layer, keras.layers.InputLayer) else layer._inbound_nodes[0].arguments.keras_tensors
        rows.append(
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "output_shape": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
                "trainable_parameters": sum(math.prod(w.shape) for w in layer.trainable_weights),
                "connected_to": [t._keras_history.operation.name for t in inbound],
            }
        )
    return rows


def main() -> None:
    """Write the catalogue for every alpha at 224 pixels; other sizes follow from it."""
    keras.backend.clear_session()
    catalogue = {}
    for alpha in ALPHAS:
        keras.backend.clear_session()
        catalogue[str(alpha)] = describe(alpha, 224)
    TARGET.write_text(json.dumps(catalogue, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
