"""Ended runs without training: curves and answers as a network of some quality would give them, on real images, with the real verdict."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import data
from core.diagnosis import Observations, diagnose
from core.evaluation import Evaluation, Predictions
from core.experiment import DataSpec, DrawnDials, Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore

SHAPES = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=200, n_classes=4, difficulty=0.1))


@dataclass(frozen=True)
class Made:
    """How good a made run is at its end: shares of right answers, and by how many nats its validation loss rises after its lowest point."""

    train: float = 0.95
    validation: float = 0.85
    rise: float = 0.0


def curves(made: Made, epochs: int) -> pd.DataFrame:
    """Return the history of a run that ends at these figures."""
    at = np.arange(1, epochs + 1)
    learnt = 1 - np.exp(-at / (epochs / 4))
    after = np.maximum(at - epochs / 2, 0) / (epochs / 2)
    train, validation = 0.25 + (made.train - 0.25) * learnt, 0.25 + (made.validation - 0.25) * learnt
    columns = {"accuracy": train - 0.03, "clean_accuracy": train, "val_accuracy": validation}
    losses = {k.replace("accuracy", "loss"): 1.4 * (1 - v) + 0.05 for k, v in columns.items()}
    losses["val_loss"] = losses["val_loss"] + made.rise * after
    return pd.DataFrame({"epoch": at, **columns, **losses, "learning_rate": 1e-3, "seconds": 0.1})


def answers(split: data.Split, n_classes: int, right: float, seed: int) -> Predictions:
    """Return predictions of which this share is right; which images are hard is the same for every seed but a few."""
    n = len(split.labels)
    order = np.random.default_rng(0).permutation(n).argsort() + np.random.default_rng([seed, 1]).normal(0, n / 25, n)
    correct = order.argsort().argsort() < round(right * n)
    chosen = np.where(correct, split.labels, (split.labels + 1) % n_classes)
    probabilities = np.full((n, n_classes), 0.2 / n_classes, np.float32)
    probabilities[np.arange(n), chosen] += 0.8
    return Predictions(split.labels, probabilities, split.names, split.indices)


def put(store: RunStore, experiment: Experiment, made: Made, *, seed: int = 0, **more) -> str:
    """Put an ended run into the store and return its id."""
    dataset = data.load(experiment.data, experiment.backbone.size)
    n = len(dataset.class_names)
    shares = {"train": made.train, "validation": made.validation, "test": made.validation - 0.02}
    evaluation = Evaluation(
        dataset.class_names,
        {k: answers(s, n, shares[k], seed + i) for i, (k, s) in enumerate(dataset.splits.items())},
    )
    history = curves(made, experiment.training.epochs)
    probes = {f"n_{k}": len(s) for k, s in dataset.splits.items()} | {"n_classes": n}
    run_id = store.create(experiment, status="running", **more)
    store.log_epochs(run_id, history.to_dict("records"))
    diagnosis = diagnose(Observations(history, experiment, evaluation, probes))
    store.save_results(run_id, evaluation, diagnosis, probes, {"seconds": {"training": 1.2}, "plain_seconds": 9.0, "text": "", "reused": False, "images_computed": 0, "megabytes": 0.0})  # fmt: skip
    store.finish(run_id, "finished")
    return run_id


def pair(store: RunStore, before: Made = Made(0.62, 0.6), after: Made = Made(0.97, 0.88), **more) -> tuple[str, str]:
    """Put two runs on the same images into the store, all frozen and the last 4 layers thawed."""
    x = Experiment(data=SHAPES, training=TrainingSpec(epochs=12)).replace(backbone={"size": 96})
    first = put(store, x, before, seed=1, name="all frozen", **more)
    thawed = x.replace(freeze=FreezeSpec.last(4))
    return first, put(store, thawed, after, seed=5, name="last 4 thawed", baseline_id=first, **more)
