"""The augmentation that makes training images vary as validation images do."""

import numpy as np

from core.experiment import AugmentationSpec, AugmentationStep

# What strength 1 of each step changes, in the units of core.data.health.image_statistics (see core.augmentation.layers_for).
REACH = {"brightness": 0.6, "contrast": 0.8, "saturation": 0.8}


def match_validation(train: dict[str, np.ndarray], validation: dict[str, np.ndarray]) -> AugmentationSpec:
    """Return light augmentation plus the steps that cover how validation images differ.

    Parameters
    ----------
    train, validation
        Brightness, contrast and saturation of each image, as :func:`core.data.health.image_statistics` gives them.
    """
    extra = []
    for name, reach in REACH.items():
        a, b = train[name], validation[name]
        shift = abs(float(np.mean(b) - np.mean(a)))
        relative = shift if name == "brightness" else shift / max(float(np.mean(a)), 0.02)
        if shift > 0.3 * max(float(np.std(a)), 0.02):
            extra.append(AugmentationStep(kind=name, strength=float(np.clip(1.5 * relative / reach, 0.1, 1.0))))  # type: ignore[arg-type]
    return AugmentationSpec(steps=(*AugmentationSpec.preset("light").steps, *extra))
