"""The seeded, stratified split, with near-duplicates kept on one side.

ImageHash and SciPy are imported where they are used, so that the first page need not wait for them.
"""

import numpy as np
from PIL import Image

from core.data.collection import SPLITS, Collection
from core.errors import DataError
from core.experiment import DataSpec

# Perceptual hashes of 64 bits: up to 4 different bits are the same picture saved again, scaled or recoloured a little;
# a small thumbnail must agree too, so that plain pictures of different things are not taken for copies.
MAX_BITS = 4
MAX_THUMBNAIL_DIFFERENCE = 8.0
LISTED = 5  # classes in a sentence
PAIRS = 50_000  # compared at a time


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
    import imagehash

    hashes, thumbnails = [], []
    for picture in pixels:
        image = Image.fromarray(np.asarray(picture))
        hashes.append(imagehash.phash(image).hash.ravel())
        thumbnails.append(np.asarray(image.resize((8, 8), Image.Resampling.BOX), np.float32).ravel())
    return _grouped(np.array(hashes, np.float32), np.array(thumbnails))


def _grouped(bits: np.ndarray, small: np.ndarray, block: int = 256) -> np.ndarray:
    """Join close pairs block by block, so that a folder of thousands of equal pictures does not fill the memory with pairs."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(bits)
    groups = np.arange(n)
    for start in range(0, n, block):
        part = bits[start : start + block]
        different = part @ (1 - bits.T) + (1 - part) @ bits.T
        i, j = np.nonzero(different <= MAX_BITS)
        i += start
        open_question = (j > i) & (groups[i] != groups[j])
        i, j = i[open_question], j[open_question]
        close = [
            np.abs(small[i[k : k + PAIRS]] - small[j[k : k + PAIRS]]).mean(1) <= MAX_THUMBNAIL_DIFFERENCE
            for k in range(0, len(i), PAIRS)
        ]
        joined = np.concatenate(close) if close else np.zeros(0, bool)
        rows, columns = np.append(i[joined], np.arange(n)), np.append(j[joined], groups)
        links = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(n, n))
        numbers = connected_components(links, directed=False)[1]
        groups = np.unique(numbers, return_index=True)[1][numbers]
    return np.unique(groups, return_inverse=True)[1]


def split_indices(
    collection: Collection, chosen: np.ndarray, spec: DataSpec, groups: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return the rows of train, validation and test.

    Parameters
    ----------
    collection
        The source; splits it came with are kept unless ``spec`` says otherwise, what is missing is taken from its training part.
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
    n_source = len(collection.given) - collection.added
    everything, late = chosen, _joining(collection, chosen, n_source)
    chosen = chosen[~late]
    came = {g for i in chosen if i < n_source and (g := collection.given[i])} if spec.given_split else set()
    given = np.array([(collection.given[i] if came or i >= n_source else None) or "train" for i in chosen])
    parts = {name: chosen[given == name] for name in ("train", "validation", "test")}
    fractions = {"test": spec.test_fraction, "validation": spec.validation_fraction}
    total = len(parts["train"])
    for name, fraction in fractions.items():
        wanted = fraction > 0 and (name == "validation" or not came)
        if wanted and name not in came:
            share = fraction * total / max(len(parts["train"]), 1)
            parts["train"], taken = _take(parts["train"], share, collection, groups, [spec.seed, SPLITS.index(name)])
            parts[name] = np.sort(np.append(parts[name], taken))
    _refuse_missing_classes(parts, collection, chosen)
    parts["train"] = _limited(parts["train"], collection.labels, spec)
    return _joined(parts, everything[late], groups)


def _joining(collection: Collection, chosen: np.ndarray, n_source: int) -> np.ndarray:
    """Tell which rows a person added to the training part of a class that was there: they join when the others are dealt.

    Dealt with the others, one picture more would move a third of them to another part.
    """
    there = set(collection.labels[chosen[chosen < n_source]].tolist())
    return np.array([i >= n_source and collection.given[i] in ("", None, "train") and int(collection.labels[i]) in there for i in chosen], bool)  # fmt: skip


def _joined(parts: dict[str, np.ndarray], late: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
    """Add rows to the training part; one whose near-duplicate lies in another part goes there."""
    held = {groups[i]: name for name in ("validation", "test") for i in parts[name]} if groups is not None else {}
    where = np.array([held.get(groups[i], "train") if groups is not None else "train" for i in late])
    return {name: np.append(rows, late[where == name]).astype(rows.dtype) for name, rows in parts.items()}


def _take(
    rows: np.ndarray, share: float, collection: Collection, groups: np.ndarray | None, seed: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Move a stratified share of the rows out, whole groups at a time."""
    keys = _torn(groups[rows], collection.labels[rows]) if groups is not None else np.arange(len(rows))
    _, first, inverse, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    labels = collection.labels[rows[first]]
    few = [collection.class_names[c] for c in np.unique(labels) if (labels == c).sum() < 2]
    if few:
        raise DataError(f"The class {few[0]!r} has too few images to be split. Add images to it, or leave it out.")
    moved = np.isin(inverse, stratified(labels, share, seed, sizes))
    return rows[~moved], rows[moved]


def _torn(keys: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return group numbers in which the pictures of a class that is a single group are on their own.

    Ten pictures of a cup that was not moved can be trained on; :mod:`core.data.health` then says what the validation is worth.
    """
    owners = labels[np.unique(keys, return_index=True)[1]]
    lonely = [c for c in np.unique(labels) if (owners == c).sum() < 2]
    torn = np.isin(labels, lonely)
    return np.where(torn, keys.max() + 1 + np.arange(len(keys)), keys)


def stratified(labels: np.ndarray, share: float, seed: list[int], sizes: np.ndarray | None = None) -> np.ndarray:
    """Choose about ``share`` of each class, at least one and never all of it.

    scikit-learn's ``train_test_split`` may leave a small class out of the smaller part altogether.

    Parameters
    ----------
    labels
        Classes, shape (n,), each at least twice.
    share
        Share of each class, 0 to 1.
    seed
        The same seed chooses the same positions.
    sizes
        Pictures at each position, shape (n,); default one each. The share is one of pictures.

    Returns
    -------
    ndarray
        Positions in ``labels``, sorted.
    """
    sizes = np.ones(len(labels), np.int64) if sizes is None else sizes
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen: list[int] = []
    for label in np.unique(labels):
        chosen += _fill(order[labels[order] == label], sizes, share)
    return np.array(sorted(chosen), np.int64)


def _fill(members: np.ndarray, sizes: np.ndarray, share: float) -> list[int]:
    """Take members in order while they fit; the smallest where none does, and never all."""
    room = round(share * sizes[members].sum())
    taken = []
    for member in members:
        if sizes[member] <= room:
            taken.append(int(member))
            room -= sizes[member]
    return taken[: len(members) - 1] or [int(min(members, key=lambda m: sizes[m]))]


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
            more = f" and {len(missing) - LISTED} other classes" if len(missing) > LISTED else ""
            listed = ", ".join(repr(collection.class_names[c]) for c in sorted(missing)[:LISTED]) + more
            raise DataError(
                f"The {name} split has no image of {listed}. Add images of it, leave the class out, or split the pictures again."
            )
