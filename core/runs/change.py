"""What was changed from one run to the next, in the words that begin a sentence about it."""

from collections.abc import Sequence

from core.experiment import (
    N_LAYERS,
    AugmentationSpec,
    BackboneSpec,
    DataSpec,
    DropoutLayer,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
    differences,
)
from core.network.layers import last_thawed_count
from core.words import counted

TRAINING = {
    "epochs": "{} epochs instead of {}",
    "batch_size": "batches of {} instead of {}",
    "optimizer": "{} instead of {}",
    "learning_rate": "a learning rate of {:g} instead of {:g}",
    "schedule": "a {} learning rate instead of {}",
    "backbone_rate_factor": "{:g} times the rate for the thawed layers instead of {:g} times",
    "warmup_epochs": "{} head-first epochs instead of {}",
    "label_smoothing": "label smoothing of {:g} instead of {:g}",
    "weight_decay": "a weight decay of {:g} instead of {:g}",
    "seed": "seed {} instead of {}",
}
SWITCHES = {"class_weights": "class weights", "mixed_precision": "mixed precision"}
PACE = (
    "epochs",
    "learning_rate",
    "backbone_rate_factor",
)  # what a second stage has of its own, as every tutorial has it


def describe_change(before: Experiment, after: Experiment) -> str:
    """Return what differs as the subject of a sentence: "Thawing the last 4 layers", "Another head and 30 epochs instead of 3".

    Parameters
    ----------
    before, after
        Two Experiments; equal ones give "The same settings again".
    """
    goes_on = after.start == before
    parts = [
        *_start(before, after),
        *_data(before.data, after.data),
        *_backbone(before.backbone, after.backbone),
        *_freeze(before.freeze.replace(thawed=after.freeze.thawed) if goes_on else before.freeze, after.freeze),
        *_head(before.head, after.head),
        *_augmentation(before.augmentation, after.augmentation),
        *_training(before.training, after.training, PACE if goes_on else ()),
    ]
    if not parts:
        return "The same settings again" if not differences(before, after) else "A small change of the settings"
    if len(parts) > 2:
        return f"{parts[0][:1].upper()}{parts[0][1:]} and {len(parts) - 1} other changes"
    said = " and ".join(parts)
    return said[:1].upper() + said[1:]


def _start(a: Experiment, b: Experiment) -> list[str]:
    if a.earlier == b.earlier:
        return []
    if b.start == a:
        return [f"fine-tuning {_layers(b.freeze) if b.freeze.thawed else 'the head'} from where it ended"]
    return ["starting from trained weights" if b.earlier else "starting anew"]


def _data(a: DataSpec, b: DataSpec) -> list[str]:
    if a == b:
        return []
    if a.source != b.source:
        return ["other images"]
    if a.classes != b.classes:
        return ["other classes"]
    noise = (a.drawn.label_noise, b.drawn.label_noise) if a.drawn and b.drawn else (0.0, 0.0)
    if noise[0] != noise[1]:
        return ["right labels instead of wrong ones" if noise[1] == 0 else f"{noise[1]:.0%} wrong labels"]
    if a.drawn != b.drawn:
        return ["other drawn images"]
    if a.images_per_class != b.images_per_class:
        few, many = (f"{n} training images a class" if n else "all training images" for n in (a.images_per_class, b.images_per_class))  # fmt: skip
        return [f"{many} instead of {few}"]
    return ["another split of the images"]


def _backbone(a: BackboneSpec, b: BackboneSpec) -> list[str]:
    parts = [f"images of {b.size} instead of {a.size} pixels"] if a.size != b.size else []
    parts += [f"a network of width {b.alpha:g} instead of {a.alpha:g}"] if a.alpha != b.alpha else []
    names = {"imagenet": "ImageNet weights", "builtin": "built-in weights", "random": "random weights"}
    return parts + ([names.get(b.weights, "weights from a file")] if a.weights != b.weights else [])


def _freeze(a: FreezeSpec, b: FreezeSpec) -> list[str]:
    parts = []
    if a.thawed != b.thawed:
        more = len(b.thawed) > len(a.thawed)
        parts.append(f"thawing {_layers(b)}" if more else _freezing(b))
    if a.lock_batchnorm != b.lock_batchnorm and (a.thawed or b.thawed):
        parts.append("keeping BatchNorm frozen" if b.lock_batchnorm else "thawing BatchNorm too")
    return parts


def _layers(freeze: FreezeSpec) -> str:
    n = last_thawed_count(freeze)
    if n is None:
        return counted(len(freeze.thawed), "chosen layer")
    return "everything" if n == N_LAYERS else "the last layer" if n == 1 else f"the last {n} layers"


def _freezing(freeze: FreezeSpec) -> str:
    return f"freezing all but {_layers(freeze)}" if freeze.thawed else "freezing the whole backbone"


def _head(a: HeadSpec, b: HeadSpec) -> list[str]:
    if a == b:
        return []
    if a.pooling != b.pooling:
        names = {"average": "average pooling", "max": "max pooling", "flatten": "Flatten"}
        return [f"{names[b.pooling]} instead of {names[a.pooling]}"]
    rates = [[layer.rate for layer in h.layers if isinstance(layer, DropoutLayer)] for h in (a, b)]
    others = [[layer for layer in h.layers if not isinstance(layer, DropoutLayer)] for h in (a, b)]
    if others[0] == others[1] and rates[0] != rates[1]:
        return ["more dropout" if sum(rates[1]) > sum(rates[0]) else "less dropout"]
    return ["another head"]


def _augmentation(a: AugmentationSpec, b: AugmentationSpec) -> list[str]:
    if a == b or not (a.active or b.active):
        return []
    if not b.active:
        return ["no augmentation"]
    return ["another augmentation"] if a.active else ["augmentation"]


def _training(a: TrainingSpec, b: TrainingSpec, unsaid: Sequence[str] = ()) -> list[str]:
    parts = []
    if bool(a.early_stopping) != bool(b.early_stopping):
        parts.append("EarlyStopping" if b.early_stopping else "no EarlyStopping")
    elif a.early_stopping != b.early_stopping:
        parts.append("another EarlyStopping")
    for field, words in TRAINING.items():
        if field not in unsaid and (old := getattr(a, field)) != (new := getattr(b, field)):
            parts.append(words.format(new, old))
    for field, words in SWITCHES.items():
        if getattr(a, field) != getattr(b, field):
            parts.append(words if getattr(b, field) else f"no {words}")
    return parts
