"""Computes frozen features before anybody asks for them: what the present settings need, then what is often tried next.

Runs in a worker that has nothing else to do, on a network of its own, so that a run which begins meanwhile need not wait for it.
"""

import math

from core.data import Dataset
from core.experiment import Experiment, FreezeSpec
from core.network import backbone
from core.training import activations, known
from core.training.events import Silent, Stopped
from core.training.inputs import at_frontier
from core.training.program import Program
from core.training.shared_backbone import Backbone

COMMON = (0, 4, 20, 38)  # last layers thawed: what the tutorial, the slider's marks and the demonstrations use


def compute(experiment: Experiment, dataset: Dataset, events: Silent) -> bool:
    """Compute the features of an Experiment and of its neighbours that are not known yet.

    Parameters
    ----------
    experiment
        The present settings.
    dataset
        Its images.
    events
        Is asked after every eighth image whether somebody wants the processor.

    Returns
    -------
    bool
        Whether all is done; False when somebody wanted the processor before.
    """
    if events.stop_requested():  # reading the images has taken a while
        return False
    base = backbone.build(experiment.backbone, experiment.training.seed)
    own = Backbone(base, base.get_weights())
    try:
        for wanted in (experiment, *neighbours(experiment)):
            if known.are_ready(wanted):
                continue
            program = Program(wanted, len(dataset.class_names), own)
            if program.frontier.cached and (wanted is experiment or _fits(program, dataset)):
                at_frontier(program, dataset, events)
    except Stopped:
        return False
    return True


def neighbours(experiment: Experiment) -> list[Experiment]:
    """Return what is often tried next: the common cuts, without augmentation's views, which cost as much again each."""
    plain = experiment.replace(augmentation=experiment.augmentation.replace(steps=()))
    masks = [FreezeSpec.last(n, lock_batchnorm=experiment.freeze.lock_batchnorm) for n in COMMON]
    return [plain.replace(freeze=mask) for mask in masks]


def _fits(program: Program, dataset: Dataset) -> bool:
    """Return whether features fit beside those that are there, so that nothing in use is thrown away for a guess."""
    images = sum(len(split) for split in dataset.splits.values())
    return activations.has_room(4 * images * sum(map(math.prod, program.cut_shapes)))
