"""Figures of what fine-tuning changed: answers as bars, heat over pictures."""

from html import escape

import numpy as np
from PIL import Image

from core.figures.images import picture_uri

WARM, COLD = np.array([255, 96, 0]), np.array([0, 110, 255])  # speaks for the class, speaks against it
MOST_BARS = 5
# Classes: Okabe and Ito's colours and some more; with more than ten classes colours repeat, and names tell them apart
CLASS_COLOURS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#CC79A7",
    "#0072B2",
    "#D55E00",
    "#8F7A00",
    "#7A5195",
    "#6B7280",
    "#00A5A5",
)


def answer_bars(probabilities: np.ndarray, class_names: tuple[str, ...], truth: int | None = None) -> str:
    """Return a model's answer on one picture as HTML bars, the most probable class first.

    Parameters
    ----------
    probabilities
        Shape (n_classes,).
    class_names
        Names in their order.
    truth
        The true class where it is known: its bar is marked.
    """
    order = np.argsort(-probabilities)[:MOST_BARS]
    rows = "".join(_bar(class_names[i], float(probabilities[i]), marked=i == truth) for i in order)
    said = ", ".join(f"{class_names[i]} {probabilities[i]:.0%}" for i in order)
    return f'<div class="answers" role="img" aria-label="{escape(said, quote=True)}">{rows}</div>'


def _bar(name: str, share: float, *, marked: bool) -> str:
    label = f"{escape(name)}{' ✓' if marked else ''}"
    width = f"{100 * share:.1f}%"
    return f'<div><span>{label}</span><i><b style="width:{width}"></b></i><em>{share:.0%}</em></div>'


def heat_picture(image: np.ndarray, cells: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Return a picture with heat over it: orange where it speaks for the class, blue where it speaks against it.

    Parameters
    ----------
    image
        uint8 of shape (size, size, 3).
    cells
        Heat, shape (side, side).
    limit
        Heat of the strongest colour; the largest of this map by default.

    Returns
    -------
    ndarray
        uint8 of shape (size, size, 3).
    """
    size = len(image)
    smooth = np.asarray(Image.fromarray(cells.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC))
    strength = np.clip(smooth / max(limit or float(np.abs(cells).max()), 1e-12), -1, 1)[..., None]
    grey = image.mean(-1, keepdims=True) * 0.75 + image * 0.25
    opacity = 0.75 * np.abs(strength)
    colour = np.where(strength > 0, WARM, COLD)
    return np.clip(grey * (1 - opacity) + colour * opacity, 0, 255).astype(np.uint8)


def heat_map(shares: np.ndarray, limit: float) -> np.ndarray:
    """Return a mean map as a picture, light where the heat lies; uint8 of shape (192, 192, 3)."""
    side = Image.fromarray((shares / max(limit, 1e-12)).astype(np.float32)).resize((192, 192), Image.Resampling.NEAREST)
    strength = np.clip(np.asarray(side), 0, 1)[..., None]
    return (np.array([38, 50, 62]) * (1 - strength) + np.array([255, 170, 60]) * strength).astype(np.uint8)


def sprite(images: np.ndarray, side: int, columns: int) -> str:
    """Return pictures in one sheet, row by row, as the data URL of a JPEG.

    Parameters
    ----------
    images
        uint8 of shape (n, size, size, 3).
    side
        Pixels a side of each picture in the sheet.
    columns
        Pictures in a row.
    """
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * side, max(rows, 1) * side))
    for i, image in enumerate(images):
        sheet.paste(Image.fromarray(image).resize((side, side)), (i % columns * side, i // columns * side))
    return picture_uri(np.asarray(sheet), max(sheet.size))
