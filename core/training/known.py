"""Which frozen features lie on disk already, by the Experiment that needs them. No TensorFlow, so that pages may ask."""

from core import durable, paths
from core.experiment import Experiment
from core.network.layers import layer_table, thawed_with_weights
from core.training import activations


def name(experiment: Experiment) -> str:
    """Return digits that are the same for all Experiments whose frozen part computes the same from the same images."""
    learning = thawed_with_weights(layer_table(experiment.backbone), experiment.freeze)
    views = experiment.augmentation if experiment.augmentation.active else None
    is_seeded = views is not None or experiment.backbone.weights == "random"
    return activations.key_of(
        experiment.data.model_dump(mode="json"),
        experiment.backbone.model_dump(mode="json"),
        learning[0].index if learning else experiment.head.pooling,
        views.model_dump(mode="json") if views else "",
        experiment.training.seed if is_seeded else 0,
        experiment.training.mixed_precision,
    )


def note(experiment: Experiment, keys: list[str]) -> None:
    """Keep under which keys an Experiment's features lie."""
    durable.offer_json(paths.subdir("cache") / "features" / f"{name(experiment)}.json", keys)


def are_ready(experiment: Experiment) -> bool:
    """Return whether all frozen features that an Experiment needs were computed and are still there."""
    keys = durable.read_json(paths.subdir("cache") / "features" / f"{name(experiment)}.json")
    return isinstance(keys, list) and bool(keys) and all(activations.is_there(key) for key in keys)
