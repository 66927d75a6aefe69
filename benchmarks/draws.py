"""Runs drawn at random by a seeded generator: which images, how many, which settings, and often a fault that was put there."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks import spoil
from benchmarks.spoil import Change
from core import data
from core.data import Dataset, Split
from core.experiment import (
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    DataSpec,
    DenseLayer,
    DrawnDials,
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
)

VALIDATION = (30, 70, 150, 300)  # images
LEAST_TEST = 400  # images that measure the truth; a source with fewer left is refused
RUNS_A_SPLIT = 6
EVERYWHERE = ("train", "validation", "test")


@dataclass(frozen=True)
class Cut:
    """Which images a run has: some classes, training images a class, validation images; the rest measures the truth."""

    classes: int
    per_class: int
    validation: int
    seed: int


@dataclass(frozen=True)
class Draw:
    """A run to make.

    Attributes
    ----------
    name
        What was done.
    split
        Runs on the same images share it: they count once in every interval.
    causes
        What may rightly be named first; empty where no fault was put there.
    built
        Whether the fault lies in the data and needs no proof.
    """

    name: str
    split: str
    source: DataSpec
    cut: Cut
    experiment: Experiment
    causes: frozenset[str] = frozenset()
    change: Change | None = None
    built: bool = False

    @property
    def id(self) -> str:
        """Hexadecimal digits that identify the run."""
        x = self.experiment
        said = f"{self.name}|{self.split}|{self.cut}|{x.training.seed}|{x.backbone.alpha}|{x.backbone.size}|{x.backbone.weights}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def whole(source: DataSpec, size: int) -> Dataset:
    """Return all images of a source once, near-duplicates left out, as one training split beside empty ones."""
    return _whole(source.model_dump_json(), size)


@lru_cache(maxsize=16)
def _whole(source: str, size: int) -> Dataset:
    loaded = data.load(DataSpec.model_validate_json(source), size)
    rows = np.concatenate([s.indices for s in loaded.splits.values()])
    labels = np.concatenate([s.labels for s in loaded.splits.values()])
    kept = np.unique(loaded.groups[rows], return_index=True)[1] if loaded.groups is not None else np.arange(len(rows))
    order = kept[np.argsort(rows[kept])]
    return spoil.chosen(loaded, {"train": (rows[order], labels[order]), "validation": (rows[:0], labels[:0]), "test": (rows[:0], labels[:0])})  # fmt: skip


def everything(source: DataSpec, size: int) -> Split:
    """Return every row of a source's array, so that frozen features are computed once for all runs."""
    loaded = whole(source, size).train
    n = len(loaded.source)
    return Split(loaded.source, np.arange(n), np.zeros(n, np.int64), (), f"all-{loaded.fingerprint}-{size}")


def cut_out(dataset: Dataset, cut: Cut) -> Dataset:
    """Return the images of a cut: stratified training and validation images, all others for the truth.

    Raises
    ------
    ValueError
        When fewer than 400 images are left.
    """
    rng = np.random.default_rng(cut.seed)
    classes = np.sort(rng.permutation(len(dataset.class_names))[: cut.classes])
    parts: dict[str, list[np.ndarray]] = {name: [] for name in EVERYWHERE}
    shares = np.diff(np.linspace(0, cut.validation, len(classes) + 1).round().astype(int))
    for label, n_validation in zip(classes, shares, strict=True):
        at = rng.permutation(np.flatnonzero(dataset.train.labels == label))
        ends = cut.per_class, cut.per_class + n_validation
        for name, rows in zip(EVERYWHERE, np.split(at, ends), strict=True):
            parts[name].append(rows)
    at = {name: np.sort(np.concatenate(rows)) for name, rows in parts.items()}
    if len(at["test"]) < LEAST_TEST:
        raise ValueError(f"{len(at['test'])} images are left to measure the truth on; {LEAST_TEST} are needed")
    relabel = np.searchsorted(classes, dataset.train.labels)
    made = spoil.chosen(dataset, {name: (dataset.train.indices[rows], relabel[rows]) for name, rows in at.items()})
    return dataclasses.replace(made, class_names=tuple(dataset.class_names[c] for c in classes))


def sources(folders: list[str], builtin: bool) -> list[DataSpec]:
    """Return the sources to draw from: given folders and, where asked for, the digits and drawn pictures of three kinds."""
    found = [DataSpec(source=f"path:{folder}") for folder in folders]
    if builtin:
        found.append(DataSpec(source="builtin:digits", classes=tuple("0123456789")))
        for difficulty, classes in ((0.3, 3), (0.6, 4), (0.8, 5)):
            dials = DrawnDials(n_images=1200, n_classes=classes, difficulty=difficulty)
            found.append(DataSpec(source="drawn:shapes", drawn=dials))
    return found


