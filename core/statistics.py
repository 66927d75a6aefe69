"""Small-sample statistics that everything that shows an accuracy shares."""

from statistics import NormalDist

import numpy as np
from scipy import stats


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion.

    Parameters
    ----------
    successes
        Number of successes, 0 to ``n``.
    n
        Number of trials; 0 gives (0, 1).
    confidence
        Coverage, default 0.95.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if n <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def standardised(known: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return features about the mean of known ones and with about the same spread; one that hardly varies is not blown up.

    After a ReLU some features are nearly always zero. Divided by their own spread alone, one new picture in which such a feature fires
    lies further away than all others together.

    Parameters
    ----------
    known, others
        Shape (n, width), any n; mean and spread are those of ``known``.
    """
    known = known.astype(np.float64)
    variance = known.var(0)
    scale = np.sqrt(variance + variance.mean()) + 1e-12
    return tuple((part - known.mean(0)) / scale for part in (known, *others))


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of values of shape (n,) and its standard error; infinite with fewer than two."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return float(values.mean()), error


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> np.ndarray:
    """Return the loss of each image without weight penalties, in nats.

    Parameters
    ----------
    probabilities
        Shape (n, n_classes).
    labels
        Classes, int of shape (n,).
    smoothing
        Share of the target that is spread evenly over all classes.
    """
    logs = np.log(np.clip(probabilities, 1e-7, 1.0))
    return -(1 - smoothing) * logs[np.arange(len(labels)), labels] - smoothing * logs.mean(1)


def fall_of_a_doubling(paths: np.ndarray) -> np.ndarray:
    """Return what the last doubling of the epochs took off each loss: a line through ln(epoch) over the second half, times ln 2.

    Parameters
    ----------
    paths
        Losses of shape (n_epochs, n) with three epochs or more; those of images, or of one curve.
    """
    start = min(len(paths) // 2, len(paths) - 3)
    x = np.log(np.arange(start + 1, len(paths) + 1))
    return -np.log(2) * (x - x.mean()) @ paths[start:] / ((x - x.mean()) ** 2).sum()


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of values and its interval (Student's t); without spread or with one value, the mean three times.

    Parameters
    ----------
    values
        Shape (n,), for example differences of pairs.
    confidence
        Coverage, default 0.95.
    """
    mean, n = float(np.mean(values)), len(values)
    error = float(np.std(values, ddof=1)) / np.sqrt(n) if n > 1 else 0.0
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1) * error) if error else 0.0
    return mean, mean - half, mean + half
