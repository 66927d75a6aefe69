"""What a trained model says about each image, and the figures that follow from it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.statistics import wilson


@dataclass(frozen=True)
class Predictions:
    """A model's answers on one split.

    Attributes
    ----------
    labels
        True classes, int64 of shape (n,).
    probabilities
        float32 of shape (n, n_classes).
    names
        File names, n of them.
    rows
        Rows of the source's array, shape (n,), to find the pictures again.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    names: tuple[str, ...]
    rows: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each image, shape (n,)."""
        return self.probabilities.argmax(1)

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN without images."""
        return float((self.predicted == self.labels).mean()) if len(self.labels) else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the accuracy."""
        return wilson(float((self.predicted == self.labels).sum()), len(self.labels))

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: mean distance between confidence and accuracy over :func:`reliability`'s bins; NaN without images."""
        bins = reliability(self)
        return (
            float((bins.images * (bins.accuracy - bins.confidence).abs()).sum() / max(len(self.labels), 1))
            if len(bins)
            else float("nan")
        )

    @property
    def wrong(self) -> np.ndarray:
        """Positions of wrong answers, the most confident mistakes first."""
        at = np.flatnonzero(self.predicted != self.labels)
        return at[np.argsort(-self.probabilities[at].max(1))] if len(at) else at


@dataclass(frozen=True)
class Evaluation:
    """Predictions on each split at the end of a run."""

    class_names: tuple[str, ...]
    splits: dict[str, Predictions]

    def save(self, path: Path) -> None:
        """Write one compressed ``.npz``."""
        arrays: dict[str, np.ndarray] = {"class_names": np.array(self.class_names)}
        for name, p in self.splits.items():
            arrays |= {
                f"{name}.labels": p.labels,
                f"{name}.probabilities": p.probabilities.astype(np.float32),
                f"{name}.names": np.array(p.names, dtype=str),
                f"{name}.rows": p.rows,
            }
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Evaluation":
        """Read what :meth:`save` wrote."""
        with np.load(path) as f:
            names = [k.split(".")[0] for k in f.files if k.endswith(".labels")]
            splits = {
                n: Predictions(
                    f[f"{n}.labels"], f[f"{n}.probabilities"], tuple(f[f"{n}.names"].tolist()), f[f"{n}.rows"]
                )
                for n in names
            }
            return cls(tuple(f["class_names"].tolist()), splits)


def reliability(predictions: Predictions, n_bins: int = 10) -> pd.DataFrame:
    """Return mean confidence, accuracy and its Wilson interval in bins of confidence, empty ones left out.

    Parameters
    ----------
    predictions
        Answers on one split.
    n_bins
        Number of bins of equal width between 0 and 1, default 10.

    Returns
    -------
    DataFrame
        Columns ``confidence``, ``accuracy``, ``low``, ``high``, ``images``; a row a bin.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence, right = predictions.probabilities.max(1), predictions.predicted == predictions.labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    rows = []
    for number in np.unique(bins):
        here = bins == number
        low, high = wilson(float(right[here].sum()), int(here.sum()))
        rows.append((float(confidence[here].mean()), float(right[here].mean()), low, high, int(here.sum())))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "images"])


def confusion(predictions: Predictions, n_classes: int) -> np.ndarray:
    """Return counts of shape (n_classes, n_classes): rows are true classes, columns predicted ones."""
    counts = np.zeros((n_classes, n_classes), np.int64)  # scikit-learn's refuses a split without images
    np.add.at(counts, (predictions.labels, predictions.predicted), 1)
    return counts


def per_class(predictions: Predictions, class_names: tuple[str, ...]) -> pd.DataFrame:
    """Return precision, recall and F1 of each class, and its number of images; a share of nothing is 0."""
    counts = confusion(predictions, len(class_names))
    right, answered, images = counts.diagonal(), counts.sum(0), counts.sum(1)
    scores = {"precision": (right, answered), "recall": (right, images), "F1": (2 * right, answered + images)}
    shares = {name: part / np.maximum(whole, 1) for name, (part, whole) in scores.items()}
    return pd.DataFrame({"class": class_names, **shares, "images": images})
