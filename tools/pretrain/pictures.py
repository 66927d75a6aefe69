"""Pictures by formula: occluding textured shapes (dead leaves), jointed figures and crops of photographs, seeded."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.pretrain import textures

SIZE = 112
CHUNK = 500
LEVELS = np.arange(256, dtype=np.float32)
CHANNEL_STARTS = 256 * np.arange(3, dtype=np.uint16)
PHOTOGRAPH_SHARE = 0.35


@cache
def _library(seed: int) -> list[Image.Image]:
    return [Image.fromarray(t) for t in textures.library(seed)]


@cache
def _photographs() -> list[Image.Image]:
    return [Image.fromarray(np.uint8(np.clip(t, 0, 1) * 255)) for t in textures.photograph_tiles()]


def _crop(source: Image.Image, side: int, rng: np.random.Generator) -> Image.Image:
    y, x = (rng.integers(0, s - side + 1) for s in (source.height, source.width))
    return source.crop((x, y, x + side, y + side))


def _fill(seed: int, size: int, rng: np.random.Generator) -> Image.Image:
    """Return a ``size`` square of flat colour, gradient, drawn texture or photograph, recoloured."""
    kind = rng.uniform()
    if kind < 0.3:
        corners = np.uint8(textures.palette(rng, 4).reshape(2, 2, 3) * 255)
        if rng.uniform() < 0.5:
            corners[:] = corners[:1, :1]
        return Image.fromarray(corners).resize((size, size), Image.Resampling.BICUBIC)
    pool = _library(seed) if kind < 0.8 else _photographs()
    source = pool[rng.integers(len(pool))]
    side = int(np.exp(rng.uniform(np.log(24), np.log(min(source.size)))))
    patch = _crop(source, side, rng).resize((size, size), Image.Resampling.BILINEAR)
    gain, tint = rng.uniform(0.4, 1.3), textures.palette(rng, 1)[0]
    mix = rng.choice([0, 0, 0.5, 0.9])
    table = np.uint8(np.clip(gain * LEVELS * (1 - mix + mix * tint[:, None] * 1.6), 0, 255))
    return Image.fromarray(table.take(np.asarray(patch) + CHANNEL_STARTS))


def _contour(rng: np.random.Generator) -> np.ndarray:
    """Return a closed outline of unit radius: ellipse, polygon, star or a smooth random contour; shape (n, 2)."""
    kind = rng.integers(5)
    n = {0: 32, 1: rng.integers(3, 8), 2: 2 * rng.integers(3, 9), 3: 48, 4: 4}[int(kind)]
    t = 2 * np.pi * (np.arange(n) + rng.uniform()) / n
    r = np.ones(n)
    if kind == 2:
        r[::2] = rng.uniform(0.3, 0.8)
    if kind == 3:
        for k in range(2, 9):
            r += rng.normal(0, 0.5) / k * np.cos(k * t + rng.uniform(0, 2 * np.pi))
        r = np.maximum(r, 0.15)
    stretch = np.exp(rng.normal(0, 0.45))
    return np.stack([r * np.cos(t) * stretch, r * np.sin(t) / stretch], 1)


def _place(points: np.ndarray, centre: np.ndarray, radius: float, angle: float) -> list[float]:
    c, s = np.cos(angle), np.sin(angle)
    return (points @ np.array([[c, s], [-s, c]]) * radius + centre).ravel().tolist()


def _figure_mask(draw: ImageDraw.ImageDraw, size: int, rng: np.random.Generator) -> None:
    """Draw a body with jointed limbs: silhouettes such as hands, animals, plants and tools have."""
    centre, radius = rng.uniform(0.3, 0.7, 2) * size, rng.uniform(0.12, 0.28) * size
    draw.polygon(_place(_contour(rng), centre, radius, rng.uniform(0, 2 * np.pi)), fill=255)
    spread, start = rng.uniform(0.6, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    n, width, length = rng.integers(1, 8), rng.uniform(0.15, 0.5), rng.uniform(0.5, 1.8)
    for k in range(n):
        angle, joint = start + spread * k / n + rng.normal(0, 0.1), centre
        for part in range(rng.integers(1, 4)):
            end = joint + radius * length * np.array([np.cos(angle), np.sin(angle)])
            w = max(1, radius * width * (1 - 0.2 * part) * 2)
            draw.line([tuple(joint), tuple(end)], fill=255, width=int(w))
            draw.ellipse([*(end - w / 2), *(end + w / 2)], fill=255)
            joint, angle = end, angle + rng.normal(0, 0.5)


def _shape_mask(size: int, rng: np.random.Generator, radius: float) -> Image.Image:
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    draw.polygon(_place(_contour(rng), rng.uniform(-0.1, 1.1, 2) * size, radius, rng.uniform(0, 2 * np.pi)), fill=255)
    return mask


def _shaded(fill: Image.Image, mask: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Darken a fill towards its outline, as a rounded body under a lamp."""
    inner = np.asarray(mask.filter(ImageFilter.GaussianBlur(rng.uniform(2, 10))))
    light = (0.35 + 0.65 * (LEVELS / 255))[inner]
    return Image.fromarray(np.multiply(fill, light[..., None], dtype=np.float32).astype(np.uint8))


