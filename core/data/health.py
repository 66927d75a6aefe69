"""What is wrong with a data set before anything is trained on it."""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from core.data import Dataset, Split
from core.data.split import duplicate_groups
from core.statistics import wilson

IMBALANCE_RATIO = (
    3.0  # below it accuracy still says about what it seems to say (He and Garcia 2009 speak of mild imbalance)
)
WIDE_INTERVAL = 0.20  # an accuracy known to 20 points cannot tell two settings apart that differ by less
LARGE_EFFECT = 0.5  # Cohen 1988: a medium difference of means, in standard deviations
MAX_LOOKED_AT = 600


@dataclass(frozen=True)
class HealthNote:
    """One thing to know about a data set; ``severity`` is ``problem``, ``warning`` or ``info``."""

    code: str
    severity: str
    title: str
    text: str
    names: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)


def check(dataset: Dataset) -> list[HealthNote]:
    """Return what is worth knowing, the worst first."""
    notes = [*_imbalance(dataset), *_small_validation(dataset), *_duplicates(dataset), *_shift(dataset)]
    return sorted(notes, key=lambda n: ("problem", "warning", "info").index(n.severity))


def _imbalance(dataset: Dataset) -> list[HealthNote]:
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    ratio = counts.max() / max(counts.min(), 1)
    if ratio < IMBALANCE_RATIO:
        return []
    most, least = dataset.class_names[counts.argmax()], dataset.class_names[counts.argmin()]
    text = (
        f"{most!r} has {counts.max()} training images, {least!r} only {counts.min()}. A model that always says {most!r} is right "
        f"{counts.max() / counts.sum():.0%} of the time. Turn on class weights, or even out the classes with “images per class”."
    )
    return [
        HealthNote("imbalance", "warning", "The classes have very different sizes", text, (), {"ratio": float(ratio)})
    ]


def _small_validation(dataset: Dataset) -> list[HealthNote]:
    n = len(dataset.validation)
    low, high = wilson(round(0.8 * n), n)
    if high - low < WIDE_INTERVAL:
        return []
    text = (
        f"With {n} validation images an accuracy of 80% could really be anything from {low:.0%} to {high:.0%}. "
        "Small differences between runs mean nothing here: use more images, or a larger validation share."
    )
    severity = "problem" if n < 20 else "warning"
    return [HealthNote("small_validation", severity, "Few validation images", text, (), {"n": n, "width": high - low})]


def _duplicates(dataset: Dataset) -> list[HealthNote]:
    """Look for near-duplicates between training and the other splits."""
    train = _some(dataset.train, 4 * MAX_LOOKED_AT)
    notes = []
    for name in ("validation", "test"):
        other = _some(dataset.splits[name], MAX_LOOKED_AT)
        if not len(other) or dataset.spec.source.startswith(("builtin", "drawn")):
            continue
        groups = duplicate_groups(_thumbnails(np.concatenate([train, other]), dataset))
        shared = np.isin(groups[len(train) :], groups[: len(train)])
        if shared.any():
            names = dict(zip(dataset.splits[name].indices, dataset.splits[name].names, strict=True))
            listed = tuple(names[row] for row in other[shared])
            text = (
                f"{shared.sum()} of {len(other)} {name} images are (nearly) the same picture as a training image, so the {name} accuracy "
                "is partly memory. Turn on “keep near-duplicates together”, or remove the copies."
            )
            notes.append(
                HealthNote(
                    f"duplicates_{name}",
                    "problem",
                    f"Training images again in {name}",
                    text,
                    listed,
                    {"n": int(shared.sum())},
                )
            )
    return notes


def _some(split: Split, n: int) -> np.ndarray:
    if len(split) <= n:
        return split.indices
    return np.sort(np.random.default_rng(0).choice(split.indices, n, replace=False))


def _thumbnails(rows: np.ndarray, dataset: Dataset) -> np.ndarray:
    step = max(1, dataset.size // 64)
    return np.stack([dataset.train.source[r][::step, ::step] for r in rows])


def image_statistics(split: Split, n: int = MAX_LOOKED_AT) -> dict[str, np.ndarray]:
    """Return brightness, contrast and saturation of up to ``n`` pictures, each an array in 0..1."""
    found: dict[str, list[float]] = {"brightness": [], "contrast": [], "saturation": []}
    for row in _some(split, n):
        picture = np.asarray(split.source[row][::4, ::4], np.float32) / 255
        found["brightness"].append(float(picture.mean()))
        found["contrast"].append(float(picture.mean(-1).std()))
        found["saturation"].append(float((picture.max(-1) - picture.min(-1)).mean()))
    return {k: np.array(v) for k, v in found.items()}


def _shift(dataset: Dataset) -> list[HealthNote]:
    if min(len(dataset.train), len(dataset.validation)) < 8:
        return []
    train, validation = image_statistics(dataset.train), image_statistics(dataset.validation)
    notes = []
    for name in train:
        a, b = train[name], validation[name]
        effect = (b.mean() - a.mean()) / max(np.sqrt((a.var() + b.var()) / 2), 1e-3)
        p = stats.ttest_ind(a, b, equal_var=False).pvalue
        if abs(effect) < LARGE_EFFECT or not p < 1e-3:
            continue
        word = "higher" if effect > 0 else "lower"
        text = (
            f"Mean {name} is {a.mean():.2f} in training and {b.mean():.2f} in validation (scale 0 to 1): {word} by {abs(effect):.1f} standard "
            f"deviations. The model learns on pictures unlike those it is judged on; augmentation with {name} can cover it, or split again."
        )
        numbers = {"effect": float(effect), "train": float(a.mean()), "validation": float(b.mean()), "p": float(p)}
        notes.append(HealthNote(f"shift_{name}", "warning", f"Validation images differ in {name}", text, (), numbers))
    return notes
