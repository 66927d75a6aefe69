"""Remedies: small changes, each a pure function from one Experiment to another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from core.diagnosis.report import Finding
from core.experiment import (
    N_LAYERS,
    SIZES,
    AugmentationSpec,
    DenseLayer,
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
)

LADDER = (0, 4, 12, 20, 38, 65, 100, N_LAYERS)


@dataclass(frozen=True)
class Remedy:
    """A change worth trying; ``apply`` returns None where it would change nothing, or only a person can do it."""

    code: str
    title: str
    expectation: str
    apply: Callable[[Experiment], Experiment | None]


def _depth(x: Experiment, step: int) -> Experiment | None:
    """Thaw one rung of the ladder more or fewer, BatchNorm as it is."""
    n = len(x.freeze.thawed)
    rungs = [r for r in LADDER if (r > n if step > 0 else r < n)]
    if not rungs:
        return None
    chosen = rungs[0] if step > 0 else rungs[-1]
    return x.replace(freeze=FreezeSpec.last(chosen, lock_batchnorm=x.freeze.lock_batchnorm))


def _training(**changes: object) -> Callable[[Experiment], Experiment | None]:
    return lambda x: _changed(x, x.replace(training=x.training.replace(**changes)))


def _changed(old: Experiment, new: Experiment) -> Experiment | None:
    return None if new == old else new


def _rate(factor: float) -> Callable[[Experiment], Experiment | None]:
    return lambda x: x.replace(training=x.training.replace(learning_rate=x.training.learning_rate * factor))


def _dropout(rate: float, *, more: bool) -> Callable[[Experiment], Experiment | None]:
    def apply(x: Experiment) -> Experiment | None:
        layers = [
            d.replace(rate=rate)
            if isinstance(d, DropoutLayer) and ((d.rate < rate) if more else (d.rate > rate))
            else d
            for d in x.head.layers
        ]
        if more and not any(isinstance(d, DropoutLayer) for d in layers):
            layers = [DropoutLayer(rate=rate), *layers]
        return _changed(x, x.replace(head=x.head.replace(layers=[d.model_dump() for d in layers])))

    return apply


def _augment(name: str) -> Callable[[Experiment], Experiment | None]:
    def apply(x: Experiment) -> Experiment | None:
        preset = AugmentationSpec.preset(name).replace(views=x.augmentation.views)  # type: ignore[arg-type]
        return _changed(x, x.replace(augmentation=preset))

    return apply


def _match(x: Experiment) -> Experiment | None:
    """Add strong enough changes of brightness, contrast and saturation to cover a difference; the page measures it exactly."""
    kinds = {"brightness": 0.8, "contrast": 0.7, "saturation": 0.5}
    kept = [s for s in x.augmentation.steps if s.kind not in kinds]
    steps = [s.model_dump() for s in kept] + [{"kind": k, "strength": v} for k, v in kinds.items()]
    return _changed(x, x.replace(augmentation=x.augmentation.replace(steps=steps)))


def _pool(x: Experiment) -> Experiment | None:
    return _changed(x, x.replace(head=HeadSpec.generalised())) if x.head.pooling == "flatten" else None


def _width(factor: float) -> Callable[[Experiment], Experiment | None]:
    def apply(x: Experiment) -> Experiment | None:
        layers = [
            d.replace(units=max(8, min(1024, int(d.units * factor)))) if isinstance(d, DenseLayer) else d
            for d in x.head.layers
        ]
        if factor > 1 and not any(isinstance(d, DenseLayer) for d in layers):
            layers = [*layers, DenseLayer()]
        return _changed(x, x.replace(head=x.head.replace(layers=[d.model_dump() for d in layers])))

    return apply


def _unpenalised(x: Experiment) -> Experiment | None:
    layers = [d.replace(l2=0.0) if isinstance(d, DenseLayer) else d for d in x.head.layers]
    head = x.head.replace(layers=[d.model_dump() for d in layers], output_l2=0.0)
    return _changed(x, x.replace(head=head, training=x.training.replace(weight_decay=0.0, label_smoothing=0.0)))


def _larger(x: Experiment) -> Experiment | None:
    larger = [s for s in SIZES if s > x.backbone.size]
    return (
        x.replace(backbone=x.backbone.replace(size=larger[-1] if x.backbone.size < 128 else larger[0]))
        if larger
        else None
    )


def _pretrained(x: Experiment) -> Experiment | None:
    return x.replace(backbone=x.backbone.replace(weights="builtin")) if x.backbone.weights == "random" else None


def _more_data(x: Experiment) -> Experiment | None:
    return _changed(x, x.replace(data=x.data.replace(images_per_class=None)))


def _epochs(factor: float) -> Callable[[Experiment], Experiment | None]:
    return lambda x: _changed(
        x, x.replace(training=x.training.replace(epochs=max(1, min(500, round(x.training.epochs * factor)))))
    )


def _stop_early(x: Experiment) -> Experiment | None:
    return _changed(x, x.replace(training=x.training.replace(early_stopping=EarlyStoppingSpec().model_dump())))


def _validation(x: Experiment) -> Experiment | None:
    return (
        x.replace(data=x.data.replace(validation_fraction=0.4, test_fraction=0.1))
        if x.data.validation_fraction < 0.4
        else None
    )


def worth_trying(findings: Sequence[Finding], experiment: Experiment, most: int = 4) -> list[Remedy]:
    """Return remedies that would change an Experiment: the first of each finding, then the second of each, and so on.

    Parameters
    ----------
    findings
        The weightiest first; none of them loses its own remedy because another has many.
    experiment
        What was trained.
    most
        Largest number of remedies.
    """
    in_turn = (code for codes in zip_longest(*(f.remedies for f in findings)) for code in codes if code in REMEDIES)
    return [r for r in (REMEDIES[c] for c in dict.fromkeys(in_turn)) if r.apply(experiment) is not None][:most]


def to_try(finding: Finding, experiment: Experiment | None) -> list[str]:
    """Return in words what may help against a finding: what a person does first, then settings; of an Experiment only those that would change it."""
    known = [REMEDIES[c] for c in finding.remedies if c in REMEDIES]
    settings = known if experiment is None else worth_trying([finding], experiment)
    by_hand = [BY_HAND[finding.code]] if finding.code in BY_HAND else []
    return by_hand + [r.title for r in settings]


BY_HAND = {  # what comes before any setting, by the finding that asks for it
    "wrong-labels": "Look at the doubtful pictures and correct their labels",
    "shortcut": "Collect pictures in which it does not tell the class",
}
REMEDIES = {
    r.code: r
    for r in (
        Remedy("early-stopping", "Stop at the best epoch (EarlyStopping)", "keeps the weights of the lowest validation loss", _stop_early),
        Remedy("fewer-epochs", "Train half as long", "ends before the validation loss turns", _epochs(0.5)),
        Remedy("more-epochs", "Train twice as long", "lets the curves level off", _epochs(2)),
        Remedy("more-images", "Use all training images", "shows how pictures of a class vary", _more_data),
        Remedy("augment-light", "Light augmentation", "shows each image in several versions", _augment("light")),
        Remedy("augment-none", "No augmentation", "shows the images as they are", _augment("none")),
        Remedy("match-validation", "Augment brightness, contrast and colour", "covers how validation images differ", _match),
        Remedy("freeze-all", "Freeze the whole backbone", "leaves only the head to learn", lambda x: _changed(x, x.replace(freeze=FreezeSpec()))),
        Remedy("freeze-more", "Freeze more layers", "leaves fewer parameters to learn", lambda x: _depth(x, -1)),
        Remedy("thaw-more", "Thaw more layers", "lets the features adapt to these images", lambda x: _depth(x, +1)),
        Remedy("lock-batchnorm", "Keep BatchNorm frozen", "training and validation see the same network", lambda x: _changed(x, x.replace(freeze=x.freeze.replace(lock_batchnorm=True)))),
        Remedy("more-dropout", "Dropout 0.5 in the head", "keeps the head from relying on single features", _dropout(0.5, more=True)),
        Remedy("less-dropout", "Less dropout (0.2)", "lets the signal through", _dropout(0.2, more=False)),
        Remedy("pool-average", "GlobalAveragePooling head instead of Flatten", "far fewer parameters, position matters less", _pool),
        Remedy("smaller-head", "Half as many units in the head", "less room to memorise", _width(0.5)),
        Remedy("wider-head", "Twice as many units in the head", "more room to combine features", _width(2)),
        Remedy("weight-decay", "Weight decay 0.001", "keeps weights small", _training(weight_decay=1e-3)),
        Remedy("less-penalty", "No weight penalty or label smoothing", "lets the weights grow as the images ask", _unpenalised),
        Remedy("rate-up", "Ten times the learning rate", "takes larger steps", _rate(10)),
        Remedy("rate-down", "A tenth of the learning rate", "takes smaller steps", _rate(0.1)),
        Remedy("backbone-rate-down", "A smaller rate for the thawed layers", "keeps what they have learnt", lambda x: _changed(x, x.replace(training=x.training.replace(backbone_rate_factor=max(1e-3, x.training.backbone_rate_factor * 0.1))))),
        Remedy("constant-rate", "A constant learning rate", "keeps learning to the end", _training(schedule="constant")),
        Remedy("larger-batches", "Batches of 32", "steadier steps and statistics", lambda x: x.replace(training=x.training.replace(batch_size=32)) if x.training.batch_size < 32 else None),
        Remedy("warm-up", "Train the head alone for 3 epochs first", "a new head does not shake the backbone", _training(warmup_epochs=3)),
        Remedy("larger-images", "Larger images", "shows finer detail", _larger),
        Remedy("pretrained-weights", "Pretrained weights", "features that know pictures", _pretrained),
        Remedy("class-weights", "Weigh classes by their size", "small classes count as much as large ones", _training(class_weights=True)),
        Remedy("label-smoothing", "Label smoothing 0.1", "wrong labels pull less", _training(label_smoothing=0.1)),
        Remedy("more-validation", "More images for validation (40%)", "a figure that can be trusted", _validation),
        Remedy("group-duplicates", "Keep near-duplicates together", "validation images that are really new", lambda x: _changed(x, x.replace(data=x.data.replace(group_duplicates=True)))),
    )
}  # fmt: skip
