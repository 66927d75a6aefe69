"""What a remedy gained: answers before and after it, image by image, over all models that were trained either way."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.evaluation import Predictions

CONFIDENCE = 0.90  # of all intervals of a table together (Bonferroni)
LEAST_LOSS_GAIN = 0.01  # nats, 1% more probability for the right class: less may be sure and not be worth a change
MOST_ACCURACY_LOST = 0.005  # half a point: whoever is offered a lower loss should surely not pay more for it
UNLIKELY = 0.1  # a chance to become sure below which no further model is trained
MOST_NATS = 7.0  # of one image, so that no single one decides

Pair = tuple[Predictions, Predictions]  # answers before and after on the same images, of one model each


@dataclass(frozen=True)
class Gain:
    """How a remedy changed the figures of images that the models did not see, with simultaneous intervals.

    Attributes
    ----------
    gain, low, high
        Of accuracy, as shares.
    loss_gain, loss_low, loss_high
        Fall of the loss, in nats.
    models, images
        How many pairs of models judged how many images.
    """

    gain: float
    low: float
    high: float
    loss_gain: float
    loss_low: float
    loss_high: float
    models: int
    images: int = 0

    @property
    def recommended(self) -> bool:
        """Whether it surely helps: in accuracy without costing loss, or in loss while accuracy surely stays.

        Of remedies that surely lowered the loss, and of which the validation images could not tell whether the accuracy fell, a third
        made it fall on the test images, and the mean gained nothing (``docs/diagnosis.md``).
        """
        accuracy_helps = self.low > 0 and self.loss_high > 0
        accuracy_stays = self.low > -MOST_ACCURACY_LOST and self.gain >= 0
        return self.models >= 2 and (accuracy_helps or (self._loss_helps and accuracy_stays))

    @property
    def only_surer(self) -> bool:
        """Whether it surely lowers the loss, while nobody can tell from these images what the accuracy does."""
        return self.models >= 2 and self._loss_helps and self.high > 0 and not self.recommended

    @property
    def _loss_helps(self) -> bool:
        return self.loss_low > LEAST_LOSS_GAIN


def pairs_of(before: Predictions, after: Predictions, sizes: Sequence[int]) -> list[Pair]:
    """Return the answers on the images that both judged, a pair for each model of ``after``.

    Parameters
    ----------
    before, after
        Answers; of ``after`` the first ``sizes[0]`` are of one model, the next ``sizes[1]`` of another, and so on.
    sizes
        Numbers of images.
    """
    ends = np.cumsum(sizes)
    parts = [np.arange(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    found = [(np.intersect1d(before.rows, after.rows[part], return_indices=True), part) for part in parts]
    return [(_at(before, at), _at(after, part[within])) for (rows, at, within), part in found if len(rows)]


def _at(p: Predictions, at: np.ndarray) -> Predictions:
    return Predictions(p.labels[at], p.probabilities[at], tuple(p.names[i] for i in at), p.rows[at])


def measure(pairs: Sequence[Pair], n_remedies: int = 1) -> Gain:
    """Return how the second of each pair of answers differs from the first, image by image.

    Parameters
    ----------
    pairs
        (before, after) on the same images, a pair a model; different pairs may be about the same images or about others.
    n_remedies
        Number of remedies looked at, for a simultaneous interval (Bonferroni).

    Notes
    -----
    Where all models judged all images, the variance between images (of their mean over models) and between models add up: Bouthillier
    et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021. Where each judged a part, the variance between models
    holds that between images already, so the larger of the two is taken.
    """
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / max(n_remedies, 1))
    rows = [a.rows for a, _ in pairs]
    (gain, error), (loss_gain, loss_error) = (_mean_and_error(d, rows) for d in _differences(pairs))
    return Gain(
        gain,
        gain - z * error,
        gain + z * error,
        loss_gain,
        loss_gain - z * loss_error,
        loss_gain + z * loss_error,
        len(pairs),
        len(np.unique(np.concatenate(rows))),
    )


def hopeless(pairs: Sequence[Pair], of: int, n_remedies: int = 1) -> bool:
    """Tell whether the models still to come are unlikely to make it sure that a remedy helps.

    Parameters
    ----------
    pairs
        (before, after) of the models so far.
    of
        Number of models in the end.
    n_remedies
        As for :func:`measure`.

    Notes
    -----
    Predictive power below ``UNLIKELY``, in accuracy and in loss: Spiegelhalter, Freedman and Blackburn, "Monitoring clinical trials:
    conditional or predictive power?", Controlled Clinical Trials 1986.
    """
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / max(n_remedies, 1))
    so_far, rows = len(pairs) / of, [a.rows for a, _ in pairs]
    return so_far < 1 and all(
        _chance(*_mean_and_error(d, rows), bound, z, so_far) < UNLIKELY
        for d, bound in zip(_differences(pairs), (0.0, LEAST_LOSS_GAIN), strict=True)
    )


def _chance(mean: float, error: float, bound: float, z: float, so_far: float) -> float:
    """Return the probability that the lower end of the final interval lies above ``bound``."""
    if not error or not math.isfinite(error):
        return float(mean > bound or not math.isfinite(error))
    needed = bound + z * error * math.sqrt(so_far)
    return 1 - NormalDist(mean, error * math.sqrt(1 - so_far)).cdf(needed)


def _differences(pairs: Sequence[Pair]) -> Iterator[list[np.ndarray]]:
    """Yield what each pair gained in accuracy, and then in loss, image by image."""
    yield [(b.predicted == b.labels) * 1.0 - (a.predicted == a.labels) for a, b in pairs]
    yield [nats(a) - nats(b) for a, b in pairs]


def nats(predictions: Predictions) -> np.ndarray:
    """Return the cross-entropy of each image, at most ``MOST_NATS``."""
    true = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    return np.minimum(-np.log(np.maximum(true, 1e-12)), MOST_NATS)


def _mean_and_error(differences: list[np.ndarray], rows: list[np.ndarray]) -> tuple[float, float]:
    """Return mean and standard error of differences, a list of arrays of shape (n_images,), one a model, about the images ``rows``."""
    _, image = np.unique(np.concatenate(rows), return_inverse=True)
    every = np.concatenate(differences)
    of_images = np.bincount(image, every) / np.bincount(image)
    of_models = np.array([d.mean() for d in differences])
    between_images, between_models = _error(of_images, math.inf), _error(of_models, 0.0)
    share_images = all(len(r) == len(of_images) for r in rows)
    error = math.hypot(between_images, between_models) if share_images else max(between_images, between_models)
    return float(every.mean()), error


def _error(values: np.ndarray, alone: float) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else alone
