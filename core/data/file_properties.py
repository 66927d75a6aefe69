"""What is known of a picture from its file alone: how large it is, of which shape and type, how much it was compressed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.decode import FORMATS

NAMES = ("width", "height", "shape", "compression", *(f"type {name}" for name in FORMATS))


def of(pictures: Sequence[Path]) -> np.ndarray:
    """Return the properties of files, float32 of shape (n, len(``NAMES``)).

    Width, height, width over height and bytes a pixel as logarithms; a 1 for the type. A file that cannot be read has zeros.
    """
    return np.array([_of(picture) for picture in pictures], np.float32).reshape(-1, len(NAMES))


def _of(picture: Path) -> list[float]:
    try:
        with Image.open(picture, formats=FORMATS) as image:
            (width, height), kind = image.size, image.format
        size = picture.stat().st_size
    except Exception:  # Pillow raises almost anything about a broken file; whoever decodes it says what is wrong
        return [0.0] * len(NAMES)
    logs = np.log([width, height, width / height, max(size, 1) / (width * height)])
    return [*logs.tolist(), *(float(kind == name) for name in FORMATS)]
