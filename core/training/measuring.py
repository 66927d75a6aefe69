"""What the network shows of the images in inference mode: after each epoch, and at the end."""

import math

import numpy as np

from core.data import Dataset
from core.evaluation import Evaluation, Predictions
from core.statistics import cross_entropy
from core.training.inputs import Inputs
from core.training.program import IN_CACHE, Program, Seen

INFERENCE_BATCH = 64
CLEAN_SAMPLE = 400  # training images of the clean curve where a pass through the tail is expensive
PROBE_IMAGES = 400


class Measuring:
    """Looks at the network's answers, and remembers the last look at each split.

    Attributes
    ----------
    clean_rows
        Training images of the clean curve: all, or a fixed sample where a pass through the tail is expensive.
    seen
        What the last look at each split showed.
    """

    def __init__(self, program: Program, inputs: Inputs, dataset: Dataset):
        self.program, self.inputs, self.dataset = program, inputs, dataset
        self.targets = np.eye(len(dataset.class_names), dtype=np.float32)
        self.clean_rows = _clean_rows(program, len(dataset.train), len(dataset.validation))
        self.seen: dict[str, Seen] = {}

    def epoch(self) -> dict[str, float]:
        """Return loss and accuracy of the clean training images and of the validation images."""
        return self._figures("clean", "train", self.clean_rows) | self._figures(
            "val", "validation", np.arange(len(self.dataset.validation))
        )

    def of_all_training_images(self) -> dict[str, float]:
        """Return loss and accuracy of every training image; forgets nothing of the last look at the sample."""
        known = self.seen.get("train")
        figures = self._figures("clean", "train", np.arange(len(self.dataset.train)))
        if known is not None:
            self.seen["train"] = known
        return figures

    def validation_losses(self) -> np.ndarray:
        """Return each validation image's cross-entropy at the last look, without penalties, shape (n,)."""
        smoothing = self.program.experiment.training.label_smoothing
        return cross_entropy(self.seen["validation"].probabilities, self.dataset.validation.labels, smoothing)

    def evaluation(self) -> Evaluation:
        """Return the predictions for every image: those of the last look, and what it left out."""
        made = {}
        for name, split in self.dataset.splits.items():
            known = self.seen.get(name)
            if known is None or len(known.losses) < len(split):
                known = self.see(name, np.arange(len(split)))
            made[name] = Predictions(split.labels, known.probabilities, split.names, split.indices)
        return Evaluation(self.dataset.class_names, made)

    def see(self, name: str, rows: np.ndarray) -> Seen:
        """Return what the network shows of some images of a split; features and hidden units of a sample of the training images."""
        inputs, labels = self.inputs.splits[name], self.dataset.splits[name].labels
        size = IN_CACHE if self.program.frontier.tail_share > 0.5 else INFERENCE_BATCH
        sample, parts = sampled(len(rows) if name == "train" else 0), []
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            seen = self.program.see(inputs.rows(part), self.targets[labels[part]])
            keep = sample[(sample >= start) & (sample < start + size)] - start
            parts.append(seen._replace(features=seen.features[keep], hidden=seen.hidden[keep]))
        if not parts:
            empty = np.zeros((0, len(self.targets)), np.float32)
            return Seen(empty, empty[:, 0], empty, empty)
        return Seen(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _figures(self, prefix: str, name: str, rows: np.ndarray) -> dict[str, float]:
        """Return loss and accuracy as ``model.evaluate`` gives them; NaN without images."""
        seen, labels = self.see(name, rows), self.dataset.splits[name].labels[rows]
        self.seen[name] = seen
        if not len(rows):
            return {f"{prefix}_loss": math.nan, f"{prefix}_accuracy": math.nan}
        right = float((seen.probabilities.argmax(1) == labels).mean())
        return {f"{prefix}_loss": float(seen.losses.mean(dtype=np.float64)), f"{prefix}_accuracy": right}


def sampled(n: int) -> np.ndarray:
    """Return evenly spaced positions, at most 400: images may come in order of their classes."""
    return np.linspace(0, n - 1, min(PROBE_IMAGES, n)).astype(int)


def _clean_rows(program: Program, n_train: int, n_validation: int) -> np.ndarray:
    cheap = program.frontier.tail_share < 0.5
    limit = max(CLEAN_SAMPLE, n_validation) if cheap else n_validation
    if program.frontier.tail_flops == 0 or n_train <= limit:
        return np.arange(n_train)
    return np.sort(np.random.default_rng(0).permutation(n_train)[:limit])
