"""Two models judged on the same images: whose answers changed, and how sure the difference is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from core.evaluation import Predictions
from core.statistics import wilson

CONFIDENCE = 0.95  # as every interval of an accuracy here
QUITE_SURE, FAIRLY_SURE = (
    0.05,
    0.10,
)  # p values: the usual bound, and the one below which a difference is worth a repetition


@dataclass(frozen=True)
class Comparison:
    """How the accuracy of the second model differs from that of the first.

    Attributes
    ----------
    difference, low, high
        Of the accuracies, as shares from -1 to 1, with its 95% interval; NaN where nothing can be compared.
    p_value
        Two-sided probability of a difference at least as large where there is none.
    became_right, became_wrong
        Images whose answer changed; None where the models did not judge the same images. With several seeds, of all together.
    images
        Number of images that were judged, by the second model.
    seeds
        Number of pairs of runs.
    """

    difference: float
    low: float
    high: float
    p_value: float
    images: int
    became_right: int | None = None
    became_wrong: int | None = None
    seeds: int = 1

    @property
    def paired(self) -> bool:
        """Whether both judged the same images."""
        return self.became_right is not None

    @property
    def sureness(self) -> str:
        """How sure it is which of the two is better: ``quite sure``, ``fairly sure`` or ``not certain``."""
        if not self.p_value <= FAIRLY_SURE:
            return "not certain"
        return "quite sure" if self.p_value <= QUITE_SURE else "fairly sure"

    @property
    def outcome(self) -> str:
        """``better``, ``worse`` or ``not certain``."""
        if self.sureness == "not certain":
            return self.sureness
        return "better" if self.difference > 0 else "worse"


def compare(before: Predictions, after: Predictions, *, same_images: bool) -> Comparison:
    """Return how the answers of two models differ.

    Parameters
    ----------
    before, after
        Answers on one split each.
    same_images
        Whether both judged the same images in the same order; the comparison is by image then, and by two intervals otherwise.
    """
    if not len(before.labels) or not len(after.labels):
        return Comparison(math.nan, math.nan, math.nan, math.nan, len(after.labels))
    return _by_image(before, after) if same_images else _by_interval(before, after)


def _right(p: Predictions) -> np.ndarray:
    return p.predicted == p.labels


def _by_image(before: Predictions, after: Predictions) -> Comparison:
    """Compare image by image.

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika 1947 (the
    exact, binomial form). Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data", Journal of Educational and Behavioral Statistics 2012 (the interval).
    """
    a, b, n = _right(before), _right(after), len(after.labels)
    gained, lost = int((~a & b).sum()), int((a & ~b).sum())
    p_value = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = _z() * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return Comparison(
        (gained - lost) / n, max(-1.0, up - down - half), min(1.0, up - down + half), p_value, n, gained, lost
    )


def _by_interval(before: Predictions, after: Predictions) -> Comparison:
    """Compare two accuracies on different images.

    References
    ----------
    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 1998 (method 10).
    Fisher's exact test for the p value.
    """
    right, n = [int(_right(p).sum()) for p in (before, after)], [len(p.labels) for p in (before, after)]
    p, q = right[0] / n[0], right[1] / n[1]
    (l_p, u_p), (l_q, u_q) = (wilson(r, m, CONFIDENCE) for r, m in zip(right, n, strict=True))
    table = [[right[0], n[0] - right[0]], [right[1], n[1] - right[1]]]
    low, high = q - p - math.hypot(q - l_q, u_p - p), q - p + math.hypot(u_q - q, p - l_p)
    return Comparison(q - p, low, high, float(stats.fisher_exact(table).pvalue), n[1])


def loss_fall(before: Predictions, after: Predictions) -> tuple[float, float, float]:
    """Return by how many nats the mean loss falls from one model to the other on the same images, with its 95% interval.

    Parameters
    ----------
    before, after
        Answers on the same images in the same order, at least two.

    Notes
    -----
    Student's interval of the mean of the differences, image by image.
    """
    falls = _losses(before) - _losses(after)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(falls) - 1)) * float(falls.std(ddof=1)) / math.sqrt(len(falls))
    return float(falls.mean()), float(falls.mean()) - half, float(falls.mean()) + half


def _losses(p: Predictions) -> np.ndarray:
    return -np.log(np.clip(p.probabilities[np.arange(len(p.labels)), p.labels].astype(float), 1e-7, 1.0))


@dataclass(frozen=True)
class ChangedAnswer:
    """An image that one model judged right and the other wrong; ``at`` is its place in the split, the others are classes."""

    at: int
    label: int
    before: int
    after: int

    @property
    def became_right(self) -> bool:
        """Whether the second model is the one that is right."""
        return self.after == self.label


def changed_answers(before: Predictions, after: Predictions, most: int = 12) -> list[ChangedAnswer]:
    """Return images of which one model is right and the other wrong: those that became right first, both kinds where both are.

    Parameters
    ----------
    before, after
        Answers on the same images.
    most
        Largest number of images; a kind that has few leaves its places to the other.
    """
    a, b = _right(before), _right(after)
    gained, lost = np.flatnonzero(~a & b), np.flatnonzero(a & ~b)
    n_lost = min(len(lost), max(most // 3, most - len(gained)))
    at = [*gained[: most - n_lost], *lost[:n_lost]]
    return [ChangedAnswer(int(i), int(after.labels[i]), int(before.predicted[i]), int(after.predicted[i])) for i in at]


def compare_seeds(pairs: Sequence[tuple[Predictions, Predictions]]) -> Comparison:
    """Return how two settings differ that were each trained with several common seeds and judged on the same images.

    Parameters
    ----------
    pairs
        (before, after), a pair a seed, at least two.

    Notes
    -----
    The variance between images (of their mean over seeds) and that between seeds add up: Bouthillier et al., "Accounting for
    variance in machine learning benchmarks", MLSys 2021; degrees of freedom after Satterthwaite, Biometrics Bulletin 1946.
    """
    changes = np.array([_right(b).astype(float) - _right(a) for a, b in pairs])
    n_seeds, n_images = changes.shape
    parts = [
        (changes.mean(0).var(ddof=1) / n_images, n_images - 1) if n_images > 1 else (1.0, 1),
        (changes.mean(1).var(ddof=1) / n_seeds, n_seeds - 1),
    ]
    variance, mean = sum(v for v, _ in parts), float(changes.mean())
    counts = int((changes > 0).sum()), int((changes < 0).sum())
    if not variance:
        return Comparison(mean, mean, mean, 1.0 if mean == 0 else 0.0, n_images, *counts, n_seeds)
    freedom, error = variance**2 / sum(v**2 / f for v, f in parts), math.sqrt(variance)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Comparison(mean, mean - half, mean + half, p_value, n_images, *counts, n_seeds)


def _z() -> float:
    return float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
