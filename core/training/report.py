"""What the frontier saved a run, and what the run taught about this machine's speed."""

from dataclasses import asdict

import numpy as np

from core.training import costs
from core.training.inputs import Inputs
from core.training.measuring import Measuring

SMALL_TAIL = 0.02  # below it a step's time is overhead, not arithmetic


def report(measuring: Measuring, seconds: dict[str, float], epochs: int) -> dict:
    """Say what the frontier saved, in figures measured during this run.

    Parameters
    ----------
    measuring
        Network and images.
    seconds
        What each part of the run took.
    epochs
        How many epochs were trained.
    """
    line, inputs, dataset = measuring.program.frontier, measuring.inputs, measuring.dataset
    x, kept = measuring.program.experiment, measuring.inputs.kept
    cost = costs.estimate(x, len(dataset.train), len(dataset.validation))
    return {
        "text": line.text,
        "cut": list(line.cut),
        "tail_share": line.tail_share,
        "reused": bool(kept) and all(a.reused for a in kept),
        "megabytes": sum(a.megabytes for a in kept),
        "images_computed": inputs.computed,
        "seconds": {k: round(v, 3) for k, v in seconds.items()},
        "plain_seconds": cost.plain * epochs / x.training.epochs,
        "costs": asdict(cost),
    }


def remember_features(inputs: Inputs, seconds: float) -> None:
    """Keep how fast images went through the frozen part."""
    line = inputs.program.frontier
    if inputs.computed and line.cached:
        costs.remember(inference=inputs.computed * line.prefix_flops / seconds)


def remember_steps(inputs: Inputs, seconds: list[float]) -> None:
    """Keep how fast training steps were, given the seconds a step in each epoch."""
    line, steady = inputs.program.frontier, seconds[1:]  # the first epoch may have compiled
    if not steady:
        return
    step = float(np.median(steady))
    if line.tail_share > SMALL_TAIL:
        batch = min(inputs.program.experiment.training.batch_size, len(inputs.train))
        costs.remember(training=costs.FORWARD_AND_BACKWARD * line.tail_flops * batch / step)
    else:
        costs.remember(step_overhead=step)
