"""Classical descriptors of a picture, which the network learns to predict: edges, colours and textures per region."""

import numpy as np
from keras import ops

SIDE = 64
BINS = 8
GROUPS = (512, 128, 128, 8, 96, 108, 27, 64, 4)  # lengths of the parts of describe()
WEIGHTS = (1.0, 1.0, 1.0, 0.5, 1.0, 0.7, 0.7, 0.7, 0.4)  # so that no part dominates by its length


def _gradient_histograms(grey, side: int, grid: int):
    """Histograms of oriented gradients (Dalal and Triggs 2005) on a grid, square-rooted and normalised by the picture."""
    if side < SIDE:
        grey = ops.average_pool(grey, SIDE // side)
    grey = ops.pad(grey[..., 0], ((0, 0), (1, 1), (1, 1)), mode="reflect")
    dx = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    dy = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    squared = dx**2 + dy**2 + 1e-8
    twice = np.arange(BINS, dtype="float32") * (2 * np.pi / BINS)
    # cos(2(angle - centre)) by the double-angle formulas: no arctangent needed
    cosine, sine = ((dx**2 - dy**2) / squared)[..., None], (2 * dx * dy / squared)[..., None]
    nearness = ops.maximum(0.0, cosine * np.cos(twice) + sine * np.sin(twice)) ** 3
    pooled = ops.average_pool(nearness * ops.sqrt(squared)[..., None], side // grid)
    local = ops.sqrt(ops.maximum(pooled, 0.0))
    energy = ops.mean(local, axis=(1, 2, 3), keepdims=True)
    return ops.reshape(local / (energy + 0.02), (-1, grid * grid * BINS))


def _colours(images, grid: int):
    """Mean and spread of opponent colours on a grid."""
    r, g, b = images[..., 0], images[..., 1], images[..., 2]
    opponent = ops.stack([(r + g + b) / 3, (r - g) * 1.5, ((r + g) / 2 - b) * 1.5], -1)
    side = SIDE // grid
    mean = ops.average_pool(opponent, side)
    spread = ops.sqrt(ops.maximum(ops.average_pool(opponent**2, side) - mean**2, 0.0) + 1e-6)
    return ops.concatenate([ops.reshape(x, (-1, grid * grid * 3)) for x in (mean, 2 * spread)], 1)


def _palette(images, grid: int):
    """Soft histograms over 27 colours on a grid (Swain and Ballard 1991)."""
    levels = np.linspace(0, 1, 3)
    anchors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3).astype("float32")
    small = ops.average_pool(images, 2)
    distance = ops.sum((small[..., None, :] - anchors) ** 2, -1)
    shares = ops.average_pool(ops.softmax(-distance * 12), SIDE // 2 // grid)
    return ops.reshape(ops.sqrt(shares + 1e-6), (-1, grid * grid * 27))


def _textures(grey, grid: int):
    """Energies of band-pass filters at four scales on a grid, as logarithms."""
    energies, current = [], grey
    for _ in range(4):
        coarse = ops.average_pool(current, 2)
        band = ops.abs(current - ops.repeat(ops.repeat(coarse, 2, 1), 2, 2))
        energies.append(ops.log(ops.average_pool(band, band.shape[1] // grid) + 0.01))
        current = coarse
    return ops.reshape(ops.concatenate(energies, -1), (-1, grid * grid * 4))


def describe(images):
    """Return the descriptors of ``images``.

    Parameters
    ----------
    images
        Float tensor of shape (n, side, side, 3) in 0..255, any side.

    Returns
    -------
    tensor
        Shape (n, d), float32, not standardised.
    """
    images = ops.cast(images, "float32") / 255
    if images.shape[1] != SIDE:
        images = ops.image.resize(images, (SIDE, SIDE), antialias=True)
    grey = ops.mean(images, -1, keepdims=True)
    parts = [
        _gradient_histograms(grey, 64, 8),
        _gradient_histograms(grey, 64, 4),
        _gradient_histograms(grey, 16, 4),
        _gradient_histograms(grey, 64, 1),
        _colours(images, 4),
        _palette(images, 2),
        _palette(images, 1),
        _textures(grey, 4),
        _textures(grey, 1),
    ]
    return ops.concatenate(parts, 1)


def describe_locally(images, grid: int):
    """Return edges and colours of each cell of a grid: shape (n, grid, grid, 14), standardised over the batch."""
    images = ops.image.resize(ops.cast(images, "float32") / 255, (SIDE, SIDE), antialias=True)
    grey = ops.mean(images, -1, keepdims=True)
    edges = ops.reshape(_gradient_histograms(grey, SIDE, grid), (-1, grid, grid, BINS))
    colours = ops.reshape(_colours(images, grid), (-1, 2, grid, grid, 3))
    cells = ops.concatenate([edges, colours[:, 0], colours[:, 1]], -1)
    mean, variance = ops.moments(cells, (0, 1, 2), keepdims=True)
    return (cells - mean) / ops.sqrt(variance + 1e-4)
