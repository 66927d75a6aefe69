"""Changes to a data set that cause a known problem: wrong labels, lost detail, shifted validation images, shortcuts, copies."""

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from core.data import Dataset, Split
from core.data.copies import Copies

Change = Callable[[Dataset], Dataset]
Parts = dict[str, tuple[np.ndarray, np.ndarray]]


def parts_of(dataset: Dataset) -> Parts:
    """Return images (n, size, size, 3) and labels (n,) of each split, in memory."""
    return {name: (split.images, split.labels) for name, split in dataset.splits.items()}


def rebuilt(dataset: Dataset, parts: Parts) -> Dataset:
    """Return a data set with these images and labels; its fingerprints follow the content."""
    source = np.concatenate([images for images, _ in parts.values()])
    made, start = {}, 0
    for name, (images, labels) in parts.items():
        rows = np.arange(start, start + len(images))
        start += len(images)
        fingerprint = hashlib.sha256(images.tobytes()).hexdigest()[:24]
        names = tuple(f"{name} {i}" for i in range(len(images)))
        made[name] = Split(source, rows, labels.astype(np.int64), names, fingerprint)
    copies = None
    if dataset.copies is not None:
        copies = Copies(np.concatenate([dataset.copies.groups[s.indices] for s in dataset.splits.values()]), ())
    return dataclasses.replace(dataset, **made, copies=copies)


