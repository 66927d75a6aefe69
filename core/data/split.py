"""The seeded, stratified split, with near-duplicates kept on one side."""

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split

from core.data.collection import Collection
from core.errors import DataError
from core.experiment import DataSpec

# Perceptual hashes of 64 bits: up to 4 different bits are the same picture saved again, scaled or recoloured a little;
# a small thumbnail must agree too, so that plain pictures of different things are not taken for copies.
MAX_BITS = 4
MAX_THUMBNAIL_DIFFERENCE = 8.0


def duplicate_groups(pixels: np.ndarray) -> np.ndarray:
    """Number pictures so that near-duplicates share a number.

    Parameters
    ----------
    pixels
        uint8 of shape (n, size, size, 3).

    Returns
    -------
    ndarray
        int of shape (n,).

    References
    ----------
    Perceptual hash: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010 (library imagehash).
    """
    hashes, thumbnails = [], []
    for picture in pixels:
        image = Image.fromarray(np.asarray(picture))
        hashes.append(imagehash.phash(image).hash.ravel())
        thumbnails.append(np.asarray(image.resize((8, 8), Image.Resampling.BOX), np.float32).ravel())
    bits, small = np.array(hashes, np.float32), np.array(thumbnails)
    rows, columns = _close_pairs(bits, small)
    n = len(pixels)
    return connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n)), directed=False)[1]


def _close_pairs(bits: np.ndarray, small: np.ndarray, block: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = [], []
    for start in range(0, len(bits), block):
        part = bits[start : start + block]
        different = part @ (1 - bits.T) + (1 - part) @ bits.T
        i, j = np.nonzero(different <= MAX_BITS)
        close = np.abs(small[i + start] - small[j]).mean(1) <= MAX_THUMBNAIL_DIFFERENCE
        rows.append(i[close] + start)
        columns.append(j[close])
    return np.concatenate(rows), np.concatenate(columns)


def split_indices(
    collection: Collection, chosen: np.ndarray, spec: DataSpec, groups: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return the rows of train, validation and test.

    Parameters
    ----------
    collection
        The source; splits it came with are kept, what is missing is taken from its training part.
    chosen
        Rows that belong to the chosen classes, shape (m,).
    spec
        Fractions, seed, largest number of training images a class.
    groups
        Group number of every row of the collection; groups are not torn apart.

    Raises
    ------
    DataError
        When there are too few images to put at least one of each class into every split.
    """
    given = np.array([collection.given[i] or "train" for i in chosen])
    parts = {name: chosen[given == name] for name in ("train", "validation", "test")}
    fractions = {"test": spec.test_fraction, "validation": spec.validation_fraction}
    total = len(parts["train"])
    has_split = any(g is not None for g in collection.given)
    for name, fraction in fractions.items():
        wanted = fraction > 0 and (name == "validation" or not has_split)
        if wanted and not len(parts[name]):
            parts["train"], parts[name] = _take(
                parts["train"], fraction * total / len(parts["train"]), collection.labels, groups, spec.seed
            )
    parts["train"] = _limited(parts["train"], collection.labels, spec)
    _refuse_missing_classes(parts, collection, chosen)
    return parts


def _take(
    rows: np.ndarray, share: float, labels: np.ndarray, groups: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move a stratified share of the rows out, whole groups at a time."""
    keys = groups[rows] if groups is not None else np.arange(len(rows))
    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    group_labels = labels[rows[first]]
    n_classes = len(set(group_labels))
    take = min(max(round(share * len(unique)), n_classes), len(unique) - n_classes)
    try:
        _, out = train_test_split(np.arange(len(unique)), test_size=take, stratify=group_labels, random_state=seed)
    except ValueError as error:
        raise DataError(
            "A class has too few images that differ from each other to be split. Add images to the smallest class."
        ) from error
    moved = np.isin(inverse, out)
    return rows[~moved], rows[moved]


def _limited(rows: np.ndarray, labels: np.ndarray, spec: DataSpec) -> np.ndarray:
    if spec.images_per_class is None:
        return rows
    shuffled = np.random.default_rng(spec.seed).permutation(rows)
    kept = [shuffled[labels[shuffled] == c][: spec.images_per_class] for c in np.unique(labels[rows])]
    return np.sort(np.concatenate(kept))


def _refuse_missing_classes(parts: dict[str, np.ndarray], collection: Collection, chosen: np.ndarray) -> None:
    every = set(collection.labels[chosen].tolist())
    for name in ("train", "validation"):
        missing = every - set(collection.labels[parts[name]].tolist())
        if missing:
            listed = ", ".join(repr(collection.class_names[c]) for c in sorted(missing))
            raise DataError(f"The {name} split has no image of {listed}. Add images of it, or leave the class out.")
