"""Random changes of training images, made of Keras's layers, before the model and never part of it."""

import keras
import numpy as np

from core.experiment import AugmentationSpec, AugmentationStep

BATCH = 64


def layers_for(step: AugmentationStep, seed: int) -> list[keras.layers.Layer]:
    """Return the Keras layers of one step, for images in 0..255.

    Strength 1 is: mirror always possible; rotation ±90°; zoom ±50%; shift ±30%; brightness ±60%; contrast and saturation ±80%;
    a crop of down to half the side; noise of 40 grey levels; a cutout of up to half the area; RandAugment at magnitude 0.6.
    """
    s, fill = step.strength, {"fill_mode": "nearest"}
    make = {
        "flip": lambda: [keras.layers.RandomFlip("horizontal", seed=seed)],
        "rotation": lambda: [keras.layers.RandomRotation(0.25 * s, seed=seed, **fill)],
        "zoom": lambda: [keras.layers.RandomZoom(0.5 * s, seed=seed, **fill)],
        "translation": lambda: [keras.layers.RandomTranslation(0.3 * s, 0.3 * s, seed=seed, **fill)],
        "brightness": lambda: [keras.layers.RandomBrightness(0.6 * s, value_range=(0, 255), seed=seed)],
        "contrast": lambda: [keras.layers.RandomContrast(0.8 * s, value_range=(0, 255), seed=seed)],
        "saturation": lambda: [
            keras.layers.RandomSaturation((0.5 - 0.4 * s, 0.5 + 0.4 * s), value_range=(0, 255), seed=seed)
        ],
        "crop": lambda: [
            keras.layers.RandomZoom((-0.5 * s, 0.0), seed=seed, **fill),
            keras.layers.RandomTranslation(0.15 * s, 0.15 * s, seed=seed + 1, **fill),
        ],
        "noise": lambda: [  # GaussianNoise takes standard deviations up to 1, so images in 0..1
            keras.layers.Rescaling(1 / 255),
            keras.layers.GaussianNoise(40 / 255 * s, seed=seed),
            keras.layers.Rescaling(255.0),
        ],
        "cutout": lambda: [
            keras.layers.RandomErasing(
                1.0, scale=(0.02, 0.02 + 0.48 * s), fill_value=127.0, value_range=(0, 255), seed=seed
            )
        ],
        "randaugment": lambda: [keras.layers.RandAugment(value_range=(0, 255), num_ops=2, factor=0.6 * s, seed=seed)],
    }
    return make[step.kind]()


class Augmenter:
    """Applies the active steps of a specification to batch after batch.

    Parameters
    ----------
    spec
        Steps in order.
    seed
        First random state; the same seed and the same batches give the same pictures.
    """

    def __init__(self, spec: AugmentationSpec, seed: int):
        self.layers = [layer for i, step in enumerate(spec.active) for layer in layers_for(step, seed + 97 * i)]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return changed images, float32 of shape (n, size, size, 3) in 0..255, whole grey levels."""
        x = keras.ops.convert_to_tensor(images, "float32")
        for layer in self.layers:
            x = keras.ops.clip(layer(x, training=True), 0, 255)
        return np.round(np.asarray(x))


def preview(spec: AugmentationSpec, images: np.ndarray, seed: int) -> np.ndarray:
    """Return one changed version of each image, uint8 of the same shape."""
    return Augmenter(spec, seed)(images).astype(np.uint8) if spec.active else images