def _leaves(seed: int, rng: np.random.Generator) -> Image.Image:
    """Return a dead-leaves picture: sizes follow r**-3, as in natural images (Lee, Mumford and Huang 2001)."""
    picture = _fill(seed, SIZE, rng)
    n = int(np.exp(rng.uniform(np.log(1), np.log(16))))
    radii = np.sort(0.05 / np.sqrt(rng.uniform(0.01, 1, n)))[::-1] * SIZE * rng.uniform(0.8, 2)
    masks = [_shape_mask(SIZE, rng, r) for r in radii]
    if rng.uniform() < 0.6:
        masks.append(Image.new("L", (SIZE, SIZE)))
        _figure_mask(ImageDraw.Draw(masks[-1]), SIZE, rng)
    for mask in masks:
        if rng.uniform() < 0.3:
            mask = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))
        fill = _fill(seed, SIZE, rng)
        picture.paste(_shaded(fill, mask, rng) if rng.uniform() < 0.5 else fill, mask=mask)
    return picture


def _photograph(rng: np.random.Generator) -> Image.Image:
    source = _photographs()[rng.integers(len(_photographs()))]
    side = int(np.exp(rng.uniform(np.log(64), np.log(min(source.size)))))
    picture = _crop(source, side, rng).rotate(rng.normal(0, 15), Image.Resampling.BILINEAR, expand=False)
    margin = side // 8
    return picture.crop((margin, margin, side - margin, side - margin)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def draw_picture(seed: int, index: int) -> np.ndarray:
    """Return picture number ``index`` of ``seed``, uint8 of shape (112, 112, 3); the same on every machine.

    Parameters
    ----------
    seed
        Seed of the whole collection.
    index
        Number of the picture, from 0; each one has a random generator of its own.
    """
    rng = np.random.default_rng([seed, 2, index])
    picture = _photograph(rng) if rng.uniform() < PHOTOGRAPH_SHARE else _leaves(seed, rng)
    if rng.uniform() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    pixels = np.asarray(picture)
    if rng.uniform() < 0.3:
        pixels = np.uint8(np.clip(pixels + rng.normal(0, rng.uniform(2, 20), pixels.shape), 0, 255))
    return pixels


def _chunk(seed: int, start: int, stop: int) -> np.ndarray:
    return np.stack([draw_picture(seed, i) for i in range(start, stop)])


def write_pictures(path: Path, n: int, *, seed: int = 0, workers: int | None = None) -> np.ndarray:
    """Draw ``n`` pictures with all cores into a memory-mapped ``.npy`` file and return it.

    Parameters
    ----------
    path
        File to write; a partial file is renamed to it only when complete, a complete one is reused.
    n
        Number of pictures.
    seed
        Seed of the collection.
    workers
        Processes; all cores by default.
    """
    if path.exists():
        return np.load(path, mmap_mode="r")
    partial_path = path.with_suffix(".partial")
    out = np.lib.format.open_memmap(partial_path, "w+", np.uint8, (n, SIZE, SIZE, 3))
    starts = range(0, n, CHUNK)
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        stops = [min(s + CHUNK, n) for s in starts]
        for start, block in zip(starts, pool.map(partial(_chunk, seed), starts, stops), strict=True):
            out[start : start + len(block)] = block
    out.flush()
    partial_path.replace(path)
    return np.load(path, mmap_mode="r")
