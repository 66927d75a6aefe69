"""Small creatures in a garden, seen from above and drawn by formula: in colour, and told apart by their parts alone."""

import colorsys
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from core.data.collection import Collection

SIDE, SCALE = 96, 2  # pixels a side, and how much larger a picture is drawn before it is reduced
A_CLASS = 200
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)

NEAREST = Image.Resampling.NEAREST

Colour = tuple[int, ...]


class Pen:
    """Draws in a creature's own coordinates: the head is up, its body about two long.

    Parameters
    ----------
    canvas
        Picture to draw on.
    centre, size, angle
        Where the creature is, pixels; how long half of it is, pixels; where its head points, radians.
    """

    def __init__(self, canvas: ImageDraw.ImageDraw, centre: np.ndarray, size: float, angle: float):
        self.canvas, self.centre = canvas, centre
        c, s = np.cos(angle), np.sin(angle)
        self.matrix = np.array([[c, s], [-s, c]]) * size
        self.size = size

    def _at(self, points: np.ndarray) -> list[float]:
        return (points @ self.matrix + self.centre).ravel().tolist()

    def oval(self, x: float, y: float, wide: float, long: float, fill: Colour, tilt: float = 0.0) -> None:
        """Fill an ellipse with half axes ``wide`` and ``long``, turned by ``tilt`` radians."""
        c, s = np.cos(tilt), np.sin(tilt)
        points = _CIRCLE * (wide, long) @ np.array([[c, s], [-s, c]]) + (x, y)
        self.canvas.polygon(self._at(points), fill=fill)

    def line(self, points: list[tuple[float, float]], width: float, fill: Colour) -> None:
        """Draw through ``points`` with a width in the creature's own measure."""
        self.canvas.line(self._at(np.array(points)), fill=fill, width=max(1, round(width * self.size)), joint="curve")