def draw(sources: list[DataSpec], backbones: list[BackboneSpec], runs: int, seed: int) -> Iterator[Draw]:
    """Yield runs, six a split: two or three sensible ones, others with a fault or with settings drawn widely."""
    for at in range(-(-runs // RUNS_A_SPLIT)):
        rng = np.random.default_rng([seed, at])
        source, backbone = sources[at % len(sources)], backbones[(at // len(sources)) % len(backbones)]
        cut = _cut(source, backbone.size, at % len(VALIDATION), rng)
        base = Experiment(data=source, backbone=backbone, training=TrainingSpec(epochs=20, seed=int(rng.integers(99))))
        split = f"{source.source.split('/')[-1]}-{getattr(source.drawn, 'difficulty', '')} {at} {backbone.weights[-30:]} {backbone.alpha} {cut}"
        for name, x, more in _settings(base, cut, rng):
            yield Draw(name, split, source, more.pop("cut", cut), x, **more)


def _cut(source: DataSpec, size: int, turn: int, rng: np.random.Generator) -> Cut:
    """Draw sizes, as many validation images as the source leaves room for."""
    counts = np.sort(np.bincount(whole(source, size).train.labels))[::-1]
    validation = VALIDATION[(turn + int(rng.integers(2))) % len(VALIDATION)]
    for _ in range(200):
        classes = int(rng.integers(2, min(6, len(counts)) + 1))
        per_class = round(float(np.exp(rng.uniform(np.log(25), np.log(160)))))
        smallest = counts[-classes:]
        fits = per_class + -(-validation // classes) < smallest[-1] - 5
        if fits and smallest.sum() - classes * per_class - validation >= LEAST_TEST:
            return Cut(classes, per_class, validation, int(rng.integers(2**31)))
    raise ValueError(f"{source.source} has too few images: {LEAST_TEST} must be left to measure the truth on")


Settings = tuple[str, Experiment, dict]


def _settings(base: Experiment, cut: Cut, rng: np.random.Generator) -> Iterator[Settings]:
    yield "default", _with(base, epochs=30, early_stopping=EarlyStoppingSpec(patience=5)), {}
    for _ in range(2):
        yield _sensible(base, rng)
    yield _wide(base, rng)
    makers = [_few, _long, _held_back, _slow, _fast, _labels, _data, _pixels, _smoothed]
    for make in rng.permutation(np.arange(len(makers)))[:2]:
        yield makers[make](base, cut, rng)


def _with(x: Experiment, **training: object) -> Experiment:
    return x.replace(training=x.training.replace(**training))


def _head(*layers: DropoutLayer | DenseLayer, **more: object) -> dict:
    return HeadSpec(layers=layers, **more).model_dump()  # type: ignore[arg-type]


HEADS = {
    "linear": _head(DropoutLayer(rate=0.3)),
    "128 units": HeadSpec().model_dump(),
    "256 bare": _head(DenseLayer(units=256)),
    "bare": _head(),
}


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number evenly on a logarithmic scale."""
    return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.2g}")


def _sensible(x: Experiment, rng: np.random.Generator) -> Settings:
    """Return settings that a careful person might choose."""
    head = str(rng.choice(["linear", "128 units"]))
    rate, epochs = _between(rng, 5e-4, 3e-3), int(rng.integers(12, 36))
    stopping = EarlyStoppingSpec(patience=int(rng.integers(3, 7))) if rng.random() < 0.5 else None
    made = _with(x.replace(head=HEADS[head]), learning_rate=rate, epochs=epochs, early_stopping=stopping)
    kind = rng.random()
    if kind < 0.12:
        made = _with(made.replace(freeze=FreezeSpec.last(4)), epochs=min(epochs, 12))
    elif kind < 0.2:
        light = AugmentationSpec.preset("light").model_dump() | {"views": 2}
        made = made.replace(augmentation=light)
    return f"sensible: {head}, {rate:g}, {epochs} epochs", made, {}


def _wide(x: Experiment, rng: np.random.Generator) -> Settings:
    """Return settings drawn from all that people try."""
    head = str(rng.choice(list(HEADS)))
    rate, epochs = _between(rng, 2e-5, 3e-2), int(_between(rng, 4, 60))
    made = _with(x.replace(head=HEADS[head]), learning_rate=rate, epochs=epochs)
    return f"any: {head}, {rate:g}, {epochs} epochs", made, {}


def _few(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    n = int(rng.integers(4, 12))
    causes = {"too-few-images", "too-many-parameters", "too-little-regularisation", "trained-too-long"}
    head, epochs = str(rng.choice(["128 units", "256 bare"])), int(rng.integers(15, 40))
    fewer = dataclasses.replace(cut, per_class=min(n, cut.per_class))
    return f"{n} images a class", _with(x.replace(head=HEADS[head]), epochs=epochs), {"cut": fewer, "causes": frozenset(causes)}  # fmt: skip


def _long(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    head, epochs = str(rng.choice(["256 bare", "bare"])), int(rng.integers(60, 120))
    causes = {"trained-too-long", "too-little-regularisation", "too-few-images"}
    rate = _between(rng, 1e-3, 5e-3)
    return f"{epochs} epochs, {head}, {rate:g}", _with(x.replace(head=HEADS[head]), epochs=epochs, learning_rate=rate), {"causes": frozenset(causes)}  # fmt: skip


def _held_back(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    kind = rng.integers(4)
    x = _with(x, epochs=int(rng.integers(10, 25)))
    if kind == 0:
        rate = round(rng.uniform(0.85, 0.97), 2)
        head, cause = _head(DropoutLayer(rate=rate), DenseLayer(), DropoutLayer(rate=rate)), "too-much-dropout"
        return f"dropout {rate}", x.replace(head=head), {"causes": frozenset({cause})}
    if kind == 1:
        l2 = _between(rng, 0.1, 1.0)
        return f"L2 {l2}", x.replace(head=_head(DenseLayer(l2=l2), output_l2=l2)), {"causes": frozenset({"too-much-penalty"})}  # fmt: skip
    if kind == 2:
        units = int(rng.integers(1, 3))
        return f"head of {units} units", x.replace(head=_head(DenseLayer(units=units))), {"causes": frozenset({"too-little-capacity", "dead-head"})}  # fmt: skip
    strength = round(rng.uniform(0.7, 1.0), 1)
    kinds = ("crop", "noise", "cutout", "contrast", "brightness", "rotation")
    steps = tuple(AugmentationStep(kind=k, strength=strength) for k in kinds)
    heavy = x.replace(augmentation=AugmentationSpec(steps=steps, views=2))
    return f"augmentation {strength}", heavy, {"causes": frozenset({"too-much-augmentation"})}


def _slow(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    x = x.replace(head=HEADS["linear"])
    if rng.random() < 0.5:
        epochs = int(rng.integers(3, 6))
        return f"{epochs} epochs", _with(x, epochs=epochs), {"causes": frozenset({"stopped-too-early", "rate-too-low"})}
    rate, epochs = _between(rng, 1e-5, 1e-4), int(rng.integers(4, 15))
    return f"learning rate {rate:g}, {epochs} epochs", _with(x, learning_rate=rate, epochs=epochs), {"causes": frozenset({"rate-too-low", "stopped-too-early"})}  # fmt: skip


def _fast(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    rate = _between(rng, 0.05, 3.0)
    causes = {"diverged", "rate-too-high", "oscillating", "dead-head"}
    return f"learning rate {rate:g}", _with(x, learning_rate=rate, epochs=int(rng.integers(8, 16))), {"causes": frozenset(causes)}  # fmt: skip


def _labels(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    x = _with(x, epochs=int(rng.integers(10, 25)))
    if rng.random() < 0.3:
        return "unrelated labels", x, {"causes": frozenset({"uninformative-input"}), "change": spoil.unrelated_labels, "built": True}  # fmt: skip
    share = round(rng.uniform(0.2, 0.4), 2)
    return f"{share:.0%} wrong labels", x, {"causes": frozenset({"wrong-labels"}), "change": spoil.wrong_labels(share, EVERYWHERE), "built": True}  # fmt: skip


def _data(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    x = _with(x, epochs=int(rng.integers(12, 25)))
    if x.data.source.startswith("path:") and rng.random() < 0.5:
        share = round(rng.uniform(0.3, 0.6), 2)
        return f"{share:.0%} copies in validation", x, {"causes": frozenset({"duplicates"}), "change": spoil.copies(share), "built": True}  # fmt: skip
    ratio = round(rng.uniform(6, 20))
    return f"classes {ratio}:1", x, {"causes": frozenset({"imbalance", "class-never-predicted"}), "change": spoil.imbalanced(ratio), "built": True}  # fmt: skip


def _pixels(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    x = _with(x, epochs=int(rng.integers(10, 20)))
    kind = rng.integers(4)
    if kind == 0:
        by = round(rng.uniform(0.3, 0.6), 2)
        return f"validation darker by {by}", x, {"causes": frozenset({"uncovered-shift"}), "change": spoil.darker(by)}
    if kind == 1:
        to = round(rng.uniform(0.15, 0.4), 2)
        return f"validation contrast {to}", x, {"causes": frozenset({"uncovered-shift"}), "change": spoil.paler(to)}
    if kind == 2:
        side = int(rng.integers(3, 7))
        return f"{side} pixels", x, {"causes": frozenset({"low-resolution", "uninformative-input"}), "change": spoil.low_resolution(side)}  # fmt: skip
    strength = round(rng.uniform(0.4, 0.7), 2)
    return f"colour tells the class, {strength}", x, {"causes": frozenset({"shortcut"}), "change": spoil.shortcut(strength, EVERYWHERE), "built": True}  # fmt: skip


def _smoothed(x: Experiment, cut: Cut, rng: np.random.Generator) -> Settings:
    amount = round(rng.uniform(0.3, 0.5), 2)
    return f"label smoothing {amount}", _with(x, label_smoothing=amount, epochs=int(rng.integers(10, 25))), {"causes": frozenset({"too-much-smoothing"})}  # fmt: skip


def images_of(run: Draw) -> Dataset:
    """Return the images of a run with its fault in them."""
    made = cut_out(whole(run.source, run.experiment.backbone.size), run.cut)
    return run.change(made) if run.change else made


Make = Callable[[Draw], object]
