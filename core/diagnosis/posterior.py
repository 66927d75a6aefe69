"""How probable each verdict is: counts, paired losses and slopes, each with its uncertainty, put together by one small tree.

Needs the accuracies on training and on a known number of validation images; what bare curves say is in :mod:`core.diagnosis.verdict`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.diagnosis.evidence import EXPLODED, Evidence
from core.statistics import fall_of_a_doubling

# What a verdict means; the benchmark measures the same on many images. Where the numbers below come from is said in docs/diagnosis.md.
GAP, NATS = (
    0.12,
    0.10,
)  # accuracy that training images have more; loss that training on costs, or that twice the epochs bring
KNOWN, LEARNT, BY_HEART = 0.5, 0.72, 0.9  # of the way from chance to perfect on its own training images
BATCHNORM, OSCILLATION, SWINGS = 0.06, 0.25, 0.06

PRIOR_GAP, PRIOR_WEIGHT = 0.08, 6.0  # what new runs have on average, and how many validation images that is worth
# Of what the last doubling of the epochs took off the loss the next one takes off so much, by how much is learnt (little where nothing helps, little
# where nothing is left); after EarlyStopping a third of that;
AFTER_LEARNT, AFTER = (0.3, 0.6, 0.9, 1.0), (0.5, 0.9, 0.65, 0.3)
AFTER_STOPPING = 0.33
AFTER_SPREAD = 0.4  # give or take this share of it,
NOISE = 0.03  # and this many nats, whatever was measured
BEHIND, BEHIND_EXPLAINED = (
    0.08,
    0.5,
)  # that other settings reach 8 points more: usually, and where the settings explain why
BETTER = 0.08  # accuracy on new images
UNDERCONFIDENT = 0.22  # right so much more often than it believes, a model was held back
SOFT = 0.02  # borders of what is counted, not estimated, are so wide that a single image decides nothing


def normal(z: float) -> float:
    """Return the normal distribution function."""
    from scipy.special import ndtr

    return float(ndtr(z))


def step(value: float, border: float, width: float = SOFT) -> float:
    """Return how surely a value lies above a border whose place is known to ``width``."""
    return normal((value - border) / width)


@dataclass(frozen=True)
class Beliefs:
    """What is believed about a run with known accuracies; each a probability.

    Parameters
    ----------
    e
        Its evidence: accuracies on training images and on ``n_val`` validation images.
    held_back
        Whether a rule finds a strong cause of underfitting.
    """

    e: Evidence
    held_back: bool = False

    @cached_property
    def validation(self) -> tuple[float, float]:
        """The parameters of the Beta distribution of the accuracy on new images.

        Copies of training images among the validation images are taken out: they say nothing about new ones.
        """
        n, accuracy, train = float(self.e.n_val or 0), self.e.val_accuracy or 0.0, self.e.train_accuracy or 0.0
        note = self.e.note("duplicates_validation")
        copies = min(float(note.numbers.get("n", 0)), n) if note is not None else 0.0
        right = float(np.clip(accuracy * n - copies * train, 0.0, n - copies))
        usual = float(np.clip(train - PRIOR_GAP, min(self.e.chance, 0.9), 0.97))
        return PRIOR_WEIGHT * usual + right, PRIOR_WEIGHT * (1 - usual) + n - copies - right

    @cached_property
    def gap_interval(self) -> tuple[float, float]:
        """The 90% interval of the gap between training images and new ones."""
        from scipy.special import betaincinv

        low, high = (float(betaincinv(*self.validation, q)) for q in (0.05, 0.95))
        return (self.e.train_accuracy or 0.0) - high, (self.e.train_accuracy or 0.0) - low

    @cached_property
    def wide_gap(self) -> float:
        """That the gap to new images is 12 points or more."""
        from scipy.special import betainc

        return float(betainc(*self.validation, np.clip((self.e.train_accuracy or 0.0) - GAP, 0.0, 1.0)))

    @cached_property
    def paired(self) -> dict[str, float]:
        """What the losses of the same validation images did over the epochs (:class:`core.training.paired.LossPaths`)."""
        known = self.e.probes.get("validation_paired") or {}
        return known if all(np.isfinite(v) for v in known.values()) else {}

    @cached_property
    def lost(self) -> float:
        """That the model that is kept is worse by 0.10 nats than the best epoch of its run."""
        if self.e.restored or self.e.val_loss is None:
            return 0.01
        rise = self.paired.get("rise", self.e.rise)
        error = self.paired.get("rise_error", self._error_of_a_mean(rise))
        return normal((rise - NATS) / np.hypot(error, NOISE))

    @cached_property
    def improving(self) -> float:
        """That twice the epochs would take 0.10 nats off the loss on new images."""
        e = self.e
        if e.val_loss is None:
            return 0.01
        last = self.paired.get("doubling", self._last_doubling)
        error = self.paired.get("doubling_error", self._error_of_a_mean(last))
        share = float(np.interp(e.learnt or 0.0, AFTER_LEARNT, AFTER)) * (
            AFTER_STOPPING if self._stopped_early else 1.0
        )
        spread = np.sqrt((share * error) ** 2 + (AFTER_SPREAD * share * last) ** 2 + NOISE**2)
        return normal((share * last - NATS) / spread)

    @property
    def _last_doubling(self) -> float:
        curve = self.e.val_loss[np.isfinite(self.e.val_loss)] if self.e.val_loss is not None else np.zeros(0)
        return float(fall_of_a_doubling(curve[:, None])[0]) if len(curve) >= 3 else 0.0

    @property
    def _stopped_early(self) -> bool:
        """Whether EarlyStopping ended the run because nothing better came."""
        x = self.e.experiment
        return x is not None and x.training.early_stopping is not None and self.e.n_epochs < x.training.epochs

    def _error_of_a_mean(self, change: float) -> float:
        """Return the usual standard error of a change of the mean loss where single images' losses are not known: they differ by as much as it changes, and more."""
        return (abs(change) + 0.3) / np.sqrt(max(self.e.n_val or 1, 1))

    @cached_property
    def unstable(self) -> float:
        """That training went wrong rather than too far or not far enough."""
        e = self.e
        gap = (e.probes.get("batchnorm_gap") or {}).get("accuracy")
        return max(
            0.95 if e.exploded else 0.0,
            0.95 * step(gap, BATCHNORM) if gap is not None else 0.0,
            0.9 * step(e.train_oscillation, OSCILLATION, 0.04) if e.n_epochs >= 6 else 0.0,
            0.9 * step(np.log(self.peak), np.log(EXPLODED), 0.2),
            0.9 * step(self.swings, SWINGS + 0.25 / np.sqrt(e.n_val or 1), 0.015),
        )

    @cached_property
    def peak(self) -> float:
        """The highest training loss over that of guessing; 1 where a weight penalty is in it, or it is not known."""
        e = self.e
        head = e.experiment.head if e.experiment is not None else None
        penalised = head is not None and bool(head.output_l2 or any(getattr(layer, "l2", 0) for layer in head.layers))
        if e.train_loss is None or not e.n_classes or e.n_classes < 2 or penalised:
            return 1.0
        return max(1.0, float(np.nanmax(e.train_loss)) / float(np.log(e.n_classes)))

    @cached_property
    def swings(self) -> float:
        """Standard deviation of the validation accuracy around a straight line over the second half of the run."""
        curve = self.e.column("val_accuracy")
        tail = curve[len(curve) // 2 :] if curve is not None else np.zeros(0)
        tail = tail[np.isfinite(tail)]
        if len(tail) < 4:
            return 0.0
        x = np.arange(len(tail))
        return float(np.std(tail - np.polyval(np.polyfit(x, tail, 1), x)))

    @cached_property
    def behind(self) -> float:
        """That other settings would do clearly better although the training images are learnt."""
        from scipy.special import betainc

        room = float(betainc(*self.validation, 1 - BETTER))
        doubts = step(self.e.underconfidence, UNDERCONFIDENT, 0.04)
        return max(room * BEHIND, room * BEHIND_EXPLAINED if self.held_back else 0.0, 0.9 * doubts)

    def probabilities(self) -> dict[str, float]:
        """Return the probability of each verdict but ``inconclusive``.

        Asked in the order in which one pattern can fake another, as in the benchmark's definition of the truth: does training work at all;
        are the training images known; was loss lost, or are they known by heart and new ones not; would training on help; is there a gap;
        could other settings do better.
        """
        learnt = self.e.learnt or 0.0
        known, enough, by_heart = (step(learnt, border) for border in (KNOWN, LEARNT, BY_HEART))
        at_once = 1 - (1 - self.lost) * (1 - by_heart * self.wide_gap)
        further = (1 - at_once) * self.improving
        settled = (1 - at_once) * (1 - self.improving)
        gap = settled * (1 - by_heart) * self.wide_gap
        rest = settled - gap
        short = 1 - enough * (1 - self.behind)
        works = 1 - self.unstable
        return {
            "good_fit": works * known * rest * (1 - short),
            "underfitting": works * (known * rest * short + (1 - known) * (1 - self.improving)),
            "overfitting": works * known * (at_once + gap),
            "still_improving": works * (known * further + (1 - known) * self.improving),
            "unstable": self.unstable,
        }
