"""Runs whose cause is known because it was put there, and sensible runs of the same images to compare them with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import spoil
from benchmarks.spoil import Change
from core import data
from core.data import health
from core.diagnosis import Observations
from core.experiment import (
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    DataSpec,
    DenseLayer,
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
)

UNDER, OVER, MORE, UNSTABLE = "underfitting", "overfitting", "still_improving", "unstable"
GOOD, OPEN = "good_fit", "inconclusive"


@dataclass(frozen=True)
class Case:
    """A run to make, and what may rightly be said about it.

    Attributes
    ----------
    name
        What was done, with its strength.
    verdicts, causes
        Acceptable answers; any cause where ``causes`` is empty.
    experiment
        What to train.
    change
        What is done to the images first; nothing by default.
    proof
        How it is measured that the cause had its effect: ``worse`` on the untouched test images than the best sensible run,
        ``built`` where the fault is in the data and needs no proof, ``healthy`` for sensible runs.
    """

    name: str
    verdicts: frozenset[str]
    causes: frozenset[str]
    experiment: Experiment
    change: Change | None = None
    proof: str = "worse"


def of_folder(folder: Path, per_class: int = 60) -> DataSpec:
    """Return the images that the cases of a folder use: five classes at most."""
    names = data.catalogue(DataSpec(source=f"path:{folder}")).class_names[:5]
    return DataSpec(source=f"path:{folder}", classes=names, images_per_class=per_class)


def observe(case: Case) -> Observations:
    """Carry out a case and return what a diagnosis may see of it: everything but the test images."""
    from core.training import trainer

    dataset = data.load(case.experiment.data, case.experiment.backbone.size)
    dataset = case.change(dataset) if case.change else dataset
    outcome = trainer.train(case.experiment, dataset)
    kept = {k: v for k, v in outcome.evaluation.splits.items() if k != "test"}
    evaluation = type(outcome.evaluation)(outcome.evaluation.class_names, kept)
    notes = tuple(health.check(spoil.without_test(dataset)))
    return Observations(outcome.history, case.experiment, evaluation, outcome.probes, notes)


def base(images: DataSpec, backbone: BackboneSpec) -> Experiment:
    """Return the run that all others are variations of."""
    return Experiment(
        data=images, backbone=backbone, training=TrainingSpec(epochs=30, early_stopping=EarlyStoppingSpec(patience=5))
    )


def _head(*layers: DropoutLayer | DenseLayer, **more: object) -> dict:
    return HeadSpec(layers=layers, **more).model_dump()  # type: ignore[arg-type]


def _with(x: Experiment, *, epochs: int | None = None, stop: bool = True, **training: object) -> Experiment:
    changes = training | ({"epochs": epochs} if epochs else {}) | ({} if stop else {"early_stopping": None})
    return x.replace(training=x.training.replace(**changes))


def sensible(x: Experiment) -> Iterator[Case]:
    """Yield runs that a careful person would make; whether they are healthy is measured against each other."""
    light = AugmentationSpec.preset("light")
    linear = x.replace(head=_head(DropoutLayer(rate=0.3)))
    settings = {
        "default": x,
        "linear head": linear,
        "linear head, SGD": _with(linear, optimizer="sgd", learning_rate=2e-3, epochs=25, stop=False),
        "thaw 20": _with(x.replace(freeze=FreezeSpec.last(20)), epochs=20),
        "light augmentation": x.replace(augmentation=light),
        "weight decay, cosine": _with(
            x, optimizer="adamw", weight_decay=1e-3, schedule="cosine", stop=False, epochs=20
        ),
        "small batches, another seed": _with(linear, batch_size=16, seed=5),
        "wide head": x.replace(head=_head(DropoutLayer(rate=0.5), DenseLayer(units=256), DropoutLayer(rate=0.5))),
        "tanh head": x.replace(head=_head(DropoutLayer(rate=0.3), DenseLayer(units=64, activation="tanh"))),
        "linear head, 25 epochs": _with(linear, epochs=25, stop=False),
    }
    for name, experiment in settings.items():
        yield Case(name, frozenset({GOOD}), frozenset(), experiment, proof="healthy")


def ill(x: Experiment) -> Iterator[Case]:
    """Yield every known cause at two strengths or more."""
    yield from _underfitting(x)
    yield from _input(x)
    yield from _overfitting(x)
    yield from _shifted(x)
    yield from _optimisation(x)
    yield from _data(x)


def _case(name: str, verdicts: set[str], causes: set[str], x: Experiment, change: Change | None = None, proof: str = "worse") -> Case:  # fmt: skip
    return Case(name, frozenset(verdicts), frozenset(causes), x, change, proof)


def _underfitting(x: Experiment) -> Iterator[Case]:
    plain = _with(x, stop=False, epochs=12)
    for units in (1, 2):
        tiny = x.replace(head=_head(DenseLayer(units=units)))
        yield _case(f"head of {units} units", {UNDER, MORE}, {"too-little-capacity", "dead-head"}, tiny)
    for rate in (0.9, 0.97):
        dropped = plain.replace(head=_head(DropoutLayer(rate=rate), DenseLayer(), DropoutLayer(rate=rate)))
        yield _case(f"dropout {rate}", {UNDER, MORE}, {"too-much-dropout"}, dropped)
    for strength in (0.8, 1.0):
        kinds = ("crop", "noise", "cutout", "contrast", "brightness", "rotation")
        steps = tuple(AugmentationStep(kind=k, strength=strength) for k in kinds)
        heavy = plain.replace(augmentation=AugmentationSpec(steps=steps))
        yield _case(f"augmentation {strength}", {UNDER, MORE, OVER}, {"too-much-augmentation"}, heavy)
    for l2 in (0.3, 1.0):
        held = plain.replace(head=_head(DenseLayer(l2=l2), output_l2=l2))
        yield _case(f"L2 {l2}", {UNDER, MORE}, {"too-much-penalty"}, held)
    for smoothing in (0.4, 0.5):
        soft = _with(plain, label_smoothing=smoothing)
        yield _case(f"label smoothing {smoothing}", {UNDER, MORE}, {"too-much-smoothing"}, soft)
    for epochs in (3, 4):
        short = _with(x.replace(head=_head(DropoutLayer(rate=0.3))), epochs=epochs, stop=False, learning_rate=5e-4)
        yield _case(f"{epochs} epochs", {MORE, UNDER}, {"stopped-too-early"}, short)
    for rate in (1e-5, 3e-5):
        slow = _with(plain, learning_rate=rate)
        yield _case(f"learning rate {rate:g}", {UNDER, MORE}, {"rate-too-low"}, slow)
    for start in (2e-4, 4e-4):
        stalled = _with(plain, learning_rate=start, schedule="exponential", epochs=8)
        yield _case(f"rate {start:g} falling to 1%", {UNDER, MORE}, {"plateau", "rate-too-low"}, stalled)


def _input(x: Experiment) -> Iterator[Case]:
    plain = _with(x, stop=False, epochs=12)
    for pixels in (3, 5):
        causes = {"uninformative-input", "low-resolution"}
        yield _case(f"{pixels} pixels", {UNDER, OVER}, causes, plain, spoil.low_resolution(pixels))
    for epochs in (12, 24):
        none = _with(plain, epochs=epochs)
        yield _case(
            f"unrelated labels, {epochs} epochs", {UNDER, OVER}, {"uninformative-input"}, none, spoil.unrelated_labels
        )
    for divisor in (255, 40):
        verdicts, causes = {UNDER, OVER, MORE, GOOD}, {"wrong-scaling"}
        yield _case(f"pixels / {divisor}", verdicts, causes, plain, spoil.scaled_down(divisor))
    for seed in (0, 1):
        untrained = _with(x.replace(backbone=x.backbone.replace(weights="random")), seed=seed)
        yield _case(f"random weights, seed {seed}", {UNDER}, {"not-pretrained"}, untrained)


def _overfitting(x: Experiment) -> Iterator[Case]:
    bare = _with(x.replace(head=_head()), stop=False)
    regularisation = {"too-little-regularisation", "trained-too-long"}
    for n in (10, 20):
        few = x.data.replace(images_per_class=n)
        flat = _with(x.replace(data=few, head=HeadSpec.flatten().model_dump()), epochs=20, stop=False)
        causes = {"too-many-parameters", "too-few-images"} | regularisation
        yield _case(f"Flatten head, {n} images a class", {OVER}, causes, flat)
        whole = _with(bare.replace(data=few, freeze=FreezeSpec.last(100)), epochs=30, backbone_rate_factor=1.0)
        causes = {"too-many-parameters", "too-few-images", "rate-too-high"} | regularisation
        yield _case(f"100 layers thawed, {n} images a class", {OVER}, causes, whole)
    for epochs in (80, 150):
        long = _with(bare.replace(head=_head(DenseLayer(units=128))), epochs=epochs, learning_rate=2e-3)
        causes = {"trained-too-long", "too-little-regularisation"}
        yield _case(f"{epochs} epochs without regularisation", {OVER}, causes, long)
    for units in (256, 1024):
        wide = _with(bare.replace(head=_head(DenseLayer(units=units), DenseLayer(units=units))), epochs=25)
        yield _case(f"no regularisation, 2 × {units} units", {OVER}, regularisation, wide)
    for n in (4, 8):
        few = _with(x.replace(data=x.data.replace(images_per_class=n)), stop=False)
        yield _case(f"{n} images a class", {OVER}, {"too-few-images"}, few)


def _shifted(x: Experiment) -> Iterator[Case]:
    plain = _with(x, stop=False, epochs=12)
    changes = {
        "brightness": ((0.35, spoil.darker(0.35)), (0.6, spoil.darker(0.6))),
        "contrast": ((0.35, spoil.paler(0.35)), (0.15, spoil.paler(0.15))),
        "colour": ((0.3, spoil.grey(0.3)), (0.0, spoil.grey(0.0))),
        "scale": ((2.0, spoil.closer(2.0)), (3.0, spoil.closer(3.0))),
    }
    for kind, strengths in changes.items():
        for strength, change in strengths:
            yield _case(f"validation {kind} {strength}", {OVER, UNDER}, {"uncovered-shift"}, plain, change)


def _optimisation(x: Experiment) -> Iterator[Case]:
    plain = _with(x, stop=False, epochs=10)
    rates = {"diverged", "rate-too-high", "oscillating", "dead-head"}
    for rate in (0.3, 3.0):
        yield _case(f"learning rate {rate}", {UNSTABLE, UNDER}, rates, _with(plain, learning_rate=rate))
    for rate in (1.0, 100.0):
        wild = _with(plain, optimizer="sgd", learning_rate=rate)
        yield _case(f"SGD, learning rate {rate:g}", {UNSTABLE, UNDER}, rates, wild)
    for rate in (3e-3, 1e-2):
        coarse = _with(plain.replace(freeze=FreezeSpec.last(80)), learning_rate=rate, backbone_rate_factor=3.0)
        causes = rates | {"destroyed-features"}
        yield _case(f"80 layers thawed at {3 * rate:g}", {UNSTABLE, UNDER, OVER}, causes, coarse)
    for n, epochs in ((60, 4), (120, 6)):
        thawed = plain.replace(freeze=FreezeSpec.last(n, lock_batchnorm=False))
        brief = _with(thawed, epochs=epochs, backbone_rate_factor=1.0)
        yield _case(f"BatchNorm thawed in {n} layers", {UNSTABLE}, {"batchnorm-thawed"}, brief)
    for size in (2, 4):
        small = _with(plain.replace(freeze=FreezeSpec.last(60, lock_batchnorm=False)), batch_size=size, epochs=6)
        small = _with(small, backbone_rate_factor=1.0)
        causes = {"batchnorm-thawed", "batchnorm-small-batches"}
        yield _case(f"BatchNorm thawed, batches of {size}", {UNSTABLE, UNDER, MORE}, causes, small)


def _data(x: Experiment) -> Iterator[Case]:
    anything = {GOOD, UNDER, OVER, MORE, OPEN}
    long = _with(x, stop=False, epochs=15)
    for n in (6, 10):
        yield _case(f"{n} validation images", {OPEN}, {"small-validation"}, x, spoil.few_validation(n), "built")
    for ratio in (8, 20):
        causes = {"imbalance", "class-never-predicted"}
        yield _case(f"classes {ratio}:1", anything, causes, long, spoil.imbalanced(ratio), "built")
    for share in (0.2, 0.4):
        change = spoil.wrong_labels(share)
        yield _case(f"{share:.0%} wrong labels", {UNDER, OVER}, {"wrong-labels"}, long, change, "built")
    for share in (0.3, 0.6):
        yield _case(f"{share:.0%} copies in validation", anything, {"duplicates"}, x, spoil.copies(share), "built")
    for strength in (0.5, 0.7):
        yield _case(f"colour tells the class, {strength}", anything, {"shortcut"}, x, spoil.shortcut(strength), "worse")
