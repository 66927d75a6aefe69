"""Visual words of a picture, as further targets: how often each of some hundred typical patches occurs in each part of it."""

import keras
import numpy as np
from keras import ops
from sklearn.cluster import MiniBatchKMeans

GRID = 3
PATCHES_PER_PICTURE = 30
BATCH = 256


class Words(keras.layers.Layer):
    """Shares of visual words per part of the picture (Coates, Lee and Ng 2011: k-means on whitened patches, triangle activation).

    Parameters
    ----------
    side : int
        Side that pictures are brought to, pixels.
    patch : int
        Side of a patch, pixels.
    stride : int
        Pixels from patch to patch; ``(side - patch) / stride + 1`` must be a multiple of 3.
    n_words : int
        Number of words.

    Raises
    ------
    ValueError
        When the patches of a side cannot be divided by 3.
    """

    def __init__(self, side: int = 34, patch: int = 6, stride: int = 2, n_words: int = 400, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.side, self.patch, self.stride, self.n_words = side, patch, stride, n_words
        if (positions := (side - patch) // stride + 1) % GRID:
            raise ValueError(f"{positions} patches a side cannot be divided by {GRID}; choose another side or stride")
        d = patch * patch * 3
        self.mean = self.add_weight(shape=(d,), name="mean", trainable=False)
        self.whitening = self.add_weight(shape=(d, d), name="whitening", trainable=False)
        self.centres = self.add_weight(shape=(d, n_words), name="centres", trainable=False)

    @property
    def n(self) -> int:
        """Length of the description."""
        return GRID * GRID * self.n_words

    def adapt(self, pictures: np.ndarray, seed: int = 0) -> None:
        """Find the words in ``pictures``, uint8 of shape (n, side, side, 3)."""
        rng = np.random.default_rng(seed)
        rows = []
        for i in range(0, len(pictures), BATCH):
            found = np.asarray(self._patches(pictures[i : i + BATCH])).reshape(-1, self.patch**2 * 3)
            rows.append(found[rng.integers(0, len(found), BATCH * PATCHES_PER_PICTURE)])
        x = np.concatenate(rows)
        self.mean.assign(x.mean(0))
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
        self.whitening.assign(vectors / np.sqrt(values + 0.1) @ vectors.T)
        white = (x - x.mean(0)) @ np.asarray(self.whitening)
        self.centres.assign(
            MiniBatchKMeans(self.n_words, n_init=1, batch_size=4096, random_state=seed).fit(white).cluster_centers_.T
        )

    def _patches(self, images):
        images = ops.image.resize(ops.cast(images, "float32"), (self.side, self.side), antialias=True)
        rows = ops.image.extract_patches(images, self.patch, strides=self.stride)
        mean, variance = ops.moments(rows, -1, keepdims=True)
        return (rows - mean) / ops.sqrt(variance + 10)

    def call(self, images):
        """Return the shares, shape (n, 9 * n_words), for images in 0..255."""
        x = ops.matmul(self._patches(images) - self.mean, self.whitening)
        squared = ops.sum(x**2, -1, keepdims=True) + ops.sum(self.centres**2, 0) - 2 * ops.matmul(x, self.centres)
        distance = ops.sqrt(ops.maximum(squared, 1e-6))
        near = ops.maximum(0.0, ops.mean(distance, -1, keepdims=True) - distance)
        return ops.reshape(ops.average_pool(near, near.shape[1] // GRID), (-1, self.n))
