"""Pooled features of every block, computed once for each network and set of pictures and kept on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Split
from core.insight.network import Network, block_ends, first_difference
from core.training import activations

MOST_PICTURES = 400  # of a split; larger ones are looked at through a sample


@dataclass(frozen=True)
class Features:
    """What a network makes of some pictures of a split.

    Attributes
    ----------
    rows
        Positions in the split, shape (n,).
    blocks
        Mean over height and width of each block's output, float32 of shape (n, channels), by the block's name.
    """

    rows: np.ndarray
    blocks: dict[str, np.ndarray]

    @property
    def last(self) -> np.ndarray:
        """Features of the last block."""
        return list(self.blocks.values())[-1]


def sampled(n: int, most: int = MOST_PICTURES) -> np.ndarray:
    """Return evenly spaced positions, at most ``most``: pictures may come in order of their classes."""
    return np.linspace(0, n - 1, min(most, n)).astype(int)


def of_split(networks: list[Network], split: Split, most: int = MOST_PICTURES) -> list[Features]:
    """Return each network's features of (a sample of) a split; what the networks have in common is computed once.

    Parameters
    ----------
    networks
        Of one width and image size.
    split
        Pictures at that size.
    most
        Largest number of pictures.
    """
    rows = sampled(len(split), most)
    keys = [activations.key_of("blocks", 1, split.fingerprint, len(rows), net.digests[-1]) for net in networks]
    known = [activations.get(key) for key in keys]
    missing = [net for net, found in zip(networks, known, strict=True) if found is None]
    made = iter(_computed(missing, split, rows) if missing else [])
    parts = []
    for key, found in zip(keys, known, strict=True):
        arrays = found.arrays if found else _kept(key, next(made))
        parts.append(Features(rows, dict(zip(block_ends(networks[0].table), map(np.asarray, arrays), strict=True))))
    return parts


def of_pictures(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the last block's features of pictures in 0..255, float32 of shape (n, channels)."""
    last = [len(network.table) - 1]
    parts = [_pooled(network, network.enter(images[part]), 1, last)[0][0] for part in network.batches(len(images))]
    return np.concatenate(parts)


def _kept(key: str, arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    return activations.get_or_compute(key, [a.shape for a in arrays], lambda: [arrays]).arrays


def _computed(networks: list[Network], split: Split, rows: np.ndarray) -> list[list[np.ndarray]]:
    """Return every block's pooled output for each network: the layers that agree are passed through once."""
    ends = list(block_ends(networks[0].table).values())
    shared = min((first_difference(networks[0], other) for other in networks[1:]), default=0)
    common = sum(end < shared for end in ends)
    found: list[list[list[np.ndarray]]] = [[[] for _ in ends] for _ in networks]
    for part in networks[0].batches(len(rows)):
        images = np.asarray(split.source[split.indices[rows[part]]])
        first, values = _pooled(networks[0], networks[0].enter(images), 1, ends[:common])
        for network, target in zip(networks, found, strict=True):
            rest, _ = _pooled(network, values, ends[common - 1] + 1 if common else 1, ends[common:])
            for block, array in zip(target, [*first, *rest], strict=True):
                block.append(array)
    return [[np.concatenate(parts) for parts in blocks] for blocks in found]


def _pooled(network: Network, values: dict, start: int, ends: list[int]) -> tuple[list[np.ndarray], dict]:
    """Walk on to each of these layers and return their outputs' means, and where the walk has come to."""
    means = []
    for end in ends:
        values = network.walk(values, start, end + 1)
        means.append(values[network.table[end].name].numpy().mean((1, 2)))
        start = end + 1
    return means, values
