"""How long a run will take: the network's arithmetic over the rates measured on this machine. No TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

from core import durable, paths
from core.experiment import Experiment
from core.network.layers import layer_table, multiply_adds, thawed_with_weights

FORWARD_AND_BACKWARD = 3  # a training step costs about three forward passes (Kaplan et al. 2020, section 2.1)


@dataclass(frozen=True)
class Rates:
    """Measured rates; the defaults are those of two ordinary cores, until something was measured.

    Attributes
    ----------
    inference, training
        Multiplications and additions a second in forward passes and in training steps.
    step_overhead
        Seconds a step costs besides arithmetic.
    """

    inference: float = 4e10
    training: float = 3e10
    step_overhead: float = 0.003


def _file() -> Path:
    return paths.subdir("cache") / "rates.json"


def rates() -> Rates:
    """Return the rates measured last on this machine."""
    try:
        return Rates(**(durable.read_json(_file()) or {}))
    except TypeError:  # of another version
        return Rates()


def remember(**measured: float) -> None:
    """Mix newly measured rates into the known ones, half and half."""
    old = rates()
    new = {k: 0.5 * v + 0.5 * measured.get(k, v) for k, v in old.__dict__.items()}
    durable.offer_json(_file(), new)


@dataclass(frozen=True)
class Cost:
    """Expected seconds: with the frozen part computed once (new or known), and with plain Keras."""

    first: float
    again: float
    plain: float


def estimate(experiment: Experiment, n_train: int, n_validation: int) -> Cost:
    """Return how long a run is expected to take, in seconds.

    Parameters
    ----------
    experiment
        What would be trained.
    n_train, n_validation
        Numbers of images.
    """
    table, known = layer_table(experiment.backbone), rates()
    flops = multiply_adds(table)
    learning = thawed_with_weights(table, experiment.freeze)
    cut = learning[0].index if learning else len(table)
    before, after = sum(flops[:cut]), sum(flops[cut:])
    training, augmented = experiment.training, bool(experiment.augmentation.active)
    fresh = augmented and experiment.augmentation.views == 0
    steps = training.epochs * -(-n_train // training.batch_size) * known.step_overhead
    images, checked = training.epochs * n_train, training.epochs * (n_validation + min(n_train, 400))
    loop = steps + images * FORWARD_AND_BACKWARD * after / known.training + checked * after / known.inference
    passes = n_train * (1 + (experiment.augmentation.views if augmented and not fresh else 0)) + 2 * n_validation
    once = passes * before / known.inference
    every = images * before / known.inference if fresh else 0.0
    whole = steps + images * (before / known.inference + FORWARD_AND_BACKWARD * after / known.training)
    plain = whole + training.epochs * n_validation * (before + after) / known.inference
    return Cost(once + every + loop, every + loop, plain)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``13 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
