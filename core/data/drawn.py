"""Drawn data sets with dials: each dial makes one phenomenon of the diagnosis visible."""

import hashlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from core.data.collection import SPLITS, Collection
from core.data.split import stratified
from core.experiment import DataSpec, DrawnDials

SIDE = 96
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "hexagon", "crescent", "arrow", "heart")
COLOURS = (
    (214, 69, 65),
    (46, 134, 193),
    (40, 160, 90),
    (240, 180, 40),
    (142, 68, 173),
    (230, 126, 34),
    (22, 160, 133),
    (200, 80, 150),
    (90, 100, 110),
    (150, 110, 70),
)


def drawn(spec: DataSpec) -> Collection:
    """Return the pictures that the dials of ``spec.drawn`` describe; the same ones for the same seed."""
    dials = spec.drawn or DrawnDials()
    rng = np.random.default_rng([spec.seed, 7])
    labels = _labels(dials)
    given = _splits(labels, spec)
    shown = labels.copy()
    _mislabel(labels, given, dials, rng)
    pictures = tuple(
        _picture(int(true), split, dials, np.random.default_rng([spec.seed, 8, i]))
        for i, (true, split) in enumerate(zip(shown, given, strict=True))
    )
    names = tuple(f"{SHAPES[s]} no. {i}" for i, s in enumerate(shown))
    key = hashlib.sha256(
        f"{dials.model_dump_json()}{spec.seed}{spec.validation_fraction}{spec.test_fraction}".encode()
    ).hexdigest()[:24]
    return Collection(f"drawn-1-{key}", "Drawn shapes", SHAPES[: dials.n_classes], names, labels, given, pictures)


def _labels(dials: DrawnDials) -> np.ndarray:
    weights = np.linspace(1, 1 - dials.imbalance, dials.n_classes)
    bounds = np.round(dials.n_images * np.cumsum(weights) / weights.sum())
    counts = np.sort(np.diff(bounds, prepend=0).astype(int))[::-1]
    missing = np.maximum(3 - counts, 0)  # a class needs one image a split
    counts = counts + missing
    for _ in range(missing.sum()):
        counts[counts.argmax()] -= counts.max() > 3
    return np.repeat(np.arange(dials.n_classes), counts)


def _splits(labels: np.ndarray, spec: DataSpec) -> tuple[str, ...]:
    given = np.full(len(labels), "train", dtype=object)
    rest = np.arange(len(labels))
    for name, share in (("test", spec.test_fraction), ("validation", spec.validation_fraction)):
        if share:
            chosen = rest[stratified(labels[rest], share * len(labels) / len(rest), [spec.seed, SPLITS.index(name)])]
            given[chosen] = name
            rest = np.setdiff1d(rest, chosen)
    return tuple(given)


def _mislabel(labels: np.ndarray, given: tuple[str, ...], dials: DrawnDials, rng: np.random.Generator) -> None:
    train = np.flatnonzero(np.array(given) == "train")
    wrong = rng.choice(train, round(dials.label_noise * len(train)), replace=False)
    labels[wrong] = (labels[wrong] + rng.integers(1, dials.n_classes, len(wrong))) % dials.n_classes


def _picture(label: int, split: str, dials: DrawnDials, rng: np.random.Generator) -> np.ndarray:
    hard = dials.difficulty
    image = _background(label, split, dials, rng)
    for _ in range(round(rng.uniform(0, 6 * hard))):
        _stamp(image, int(rng.integers(len(SHAPES))), rng.uniform(0.04, 0.10), rng, blend=0.5)
    _stamp(image, label, rng.uniform(0.34 - 0.2 * hard, 0.42 - 0.12 * hard), rng, turn=hard, off=0.06 + 0.2 * hard)
    pixels = np.asarray(image, np.float32) + rng.normal(0, 4 + 26 * hard, (SIDE, SIDE, 3))
    if split == "validation":
        pixels = 128 + (pixels - 128) * np.exp(1.2 * dials.contrast_shift) + 110 * dials.brightness_shift
    out = Image.fromarray(np.uint8(np.clip(pixels, 0, 255)))
    if dials.resolution < SIDE:
        out = out.resize((dials.resolution,) * 2, Image.Resampling.BOX).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return np.asarray(out)


def _background(label: int, split: str, dials: DrawnDials, rng: np.random.Generator) -> Image.Image:
    """Smooth noise in a random colour; with the shortcut dial the training background tells the class."""
    colour = np.array(COLOURS[rng.integers(len(COLOURS))]) * rng.uniform(0.35, 1.1)
    if split == "train" and rng.uniform() < dials.shortcut:
        colour = np.array(COLOURS[label])
    coarse = Image.fromarray(np.uint8(rng.uniform(90, 165, (8, 8)))).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return Image.fromarray(np.uint8(np.clip(colour * (np.asarray(coarse)[..., None] / 128), 0, 255)))


def _stamp(
    image: Image.Image,
    shape: int,
    radius: float,
    rng: np.random.Generator,
    *,
    turn: float = 1.0,
    off: float = 0.4,
    blend: float = 1.0,
) -> None:
    mask = Image.new("L", (4 * SIDE,) * 2)
    centre = np.array([0.5, 0.5]) + rng.uniform(-off, off, 2)
    _draw_shape(
        ImageDraw.Draw(mask), SHAPES[shape], centre * 4 * SIDE, radius * 4 * SIDE, rng.uniform(-np.pi, np.pi) * turn
    )
    mask = mask.resize((SIDE, SIDE), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.4))
    colour = tuple(
        int(c) for c in np.clip(np.array(COLOURS[rng.integers(len(COLOURS))]) * rng.uniform(0.8, 1.4), 0, 255)
    )
    image.paste(colour, mask=mask.point(lambda v: int(v * blend)))


_OUTLINES = {
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "cross": [(-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1), (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3)],
    "arrow": [(0, -1), (0.9, 0), (0.35, 0), (0.35, 1), (-0.35, 1), (-0.35, 0), (-0.9, 0)],
}  # fmt: skip
_ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_OUTLINES["star"] = [
    (np.sin(t) * r, -np.cos(t) * r) for t, r in zip(np.arange(10) * np.pi / 5, [1, 0.42] * 5, strict=True)
]
_OUTLINES["hexagon"] = [(np.sin(t), np.cos(t)) for t in np.arange(6) * np.pi / 3]
_OUTLINES["heart"] = [
    (np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16) for t in _ANGLES
]


def _draw_shape(draw: ImageDraw.ImageDraw, shape: str, centre: np.ndarray, radius: float, angle: float) -> None:
    def circle(at: np.ndarray, r: float, fill: int) -> None:
        draw.ellipse([*(at - r), *(at + r)], fill=fill)

    if shape in _OUTLINES:
        c, s = np.cos(angle), np.sin(angle)
        points = np.array(_OUTLINES[shape]) @ np.array([[c, s], [-s, c]]) * radius + centre
        draw.polygon([tuple(p) for p in points], fill=255)
        return
    circle(centre, radius, 255)
    if shape == "ring":
        circle(centre, 0.55 * radius, 0)
    if shape == "crescent":
        circle(centre + 0.55 * radius * np.array([np.cos(angle), np.sin(angle)]), 0.8 * radius, 0)
