"""What the network learns to predict of a picture: its descriptors and its visual words, decorrelated."""

import keras
import numpy as np
from keras import ops

from tools.pretrain.descriptors import GROUPS, WEIGHTS, describe
from tools.pretrain.words import Words

BATCH = 128


class Components(keras.layers.Layer):
    """Principal components of a description, their variances drawn towards each other.

    Parameters
    ----------
    d : int
        Length of the description.
    n : int
        Number of components kept.
    """

    def __init__(self, d: int, n: int, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.n = n
        self.mean = self.add_weight(shape=(d,), name="mean", trainable=False)
        self.projection = self.add_weight(shape=(d, n), name="projection", trainable=False)

    def adapt(self, x: np.ndarray, weights: np.ndarray) -> None:
        """Estimate mean and components from descriptions of shape (pictures, d), each number standardised and times its weight."""
        mean = x.mean(0)
        scale = weights / (x.std(0) + 1e-3)
        _, s, vt = np.linalg.svd((x - mean) * scale, full_matrices=False)
        variance = s[: self.n] ** 2 / len(x)
        projection = scale[:, None] * vt[: self.n].T / variance**0.25
        y = (x - mean) @ projection
        self.mean.assign(mean)
        self.projection.assign(projection / np.sqrt((y**2).mean()))

    def call(self, x):
        """Return the components, shape (n pictures, n)."""
        return ops.matmul(x - self.mean, self.projection)


class Targets(keras.layers.Layer):
    """Decorrelated descriptors and visual words.

    Parameters
    ----------
    n_described : int
        Number of components kept of the descriptors.
    n_words : int
        Number of components kept of the visual words.
    """

    def __init__(self, n_described: int = 320, n_words: int = 160, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.words = Words()
        self.parts = [Components(sum(GROUPS), n_described), Components(self.words.n, n_words)]
        self.n = n_described + n_words

    def adapt(self, pictures: np.ndarray) -> None:
        """Find words and components in ``pictures``, uint8 of shape (n, side, side, 3)."""
        self.words.adapt(pictures)
        weights = np.concatenate([np.full(g, w / np.sqrt(g)) for g, w in zip(GROUPS, WEIGHTS, strict=True)])
        for part, function, w in zip(self.parts, (describe, self.words), (weights, np.ones(self.words.n)), strict=True):
            blocks = [np.asarray(function(pictures[i : i + BATCH])) for i in range(0, len(pictures), BATCH)]
            part.adapt(np.concatenate(blocks), w)

    def call(self, images):
        """Return targets of shape (n, self.n) for images in 0..255."""
        described, shares = self.parts
        return ops.concatenate([described(describe(images)), shares(self.words(images))], 1)