def chosen(dataset: Dataset, parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> Dataset:
    """Return a data set whose named splits hold these rows of its source with these labels; no picture is copied."""
    made, before = {}, dataset.train.fingerprint.encode()
    for name, (rows, labels) in parts.items():
        fingerprint = hashlib.sha256(before + rows.astype(np.int64).tobytes()).hexdigest()[:24]
        names = tuple(f"{name} {i}" for i in rows)
        made[name] = Split(dataset.train.source, rows, labels.astype(np.int64), names, fingerprint)
    return dataclasses.replace(dataset, **made)


def without_test(dataset: Dataset) -> Dataset:
    """Return the data set with no test images, which a diagnosis may not see."""
    none = dataclasses.replace(dataset.test, indices=dataset.test.indices[:0], labels=dataset.test.labels[:0], names=())
    return dataclasses.replace(dataset, test=none)


def _rows(dataset: Dataset) -> Parts:
    """Return rows in the source and labels of each split."""
    return {name: (split.indices, split.labels) for name, split in dataset.splits.items()}


def _each(dataset: Dataset, change: Callable[[np.ndarray], np.ndarray], splits: tuple[str, ...]) -> Dataset:
    """Change the images of some splits; ``change`` maps float images in 0..255 to the same."""
    parts = parts_of(dataset)
    for name in splits:
        images, labels = parts[name]
        parts[name] = np.clip(change(images.astype(np.float32)), 0, 255).astype(np.uint8), labels
    return rebuilt(dataset, parts)


TINTS = ((230, 60, 60), (60, 90, 230), (60, 190, 80), (230, 200, 50), (170, 60, 200), (60, 200, 200))
ALL, NEW = ("train", "validation", "test"), ("validation", "test")


def scaled_down(divisor: float) -> Change:
    """Pixels divided before they are stored, as happens when images in 0..1 are saved as whole numbers."""
    return lambda d: _each(d, lambda x: x / divisor, ALL)


def low_resolution(pixels: int) -> Change:
    """Every image shrunk to ``pixels`` a side and enlarged again."""

    def change(images: np.ndarray) -> np.ndarray:
        small = [Image.fromarray(i.astype(np.uint8)).resize((pixels, pixels), Image.Resampling.BOX) for i in images]
        return np.stack([np.asarray(s.resize(images.shape[1:3], Image.Resampling.NEAREST)) for s in small])

    return lambda d: _each(d, change, ALL)


def darker(by: float) -> Change:
    """Validation and test images darkened by a share of the full scale."""
    return lambda d: _each(d, lambda x: x - 255 * by, NEW)


def paler(to: float) -> Change:
    """Validation and test images with a share ``to`` of their contrast."""
    return lambda d: _each(d, lambda x: 128 + (x - 128) * to, NEW)


def grey(keep: float) -> Change:
    """Validation and test images with a share ``keep`` of their colour."""
    return lambda d: _each(d, lambda x: x.mean(-1, keepdims=True) * (1 - keep) + x * keep, NEW)


def closer(factor: float) -> Change:
    """Validation and test images cut out around the middle and enlarged ``factor`` times."""

    def change(images: np.ndarray) -> np.ndarray:
        side = images.shape[1]
        margin = round(side * (1 - 1 / factor) / 2)
        box = (margin, margin, side - margin, side - margin)
        return np.stack([np.asarray(Image.fromarray(i.astype(np.uint8)).resize((side, side), box=box)) for i in images])

    return lambda d: _each(d, change, NEW)


def wrong_labels(share: float, splits: tuple[str, ...] = ("train", "validation")) -> Change:
    """A share of the labels replaced by another class, as when folders were mixed up."""

    def change(dataset: Dataset) -> Dataset:
        parts, n = _rows(dataset), len(dataset.class_names)
        for name in splits:
            rows, labels = parts[name]
            rng = np.random.default_rng([11, len(labels)])
            wrong = rng.choice(len(labels), round(share * len(labels)), replace=False)
            labels = labels.copy()
            labels[wrong] = (labels[wrong] + rng.integers(1, n, len(wrong))) % n
            parts[name] = rows, labels
        return chosen(dataset, parts)

    return change


def unrelated_labels(dataset: Dataset) -> Dataset:
    """Labels drawn anew in every split: they say nothing about the pictures."""
    parts = _rows(dataset)
    for i, (name, (rows, labels)) in enumerate(parts.items()):
        parts[name] = rows, np.random.default_rng([12, i]).permutation(labels)
    return chosen(dataset, parts)


def imbalanced(ratio: float) -> Change:
    """Training images of the later classes left out until the last has ``1/ratio`` of the first's."""

    def change(dataset: Dataset) -> Dataset:
        parts, n = _rows(dataset), len(dataset.class_names)
        rows, labels = parts["train"]
        smallest = max(3, round(np.bincount(labels).min() / ratio))
        kept = [np.flatnonzero(labels == c)[: smallest if c >= (n + 1) // 2 else None] for c in range(n)]
        at = np.sort(np.concatenate(kept))
        return chosen(dataset, parts | {"train": (rows[at], labels[at])})

    return change


def copies(share: float) -> Change:
    """A share of the validation images replaced by copies of training images."""

    def change(dataset: Dataset) -> Dataset:
        parts = _rows(dataset)
        (train, known), (rows, labels) = parts["train"], parts["validation"]
        rng = np.random.default_rng(13)
        n = round(share * len(rows))
        taken = rng.choice(len(train), min(n, len(train)), replace=False)
        at = rng.choice(len(rows), len(taken), replace=False)
        rows, labels = rows.copy(), labels.copy()
        rows[at], labels[at] = train[taken], known[taken]
        return chosen(dataset, parts | {"validation": (rows, labels)})

    return change


def shortcut(strength: float, splits: tuple[str, ...] = ("train", "validation")) -> Change:
    """Training and validation images tinted by class; test images are not."""

    def change(dataset: Dataset) -> Dataset:
        parts = parts_of(dataset)
        for name in splits:
            images, labels = parts[name]
            tint = np.array(TINTS)[labels % len(TINTS)][:, None, None, :]
            parts[name] = (images * (1 - strength) + tint * strength).astype(np.uint8), labels
        return rebuilt(dataset, parts)

    return change


def few_validation(n: int) -> Change:
    """Only ``n`` validation images, drawn evenly from the classes."""

    def change(dataset: Dataset) -> Dataset:
        parts = _rows(dataset)
        rows, labels = parts["validation"]
        order = np.argsort(np.random.default_rng(14).permutation(len(labels)), kind="stable")
        rank = np.array([(labels[order][:i] == c).sum() for i, c in enumerate(labels[order])])
        at = order[np.argsort(rank, kind="stable")][:n]
        return chosen(dataset, parts | {"validation": (rows[at], labels[at])})

    return change
