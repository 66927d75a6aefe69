"""Textures by formula: coloured noise, gratings, checks, cells, fractals and crops of public-domain photographs."""

import colorsys

import numpy as np
from scipy import ndimage
from skimage import color, data, transform

TILE = 192
# Public domain or CC0 by scikit-image's own list; brick, grass, gravel and lfw_subset stay out: they are built-in data sets.
PHOTOGRAPHS = (
    "astronaut", "camera", "cell", "chelsea", "clock", "coffee", "coins", "hubble_deep_field",
    "immunohistochemistry", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip
RICH = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry")  # drawn from four times as often


def palette(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return ``n`` colours of a common mood, float32 of shape (n, 3) in 0..1."""
    hue = (rng.uniform() + rng.normal(0, rng.choice([0.04, 0.15, 0.4]), n)) % 1
    saturation = np.clip(rng.beta(1.2, 1.8) + rng.normal(0, 0.15, n), 0, 1)
    value = np.clip(rng.uniform(0.15, 0.95) + rng.normal(0, 0.25, n), 0.02, 1)
    return np.array([colorsys.hsv_to_rgb(*hsv) for hsv in zip(hue, saturation, value, strict=True)], np.float32)


def coloured(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Map a scalar field to a ramp of 2 to 4 colours; float32 of shape (h, w, 3)."""
    low, high = np.percentile(field, [2, 98])
    x = np.clip((field - low) / (high - low + 1e-6), 0, 1)
    stops = palette(rng, rng.integers(2, 5))
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(x, at, stops[:, c]) for c in range(3)], -1).astype(np.float32)


def spectral_noise(rng: np.random.Generator, size: int = TILE) -> np.ndarray:
    """Return noise with a 1/f**b spectrum, stretched along one direction at random."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    angle, stretch = rng.uniform(0, np.pi), rng.choice([1, 1, 2, 5])
    u, v = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    f = np.sqrt(u**2 + (stretch * v) ** 2) + 1 / size
    phase = np.exp(2j * np.pi * rng.uniform(size=f.shape))
    return np.fft.ifft2(phase / f ** rng.uniform(0.5, 2.2)).real


def grating(rng: np.random.Generator, size: int = TILE) -> np.ndarray:
    """Return one to three superposed waves, warped by smooth noise."""
    y, x = np.mgrid[:size, :size] + ndimage.gaussian_filter(rng.normal(size=(2, size, size)), (0, 12, 12)) * rng.choice(
        [0, 60, 200]
    )
    field = np.zeros((size, size))
    for _ in range(rng.integers(1, 4)):
        angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(4), np.log(48)))
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        field += np.sign(wave) if rng.uniform() < 0.4 else wave
    return field


def cells(rng: np.random.Generator, size: int = TILE) -> np.ndarray:
    """Return distances to random points (Worley noise): scales, pebbles, cracks."""
    seeds = np.ones((size, size))
    n = int(np.exp(rng.uniform(np.log(20), np.log(900))))
    seeds[rng.integers(0, size, n), rng.integers(0, size, n)] = 0
    distance, nearest = ndimage.distance_transform_edt(seeds, return_indices=True)
    return distance if rng.uniform() < 0.6 else (nearest[0] * 7919 + nearest[1] * 104729) % 97


def fractal(rng: np.random.Generator, size: int = TILE) -> np.ndarray:
    """Return the attractor of a random contractive system of affine maps (Barnsley 1988), as log density."""
    k = rng.integers(2, 6)
    maps = rng.uniform(-1, 1, (k, 2, 2))
    maps *= (rng.uniform(0.5, 0.9, k) / np.linalg.norm(maps, 2, (1, 2)))[:, None, None]
    shift = rng.uniform(-1, 1, (k, 2))
    points = rng.uniform(-1, 1, (1500, 2))
    density = np.zeros((size, size))
    for step in range(40):
        choice = rng.integers(0, k, len(points))
        points = np.einsum("nij,nj->ni", maps[choice], points) + shift[choice]
        if step > 8:
            density += np.histogram2d(*points.T, bins=size, range=[np.percentile(points, [1, 99])] * 2)[0]
    return np.log1p(ndimage.gaussian_filter(density, 1))


def photograph_tiles() -> list[np.ndarray]:
    """Return scikit-image's public-domain photographs at several scales, each float32 (h, w, 3) in 0..1."""
    tiles = {name: _scales(getattr(data, name)()) for name in PHOTOGRAPHS}
    return [tile for name in (*PHOTOGRAPHS, *3 * RICH) for tile in tiles[name]]


def _scales(picture: np.ndarray) -> list[np.ndarray]:
    picture = (color.gray2rgb(picture) if picture.ndim == 2 else picture[..., :3]).astype(np.float32) / 255
    tiles = []
    for shorter in (TILE, 2 * TILE, 3 * TILE):
        if min(picture.shape[:2]) >= 0.75 * shorter:
            factor = shorter / min(picture.shape[:2])
            shape = [round(s * factor) for s in picture.shape[:2]]
            tiles.append(transform.resize(picture, shape, anti_aliasing=True).astype(np.float32))
    return tiles


def library(seed: int, n: int = 360) -> list[np.ndarray]:
    """Return ``n`` drawn textures of 192x192 pixels, uint8 RGB, the same for the same ``seed``."""
    rng = np.random.default_rng([seed, 1])
    kinds = (spectral_noise, spectral_noise, grating, cells, fractal)
    return [np.uint8(coloured(kinds[i % len(kinds)](rng), rng) * 255) for i in range(n)]
