"""Carries out a drawn run and measures what is true of it on images that nothing else sees."""

import numpy as np

from benchmarks import draws, spoil
from benchmarks.draws import Draw
from benchmarks.truth import Truth
from core.data import Dataset, Split, health
from core.diagnosis import Observations
from core.statistics import cross_entropy
from core.training import folds, trainer
from core.training.activations import Activations
from core.training.events import Events, Silent
from core.training.inputs import FeaturesOf, activations_of
from core.training.program import Program

SHARPENED = 70  # validation images of the runs that are judged a second time after training on folds
TIMES = 3  # a run is continued to so many times its epochs


class Watched(trainer.Loop):
    """Epochs after each of which the images that nothing else sees are looked at, too; they can be carried on."""

    def __init__(self, *arguments: object):
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.test: list[tuple[float, float]] = []

    def _epoch(self, epoch: int) -> dict[str, float] | None:
        row = super()._epoch(epoch)
        self.test.append(self._new_images())
        return row

    def _new_images(self) -> tuple[float, float]:
        """Return loss without penalties and accuracy on the images that nothing else sees."""
        split = self.measuring.dataset.test
        seen = self.measuring.see("test", np.arange(len(split)))
        self.measuring.seen["test"] = seen
        return nats(seen.probabilities, split.labels, self.settings.label_smoothing), float(
            (seen.probabilities.argmax(1) == split.labels).mean()
        )

    def train_on(self) -> np.ndarray:
        """Train to three times the epochs from where the run ended; return epochs and losses on new images, shape (n, 2)."""
        first, last = self.settings.epochs, TIMES * self.settings.epochs
        every, found = max(1, first // 12), []
        for epoch in range(first + 1, last + 1):
            self.steps.take(epoch)
            if epoch % every == 0 or epoch == last:
                found.append((epoch, self._new_images()[0]))
                if not np.isfinite(found[-1][1]):
                    break
        return np.array(found).reshape(-1, 2)


def _from_all(everything: Split) -> FeaturesOf:
    """Return what looks frozen features up among those of all images of a source, so that they are computed once."""

    def look_up(program: Program, split: Split, view: int | None, events: Events) -> Activations:
        if view is not None or split.source is not everything.source or not program.frontier.cached:
            return activations_of(program, split, view, events)
        known = activations_of(program, everything, None, events)
        return Activations(tuple(np.asarray(a[split.indices]) for a in known.arrays), known.reused)

    return look_up


def nats(probabilities: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> float:
    """Return the mean loss without penalties; infinite where an answer is not finite."""
    finite = np.isfinite(probabilities).all()
    return float(cross_entropy(probabilities, labels, smoothing).mean()) if finite else float("inf")


_notes: dict[tuple, tuple] = {}


def make(run: Draw) -> tuple[Observations, Truth, Observations | None]:
    """Carry out a run; return what a diagnosis may see, what is true, and what it may see after "make sure", where 70 images validate it."""
    dataset = draws.images_of(run)
    features = _from_all(draws.everything(run.source, run.experiment.backbone.size))
    outcome, watched = trainer.follow(run.experiment, dataset, Silent(), features, Watched)
    test = outcome.evaluation.splits["test"]
    kept = {k: v for k, v in outcome.evaluation.splits.items() if k != "test"}
    key = (run.cut, run.source.source, str(run.source.drawn), run.name if run.change else "")
    if key not in _notes:
        _notes[key] = tuple(health.check(spoil.without_test(dataset)))
    seen = Observations(outcome.history, run.experiment, type(outcome.evaluation)(outcome.evaluation.class_names, kept), outcome.probes, _notes[key])  # fmt: skip
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    curve, accuracies = np.array(watched.test).T
    broken = not np.isfinite(outcome.history["loss"].to_numpy()).all()
    longer = np.zeros((0, 2)) if broken else watched.train_on()
    smoothing, chance = run.experiment.training.label_smoothing, counts.max() / counts.sum()
    truth = Truth(len(test.labels), chance, kept["train"].accuracy, test.accuracy, nats(test.probabilities, test.labels, smoothing), curve, accuracies, longer, len(counts), broken, nats(test.probabilities, test.labels))  # fmt: skip
    sharpened = _made_sure(run, dataset, seen, features) if run.cut.validation == SHARPENED and not broken else None
    return seen, truth, sharpened


def _made_sure(run: Draw, dataset: Dataset, seen: Observations, features: FeaturesOf) -> Observations:
    outcome = folds.train(run.experiment, dataset, features=features)
    return Observations(outcome.history, run.experiment, outcome.evaluation, outcome.probes, seen.health)
