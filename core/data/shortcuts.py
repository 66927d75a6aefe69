"""Does something tell the classes that they are hardly about? What a model reaches that sees mean colours alone, or files alone."""

import numpy as np

from core.data import Dataset, Split, file_properties
from core.data.collection import HealthNote
from core.statistics import wilson

SHORTCUT = 0.2  # accuracy above chance that such a model must surely reach to be worth a note
MOST_LOOKED_AT = 1200
FEWEST = 12  # images of a split
FRAME = 0.03  # of the side, at each edge
FLAT = 6.0  # grey levels that the frame of a picture may spread over: what a camera sees spreads over more


def colour_tells(dataset: Dataset) -> list[HealthNote]:
    """Let a model that sees only mean and spread of each colour answer; one that answers well hints at a shortcut."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = _answered(dataset, make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)), _colours)
    if found is None:
        return []
    text = (
        f"A model that sees nothing but the mean and spread of red, green and blue is right for {found['accuracy']:.0%} of the validation images. "
        "If colour is not what the classes are about, backgrounds or lighting may give them away."
    )
    return [HealthNote("colour_tells", "info", "Colour alone tells much of the class", text, (), found)]


def files_tell(dataset: Dataset) -> list[HealthNote]:
    """Let a small decision tree answer that sees of each picture only its size, shape, type, compression and frame."""
    from sklearn.tree import DecisionTreeClassifier

    if dataset.files is None:
        return []
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=5, random_state=0)
    found = _answered(dataset, tree, lambda split: _properties(dataset.files, split))
    if found is None:
        return []
    told = _most_telling(tree.feature_importances_)
    text = (
        f"A model that sees of each picture only the size, shape, type, compression and frame of its file is right for {found['accuracy']:.0%} of the "
        f"validation images, mostly by {told}. A network sees that too: pictures are stretched to a square, enlarged or shrunk. Take, crop "
        "and save the pictures of all classes the same way, or what is learnt may be how they were made."
    )
    return [HealthNote("files_tell", "warning", f"The files alone tell much of the class: {told}", text, (), found)]


def _answered(dataset: Dataset, model, looked_at) -> dict[str, float] | None:
    """Return what a model reaches on validation images that learnt from training images; None where that is not surely much."""
    if min(len(dataset.train), len(dataset.validation)) < FEWEST:
        return None
    seen, known = looked_at(dataset.train)
    if len(set(known.tolist())) < 2:
        return None
    asked, labels = looked_at(dataset.validation)
    n, right = len(labels), int((model.fit(seen, known).predict(asked) == labels).sum())
    chance, (low, high) = np.bincount(labels).max() / n, wilson(right, n)
    return (
        {"accuracy": right / n, "low": low, "high": high, "chance": float(chance)} if low >= chance + SHORTCUT else None
    )


def _sample(split: Split) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(len(split))[:MOST_LOOKED_AT])


def _colours(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of each colour, shape (n, 6), and labels (n,) of a sample of a split."""
    at = _sample(split)
    pictures = [by_channel(split.source[row][::2, ::2]).reshape(3, -1) for row in split.indices[at]]
    return np.stack([np.concatenate([p.mean(1), p.std(1)]) for p in pictures]), split.labels[at]


def _properties(files: np.ndarray, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return what files alone say, with the colour of a flat frame, shape (n, k), and labels (n,) of a sample of a split."""
    at = _sample(split)
    rows = split.indices[at]
    return np.hstack([files[rows], np.stack([_frame(split.source[row]) for row in rows])]), split.labels[at]


def _frame(picture: np.ndarray) -> np.ndarray:
    """Return the colour of a picture's outermost pixels where they are flat, shape (3,); -1 where they are not."""
    wide = max(1, round(FRAME * len(picture)))
    inner = np.ones(picture.shape[:2], bool)
    inner[wide:-wide, wide:-wide] = False
    pixels = picture[inner].astype(np.float32)
    return pixels.mean(0) if pixels.std(0).max() <= FLAT else np.full(3, -1.0)


def _most_telling(importances: np.ndarray) -> str:
    """Return in words what a tree decides by."""
    names = [*file_properties.NAMES, "frame", "frame", "frame"]
    kinds = {"width": "size", "height": "size", "shape": "shape", "compression": "compression", "frame": "frame"}
    weights: dict[str, float] = {}
    for name, weight in zip(names, importances, strict=True):
        kind = kinds.get(name, "file type")
        weights[kind] = weights.get(kind, 0.0) + float(weight)
    return max(weights, key=lambda kind: weights[kind])


def by_channel(picture: np.ndarray) -> np.ndarray:
    """Return a picture (h, w, 3) as float32 (3, h, w): NumPy reduces over colours or pixels four times faster when a channel lies together."""
    return np.ascontiguousarray(np.moveaxis(picture, -1, 0)).astype(np.float32)
