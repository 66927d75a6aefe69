"""What a run fixes before its first step: the images' order and views, the learning rates, the classes' weights. No TensorFlow."""

import math

import numpy as np

from core.experiment import TrainingSpec

LAST_SHARE = 0.01  # of the first learning rate, where the exponential schedule ends


def batch_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """Return the order of the training images in an epoch (from 1); plain Keras can follow it."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def view_choice(seed: int, epoch: int, n: int, views: int) -> np.ndarray:
    """Return which view of each image an epoch uses, int of shape (n,)."""
    return np.random.default_rng([seed, epoch, 1]).integers(0, views, n)


def learning_rates(settings: TrainingSpec, epoch: int, batches: int) -> list[float]:
    """Return the learning rate of each batch of an epoch (from 1): constant, or falling over the run.

    A cosine falls to 0 (Loshchilov and Hutter, "SGDR", 2017, without restarts), an exponential to 1% of the first rate.
    """
    done = [((epoch - 1) * batches + batch) / (settings.epochs * batches) for batch in range(batches)]
    shapes = {
        "constant": lambda x: 1.0,
        "cosine": lambda x: 0.5 * (1 + math.cos(math.pi * x)),
        "exponential": lambda x: LAST_SHARE**x,
    }
    return [settings.learning_rate * shapes[settings.schedule](x) for x in done]


def class_weights(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return a weight a class, float32 of shape (n_classes,), as scikit-learn's "balanced": n / (classes * count)."""
    counts = np.bincount(labels, minlength=n_classes)
    return (len(labels) / (n_classes * np.maximum(counts, 1))).astype(np.float32)
