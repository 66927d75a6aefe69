"""What is wrong with a data set before anything is trained on it.

SciPy and scikit-learn are imported where they are used, so that the first page need not wait for them.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.data import Dataset, Split
from core.data.collection import HealthNote
from core.data.shortcuts import by_channel, colour_tells, files_tell
from core.statistics import wilson

IMBALANCE_RATIO = (
    3.0  # below it accuracy still says about what it seems to say (He and Garcia 2009 speak of mild imbalance)
)
WIDE_INTERVAL = 0.20  # an accuracy known to 20 points cannot tell two settings apart that differ by less
LARGE_EFFECT = 0.5  # Cohen 1988: a medium difference of means, in standard deviations
DARK = 48  # grey levels of 255: photographs use the whole scale, images divided by 255 or by 8 do not
COARSE = (4, 6, 8, 10, 12)  # pixels a side; below about 16 people cannot name what small pictures show (Torralba 2009)
DETAIL = 0.02  # share of the variance that a picture without detail loses when shrunk to these pixels
COVERS = {"sharpness": "zoom"}  # augmentation step that covers a difference, where it has another name
MAX_LOOKED_AT = 600
# A product with these is several times faster than a mean over three colours.
EQUAL_PARTS = np.full(3, 1 / (3 * 255), np.float32)


def check(dataset: Dataset) -> list[HealthNote]:
    """Return what is worth knowing, the worst first."""
    checks = (
        _imbalance,
        _small_validation,
        _alike,
        _duplicates,
        _two_classes,
        _shift,
        _scaling,
        _coarse,
        colour_tells,
        files_tell,
    )
    notes = [*dataset.notes, *(note for look in checks for note in look(dataset))]
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


def _alike(dataset: Dataset) -> list[HealthNote]:
    """Look for classes that are one picture over and over, such as a thing that was not moved before the camera."""
    alike = _classes_of_one_picture(dataset)
    if not alike:
        return []
    named = ", ".join(repr(dataset.class_names[c]) for c in alike)
    text = (
        f"All pictures of {named} look nearly the same, so what is judged in validation was seen in training: a high accuracy says "
        "nothing about new pictures. Add pictures from other sides, in other places, in other light."
    )
    return [HealthNote("alike", "problem", "The same picture over and over", text, (), {"n": len(alike)})]


def _classes_of_one_picture(dataset: Dataset) -> list[int]:
    if dataset.copies is None:
        return []
    rows = np.concatenate([split.indices for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    groups = dataset.copies.groups[rows]
    return [c for c in range(len(dataset.class_names)) if len(np.unique(groups[labels == c])) == 1]


@dataclass(frozen=True)
class Pair:
    """A picture of the validation or test part and the picture of another part that it is a copy of: rows, names, and how."""

    split: str
    row: int
    name: str
    other_row: int
    other_name: str
    how: str


def copies_across(dataset: Dataset) -> list[Pair]:
    """Return the pictures of the validation and test parts that are copies of a training picture, each with the first such one."""
    if dataset.copies is None:
        return []
    groups = dataset.copies.groups
    first: dict[int, tuple[int, str]] = {}
    for row, name in zip(dataset.train.indices, dataset.train.names, strict=True):
        first.setdefault(int(groups[row]), (int(row), name))
    direct = {}
    for link in dataset.copies.links:
        direct[link.a], direct[link.b] = link.b, link.a
    in_training = dict(zip(dataset.train.indices.tolist(), dataset.train.names, strict=True))
    pairs = []
    for part in ("validation", "test"):
        split = dataset.splits[part]
        for row, name in zip(split.indices.tolist(), split.names, strict=True):
            if int(groups[row]) in first:
                partner = direct.get(row, -1)
                other = (partner, in_training[partner]) if partner in in_training else first[int(groups[row])]
                pairs.append(Pair(part, row, name, other[0], other[1], dataset.copies.how(row, other[0])))
    return pairs


def _duplicates(dataset: Dataset) -> list[HealthNote]:
    """Look for training pictures, plainly saved again or altered, in the other splits."""
    pairs, notes = copies_across(dataset), []
    one_side = "Put all copies of a picture on one side of the split, or leave the copies out."
    advice = "Add pictures that differ." if _classes_of_one_picture(dataset) else one_side  # a class needs both sides
    for part in ("validation", "test"):
        shared = [pair for pair in pairs if pair.split == part]
        if shared:
            n, of = len(shared), len(dataset.splits[part])
            kinds = ", ".join(f"{k} {how}" for how, k in Counter(pair.how for pair in shared).most_common())
            if n > 1 and n == of:
                which = f"All {n} {part} images are copies"
            else:
                which = f"{n} of {of} {part} images {'is a copy' if n == 1 else 'are copies'}"
            text = f"{which} of a training image ({kinds}), so the {part} accuracy is partly memory. {advice}"
            title = f"Training images again in {part}"
            notes.append(
                HealthNote(f"duplicates_{part}", "problem", title, text, tuple(p.name for p in shared), {"n": n})
            )
    return notes


def _two_classes(dataset: Dataset) -> list[HealthNote]:
    """Look for one picture filed under two classes."""
    if dataset.copies is None:
        return []
    filed: dict[int, dict[int, str]] = {}
    for split in dataset.splits.values():
        for row, label, name in zip(split.indices, split.labels, split.names, strict=True):
            filed.setdefault(int(dataset.copies.groups[row]), {}).setdefault(int(label), name)
    twice = [names for names in filed.values() if len(names) > 1]
    if not twice:
        return []
    label, other = list(twice[0])[:2]
    n = len(twice)
    text = (
        f"For example, {twice[0][label]} ({dataset.class_names[label]}) and {twice[0][other]} ({dataset.class_names[other]}) are one picture. "
        "No model can be right about both: move one to the right class, or leave it out."
    )
    title = f"{n} {'picture is' if n == 1 else 'pictures are'} filed under two classes"
    names = tuple(name for found in twice for name in found.values())
    return [HealthNote("two_classes", "warning", title, text, names, {"n": n})]


def _some(split: Split, n: int) -> np.ndarray:
    if len(split) <= n:
        return split.indices
    return np.sort(np.random.default_rng(0).choice(split.indices, n, replace=False))


def image_statistics(split: Split, n: int = MAX_LOOKED_AT) -> dict[str, np.ndarray]:
    """Return brightness, contrast and saturation in 0..1, and sharpness (edges over contrast), of up to ``n`` pictures."""
    from scipy.ndimage import laplace

    found: dict[str, list[float]] = {"brightness": [], "contrast": [], "saturation": [], "sharpness": []}
    for row in _some(split, n):
        colours = by_channel(split.source[row][::4, ::4]) / 255
        found["brightness"].append(float(colours.mean()))
        found["contrast"].append(float(colours.mean(0).std()))
        found["saturation"].append(float((colours.max(0) - colours.min(0)).mean()))
        grey = np.asarray(split.source[row], np.float32) @ EQUAL_PARTS
        found["sharpness"].append(float(np.abs(laplace(grey)).mean() / max(grey.std(), 0.01)))
    return {k: np.array(v) for k, v in found.items()}


def _shift(dataset: Dataset) -> list[HealthNote]:
    from scipy import stats

    if min(len(dataset.train), len(dataset.validation)) < 8:
        return []
    train, validation = image_statistics(dataset.train), image_statistics(dataset.validation)
    weights = _weights(_classes(dataset.train), _classes(dataset.validation))
    notes = []
    for name in train:
        a, b = train[name], validation[name]
        mean = float(weights @ a)
        effect = (b.mean() - mean) / max(np.sqrt((a.var() + b.var()) / 2), 1e-3)
        described = (mean, a.std(ddof=1), 1 / (weights @ weights)), (b.mean(), b.std(ddof=1), len(b))
        p = stats.ttest_ind_from_stats(*described[0], *described[1], equal_var=False).pvalue
        if abs(effect) < LARGE_EFFECT or not p < 1e-3:
            continue
        word = "higher" if effect > 0 else "lower"
        scale = "" if name == "sharpness" else " (scale 0 to 1)"
        text = (
            f"Mean {name} is {mean:.2f} in training and {b.mean():.2f} in validation{scale}: {word} by {abs(effect):.1f} standard "
            f"deviations. The model learns on pictures unlike those it is judged on; augmentation with {COVERS.get(name, name)} can cover it, or a new split."
        )
        numbers = {"effect": float(effect), "train": mean, "validation": float(b.mean()), "p": float(p)}
        notes.append(HealthNote(f"shift_{name}", "warning", f"Validation images differ in {name}", text, (), numbers))
    return notes


def _classes(split: Split, n: int = MAX_LOOKED_AT) -> np.ndarray:
    """Return the classes of the pictures that :func:`image_statistics` looks at."""
    order = np.argsort(split.indices)
    return split.labels[order[np.searchsorted(split.indices, _some(split, n), sorter=order)]]


def _weights(train: np.ndarray, validation: np.ndarray) -> np.ndarray:
    """Return a weight a training picture that gives the classes their shares of the validation images: a rare class is no other light."""
    counts, wanted = (
        np.bincount(train, minlength=validation.max() + 1),
        np.bincount(validation, minlength=train.max() + 1),
    )
    weights = wanted[train] / counts[train]
    return weights / weights.sum()


def _scaling(dataset: Dataset) -> list[HealthNote]:
    """Look for pixels that were scaled to 0..1 before they were stored as whole numbers."""
    brightest = np.array([np.max(dataset.train.source[row]) for row in _some(dataset.train, 100)])
    top = float(np.quantile(brightest, 0.9)) if len(brightest) else 255.0
    if top >= DARK:
        return []
    text = (
        f"The brightest pixel of nine in ten training images is {top:.0f} or less, on a scale of 0 to 255: they are nearly black. Pixels were "
        "probably divided (by 255, say) before they were saved. The network expects 0 to 255 and sees next to nothing."
    )
    return [HealthNote("scaling", "problem", "Pixel values use hardly any of the scale", text, (), {"brightest": top})]


def _coarse(dataset: Dataset) -> list[HealthNote]:
    """Look for pictures that are only enlarged: they lose nothing when shrunk again."""
    pictures = [np.asarray(dataset.train.source[row]) for row in _some(dataset.train, 40)]
    pictures = [p for p in pictures if p.std() > 2]
    spreads = [float(p.var()) for p in pictures]
    for side in COARSE if pictures else ():
        lost = float(
            np.median([_lost(picture, side) / spread for picture, spread in zip(pictures, spreads, strict=True)])
        )
        if lost < DETAIL:
            text = (
                f"The training pictures hold no more detail than {side} × {side} pixels: shrunk to that and enlarged again they lose "
                f"{lost:.1%} of what differs within them. If a person cannot tell the classes at that size, no network can."
            )
            return [HealthNote("low_resolution", "warning", "Pictures without detail", text, (), {"pixels": side})]
    return []


def _lost(picture: np.ndarray, side: int) -> float:
    """Return the variance within a picture that is gone at ``side`` pixels, by the better of two enlargements."""
    image = Image.fromarray(picture)
    small = image.resize((side, side), Image.Resampling.BOX)
    again = [small.resize(image.size, how) for how in (Image.Resampling.NEAREST, Image.Resampling.BILINEAR)]
    return min(float(np.mean((np.asarray(a, np.float32) - picture) ** 2)) for a in again)
