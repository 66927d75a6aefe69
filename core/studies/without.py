"""Really without these pictures: the same training again, with and without them, seed by seed."""

from dataclasses import replace

import numpy as np

from core import data
from core.comparison import Comparison, compare_seeds
from core.data import Dataset
from core.engine import Engine
from core.engine.execute import network
from core.evaluation import Predictions
from core.experiment import Experiment, content_hash

SEEDS = 5


def retrained(engine: Engine, experiment: Experiment, rows: list[int], seeds: int = SEEDS, *, timeout: float = 900.0) -> Comparison:  # fmt: skip
    """Return how the validation answers differ when some training pictures are left out, over common seeds.

    Parameters
    ----------
    engine
        Asks a worker; the call waits for the run that it is at.
    experiment
        What is trained; its split stays.
    rows
        Positions in the training split of the pictures to leave out.
    seeds
        Pairs of trainings, at least 2.
    timeout
        Longest wait, seconds.

    Returns
    -------
    Comparison
        Without the pictures minus with them.

    Raises
    ------
    EngineError
        When no worker answers in time.
    DataError
        When the images are gone.
    """
    pairs = engine.call(_pairs, experiment.to_json(), rows, seeds, timeout=timeout, trains=True)
    return compare_seeds(pairs)


def _pairs(experiment_json: str, rows: list[int], seeds: int) -> list[tuple[Predictions, Predictions]]:
    """Return the validation answers with and without the pictures, a pair a seed; worker only."""
    x = Experiment.from_json(experiment_json)
    whole = data.load(x.data, x.backbone.size)
    return [(_answers(x, whole, seed), _answers(x, left_out(whole, rows), seed)) for seed in range(seeds)]


def left_out(dataset: Dataset, rows: list[int]) -> Dataset:
    """Return a data set without these training pictures; validation and test stay as they are."""
    train = dataset.train
    kept = np.setdiff1d(np.arange(len(train)), rows)
    named = content_hash(dataset.spec) + train.fingerprint + ",".join(map(str, sorted(rows)))
    fewer = replace(
        train,
        indices=train.indices[kept],
        labels=train.labels[kept],
        names=tuple(train.names[i] for i in kept),
        fingerprint=named,
    )
    return replace(dataset, train=fewer)


def _answers(experiment: Experiment, dataset: Dataset, seed: int) -> Predictions:
    with network:
        from core.training import trainer

        seeded = experiment.replace(training=experiment.training.replace(seed=seed))
        return trainer.train(seeded, dataset).evaluation.splits["validation"]