def _ant(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    _legs(pen, 3, 0.62, body, rng, at=-0.05)
    pen.oval(0, 0.55, 0.26, 0.42, body)
    pen.oval(0, -0.05, 0.15, 0.24, other)
    pen.oval(0, -0.5, 0.23, 0.24, body)
    _feelers(pen, -0.68, 0.45, body)


def _bee(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    for side in (-1, 1):
        pen.oval(0.5 * side, 0.0, 0.2, 0.55, _pale(body), tilt=side * rng.uniform(0.9, 1.3))
    pen.oval(0, 0.4, 0.36, 0.6, body)
    for y, wide in ((0.1, 0.30), (0.4, 0.34), (0.7, 0.28)):
        pen.oval(0, y, wide, 0.08, other)
    pen.oval(0, -0.3, 0.3, 0.28, other)
    pen.oval(0, -0.68, 0.22, 0.18, body)
    _feelers(pen, -0.8, 0.25, other)


def _beetle(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    _legs(pen, 3, 0.7, other, rng, at=0.1)
    pen.oval(0, 0.25, 0.5, 0.72, body)
    pen.line([(0, -0.35), (0, 0.95)], 0.05, other)
    pen.oval(0, -0.5, 0.38, 0.24, other)
    pen.oval(0, -0.78, 0.2, 0.16, body)
    _feelers(pen, -0.85, 0.3, other)


def _butterfly(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    spread = rng.uniform(0.8, 1.05)
    for side in (-1, 1):
        pen.oval(0.5 * side * spread, -0.3, 0.36, 0.58, body, tilt=side * 0.7)
        pen.oval(0.42 * side * spread, 0.4, 0.34, 0.42, body, tilt=-side * 0.5)
        pen.oval(0.58 * side * spread, -0.42, 0.15, 0.2, other)
        pen.oval(0.45 * side * spread, 0.42, 0.12, 0.14, other)
    pen.oval(0, 0, 0.09, 0.62, _dark(other))
    _feelers(pen, -0.55, 0.4, _dark(other))


def _dragonfly(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    for side in (-1, 1):
        for y, tilt in ((-0.45, rng.uniform(1.2, 1.5)), (-0.2, rng.uniform(1.6, 1.9))):
            pen.oval(0.55 * side, y, 0.13, 0.55, _pale(other), tilt=side * tilt)
    pen.oval(0, -0.4, 0.15, 0.26, body)
    pen.line([(0, -0.3), (0, 1.0)], 0.13, body)
    pen.oval(0, -0.72, 0.19, 0.14, other)


def _ladybird(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    _legs(pen, 3, 0.72, _dark(other), rng, at=0.1)
    pen.oval(0, -0.55, 0.34, 0.24, other)
    pen.oval(0, 0.12, 0.62, 0.68, body)
    pen.line([(0, -0.5), (0, 0.78)], 0.05, other)
    for x, y in ((0.3, -0.15), (0.36, 0.25), (0.18, 0.52))[: rng.integers(2, 4)]:
        for side in (-1, 1):
            pen.oval(x * side, y, 0.12, 0.12, other)


def _spider(pen: Pen, body: Colour, other: Colour, rng: np.random.Generator) -> None:
    _legs(pen, 4, 0.95, body, rng, at=-0.25)
    pen.oval(0, 0.32, 0.38, 0.46, body)
    pen.oval(0, 0.32, 0.12, 0.26, other)
    pen.oval(0, -0.28, 0.24, 0.26, other)


CREATURES: dict[str, Callable[[Pen, Colour, Colour, np.random.Generator], None]] = {
    "ant": _ant,
    "bee": _bee,
    "beetle": _beetle,
    "butterfly": _butterfly,
    "dragonfly": _dragonfly,
    "ladybird": _ladybird,
    "spider": _spider,
}


def _legs(pen: Pen, pairs: int, reach: float, fill: Colour, rng: np.random.Generator, *, at: float) -> None:
    for y, bend in zip(np.linspace(-0.22, 0.22, pairs), np.linspace(-0.55, 0.6, pairs), strict=True):
        for side in (-1, 1):
            knee = side * 0.62 * reach, at + y + 0.5 * bend + rng.normal(0, 0.04)
            foot = side * reach, at + y + 1.1 * bend + rng.normal(0, 0.06)
            pen.line([(0, at + y), knee, foot], 0.07, fill)


def _feelers(pen: Pen, y: float, reach: float, fill: Colour) -> None:
    for side in (-1, 1):
        pen.line([(0.06 * side, y), (0.22 * side, y - 0.6 * reach), (0.4 * side, y - reach)], 0.045, fill)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    return tuple(int(255 * v) for v in colorsys.hsv_to_rgb(hue % 1, min(saturation, 1), min(value, 1)))


def _pale(colour: Colour) -> Colour:
    return tuple(int(0.45 * c + 135) for c in colour)


def _dark(colour: Colour) -> Colour:
    return tuple(int(0.4 * c) for c in colour)


def _ground(rng: np.random.Generator) -> Image.Image:
    """Return leaves and blades on soft ground, in colours that say nothing about who sits there."""
    wide, hue = SIDE * SCALE, rng.uniform(0.06, 0.42)
    base = np.array(_colour(hue, rng.uniform(0.2, 0.5), rng.uniform(0.35, 0.8)))
    coarse = np.uint8(np.clip(rng.uniform(0.8, 1.15, (5, 5, 1)) * base, 0, 255))
    image = Image.fromarray(coarse).resize((SIDE // 2,) * 2, Image.Resampling.BILINEAR).resize((wide,) * 2, NEAREST)
    canvas = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 6)):
        leaf = Pen(canvas, rng.uniform(0, wide, 2), wide * rng.uniform(0.1, 0.3), rng.uniform(-np.pi, np.pi))
        fill = _colour(hue + rng.normal(0, 0.05), rng.uniform(0.2, 0.6), rng.uniform(0.35, 0.85))
        leaf.oval(0, 0, rng.uniform(0.25, 0.6), 1, fill)
        leaf.line([(0, -0.9), (0, 1.2)], 0.05, _dark(fill))
    return image


def picture(creature: str, rng: np.random.Generator) -> np.ndarray:
    """Return one picture of a creature, uint8 of shape (96, 96, 3); ``rng`` chooses place, size, angle, colours and ground."""
    image = _ground(rng)
    wide, hue = SIDE * SCALE, rng.uniform()
    body = _colour(hue, rng.uniform(0.7, 1), rng.uniform(0.7, 1.0))
    other = _colour(hue + rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.9), rng.uniform(0.05, 0.35))
    centre = wide * (0.5 + rng.uniform(-0.06, 0.06, 2))
    pen = Pen(ImageDraw.Draw(image), centre, wide * rng.uniform(0.32, 0.42), rng.uniform(-1.2, 1.2))
    CREATURES[creature](pen, body, other, rng)
    return np.asarray(image.reduce(SCALE))


def creatures() -> Collection:
    """Return 200 pictures of each creature; always the same ones."""
    labels = np.repeat(np.arange(len(CREATURES)), A_CLASS)
    classes = tuple(CREATURES)
    pictures = tuple(picture(classes[label], np.random.default_rng([3, i])) for i, label in enumerate(labels))
    names = tuple(f"{classes[label]} no. {i % A_CLASS + 1}" for i, label in enumerate(labels))
    return Collection("builtin-creatures-2", "Garden creatures", classes, names, labels, (None,) * len(names), pictures)
