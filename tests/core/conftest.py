"""What the tests of core share: a few drawn pictures, and weights that show every difference."""

import numpy as np
import pytest

from core.experiment import DataSpec, DrawnDials

PICTURES = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=48, n_classes=3), test_fraction=0.1)


@pytest.fixture(scope="session")
def narrow_weights(tmp_path_factory) -> str:
    """Random weights whose running averages fit the pictures: at 0.0 everywhere, features would hide every difference."""
    import keras

    from core import data

    keras.utils.set_random_seed(5)
    net = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None, alpha=0.35)
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    net(data.load(PICTURES, 96).train.images.astype(np.float32) / 127.5 - 1, training=True)
    path = tmp_path_factory.mktemp("weights") / "narrow.weights.h5"
    net.save_weights(path)
    return f"file:{path}"
