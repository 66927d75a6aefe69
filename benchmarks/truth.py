"""What is true of a run, as measured on all images that it was neither trained nor judged on, and by training it on."""

from dataclasses import dataclass

import numpy as np

LOST = GAINED = 0.10  # nats that training on has cost, or that twice the epochs would have brought
GAP = 0.12  # training minus true accuracy
LEARNT, KNOWN, BY_HEART = 0.72, 0.5, 0.9  # of the way from chance to perfect on its own training images
UNSURE = 0.3  # nats by which another sensible setting is better: right as often, but held back from being sure
POSSIBLE = 0.08  # accuracy that another sensible setting of the same images reaches more
SWINGS = (
    0.06  # accuracy on new images goes up and down so much (standard deviation around a line, second half of the run)
)
WORSE_THAN_GUESSING = 2.0  # at the end, with little learnt,
SHOT_UP = 3.5  # or so many times guessing after the first epoch: the weights ran away
VERDICTS = ("good_fit", "underfitting", "overfitting", "still_improving", "unstable")


@dataclass(frozen=True)
class Truth:
    """Figures on at least 400 images that nothing else saw.

    Attributes
    ----------
    n, chance
        Number of those images, accuracy of always naming the largest class.
    train_accuracy, accuracy, nats
        Of the model that is kept: on its training images, on new ones, and its mean loss there without penalties.
    curve, accuracies
        Loss and accuracy on new images after each epoch.
    longer
        Loss there after further epochs, two columns: epoch, loss.
    plain_nats
        The kept model's loss without label smoothing, which ``nats`` and ``curve`` have in them where the run has.
    """

    n: int
    chance: float
    train_accuracy: float
    accuracy: float
    nats: float
    curve: np.ndarray
    accuracies: np.ndarray
    longer: np.ndarray
    classes: int
    broken: bool
    plain_nats: float = float("nan")

    @property
    def gap(self) -> float:
        """Training accuracy minus that on new images."""
        return self.train_accuracy - self.accuracy

    @property
    def learnt(self) -> float:
        """Training accuracy from 0 (chance) to 1 (all)."""
        return (self.train_accuracy - self.chance) / max(1 - self.chance, 1e-9)

    @property
    def best_epoch(self) -> int:
        """Epoch with the lowest loss on new images."""
        return int(np.nanargmin(self.curve)) + 1

    @property
    def lost(self) -> float:
        """Nats by which the kept model is worse than the best epoch of its run."""
        return float(self.nats - np.nanmin(self.curve))

    @property
    def gained(self) -> float:
        """Nats that twice the epochs would have brought; negative where they cost."""
        twice = self.longer[self.longer[:, 0] <= 2 * len(self.curve), 1]
        return float(self.nats - np.nanmin(twice)) if len(twice) else 0.0

    @property
    def swings(self) -> float:
        """Standard deviation of the accuracy on new images around a straight line, second half of the run."""
        tail = self.accuracies[len(self.accuracies) // 2 :]
        if len(tail) < 4:
            return 0.0
        x = np.arange(len(tail))
        return float(np.std(tail - np.polyval(np.polyfit(x, tail, 1), x)))

    def verdict(self, possible: float, possible_nats: float = np.inf) -> str:
        """Return the true class, given the best accuracy and loss on new images that sensible settings reach with the same images."""
        guessing = np.log(self.classes)
        runaway = self.curve[-1] > WORSE_THAN_GUESSING * guessing and self.learnt < KNOWN
        runaway = runaway or self.curve[0] > SHOT_UP * guessing
        if self.broken or runaway or self.swings > SWINGS:
            return "unstable"
        unsure = self.plain_nats - possible_nats >= UNSURE
        improving, behind = self.gained >= GAINED, unsure or possible - self.accuracy >= POSSIBLE
        if self.learnt < KNOWN:
            return "still_improving" if improving else "underfitting"
        if self.lost >= LOST or (self.gap >= GAP and self.learnt >= BY_HEART):
            return "overfitting"
        if improving:
            return "still_improving"
        if self.gap >= GAP:
            return "overfitting"
        return "underfitting" if self.learnt < LEARNT or behind else "good_fit"

    @property
    def clearly_well(self) -> bool:
        """Whether nobody could call it overfitting: a gap of 8 points or less and no loss lost."""
        return self.gap <= 0.08 and self.lost < 0.03
