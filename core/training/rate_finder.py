"""The learning-rate ramp: one run whose rate grows from step to step. Imports Keras, so only workers use it."""

import numpy as np

from core.data import Dataset
from core.experiment import Experiment
from core.training.events import Silent
from core.training.inputs import at_frontier
from core.training.program import program_for
from core.training.schedule import batch_order

N_STEPS, CHUNK = 80, 8
LOWEST, HIGHEST = 1e-6, 3.0
DIVERGED = 4.0  # times the lowest loss so far: what comes after teaches nothing


def ramp(experiment: Experiment, dataset: Dataset, n_steps: int = N_STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Return (rates, losses) of a run whose rate grows exponentially; ends early when the loss explodes.

    Parameters
    ----------
    experiment, dataset
        What to train; warm-up epochs, schedule and class weights are left out.
    n_steps
        Batches, each with its own rate from 1e-6 to 3.
    """
    program, labels = program_for(experiment, len(dataset.class_names)), dataset.train.labels
    inputs, n, seed = at_frontier(program, dataset, Silent()), len(dataset.train), experiment.training.seed
    program.set_warming_up(False)
    size, classes = min(experiment.training.batch_size, n), np.eye(len(dataset.class_names), dtype=np.float32)
    order = _order(seed, n, n_steps * size)
    views = np.random.default_rng(seed).integers(0, max(experiment.augmentation.views, 1), n)
    rates, losses = np.geomspace(LOWEST, HIGHEST, n_steps), np.zeros(0)
    for first in range(0, n_steps, CHUNK):
        rows, here = order[first * size : (first + CHUNK) * size], rates[first : first + CHUNK].tolist()
        ones = np.ones(len(rows), np.float32)
        made, _ = program.train_steps(inputs.batch(rows, views), classes[labels[rows]], ones, here, size)
        losses = np.concatenate([losses, made])
        if not np.isfinite(losses).all() or losses[-1] > DIVERGED * losses.min():
            break
    return rates[: len(losses)], losses


def _order(seed: int, n: int, length: int) -> np.ndarray:
    """Return ``length`` rows: whole epochs in their usual orders, one after the other."""
    epochs = -(-length // n)
    return np.concatenate([batch_order(seed, epoch, n) for epoch in range(1, epochs + 1)])[:length]
