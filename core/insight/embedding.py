"""The map of pictures: features of two networks in one plane, and whether the classes parted, in numbers.

scikit-learn is imported where it is used: pages import this file and need not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.insight import features
from core.insight.kept import kept
from core.insight.side import Side, sides, store_at
from core.statistics import mean_interval, standardised

MOST_PICTURES = {"train": 150, "validation": 75, "test": 75}
COMPONENTS = 50
NEIGHBOURS = 10
SEED = 0


@dataclass(frozen=True)
class PictureMap:
    """Pictures in the plane, once for each run.

    Attributes
    ----------
    positions
        Shape (n_runs, n, 2), within 0..1.
    rows
        Rows of the source's array, shape (n,).
    splits
        Each picture's split, shape (n,).
    labels
        True classes, shape (n,).
    predicted
        Answers, shape (n_runs, n).
    purity
        For each run, of a validation picture's ten nearest training pictures the mean share of its class.
    gain, low, high
        By how much the purity grew from the first run to the last, with its 95% interval; 0 for one run.
    silhouette
        For each run, of the validation pictures: -1 (mixed) to 1 (apart).
    """

    positions: np.ndarray
    rows: np.ndarray
    splits: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    purity: tuple[float, ...]
    gain: float
    low: float
    high: float
    silhouette: tuple[float, ...]


@kept
def place(store_uri: str, run_ids: list[str], block: str, method: str) -> PictureMap:
    """Return the map of the runs' pictures by one block's features; worker only.

    Parameters
    ----------
    store_uri, run_ids
        One run, or two of the same pictures, width and image size.
    block
        A building block; ``Conv_1`` is the last one.
    method
        ``pca``, there at once, or ``tsne``, which shows neighbourhoods truer and distances less.

    Raises
    ------
    RunError, DataError
        When a run kept no model, or its images are gone.
    """
    opened = sides(store_uri, run_ids)
    by_split = {name: features.of_split([s.network for s in opened], split) for name, split in opened[0].dataset.splits.items() if len(split)}  # fmt: skip
    chosen = {name: features.sampled(len(found[0].rows), MOST_PICTURES[name]) for name, found in by_split.items()}
    vectors = [np.concatenate([found[i].blocks[block][chosen[name]] for name, found in by_split.items()]) for i in range(len(opened))]  # fmt: skip
    splits = np.concatenate([np.full(len(at), name) for name, at in chosen.items()])
    positions = in_plane(np.concatenate(vectors), method).reshape(len(opened), -1, 2)
    rows, labels, predicted = _known(
        store_uri, opened, {name: by_split[name][0].rows[at] for name, at in chosen.items()}
    )
    shares = [purity(v[splits == "validation"], labels[splits == "validation"], v[splits == "train"], labels[splits == "train"]) for v in vectors]  # fmt: skip
    parted = [_silhouette(v[splits == "validation"], labels[splits == "validation"]) for v in vectors]
    gain, low, high = mean_interval(shares[-1] - shares[0])
    means = tuple(float(s.mean()) for s in shares)
    return PictureMap(positions, rows, splits, labels, predicted, means, gain, low, high, tuple(parted))


def _known(
    store_uri: str, opened: list[Side], rows: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return source rows, labels and each run's stored answers of these positions in the splits."""
    splits = opened[0].dataset.splits
    evaluations = [store_at(store_uri).evaluation(side.run.id) for side in opened]
    predicted = [np.concatenate([e.splits[name].predicted[at] for name, at in rows.items()]) for e in evaluations if e]
    source = np.concatenate([splits[name].indices[at] for name, at in rows.items()])
    return source, np.concatenate([splits[name].labels[at] for name, at in rows.items()]), np.stack(predicted)


def in_plane(vectors: np.ndarray, method: str) -> np.ndarray:
    """Return vectors of shape (n, width) in the plane, shape (n, 2) within 0..1; the same ones each time.

    References
    ----------
    Van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008. Kobak and Berens, "The art of using t-SNE for single-cell
    transcriptomics", Nature Communications 2019 (principal components to begin with, so that the large picture is kept).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    (scaled,) = standardised(vectors)
    n = min(COMPONENTS, *scaled.shape)
    reduced = (
        PCA(max(n, 2), random_state=SEED).fit_transform(scaled) if scaled.shape[1] > 1 else np.repeat(scaled, 2, 1)
    )
    flat = reduced[:, :2]
    if method == "tsne" and len(vectors) > 8:
        perplexity = min(30.0, len(vectors) / 4)
        flat = TSNE(init="pca", perplexity=perplexity, random_state=SEED, max_iter=750).fit_transform(reduced)
    low, high = flat.min(0), flat.max(0)
    return (flat - low) / np.maximum(high - low, 1e-12)


def purity(vectors: np.ndarray, labels: np.ndarray, known: np.ndarray, known_labels: np.ndarray) -> np.ndarray:
    """Return, for each picture, the share of its nearest known pictures that are of its class.

    Parameters
    ----------
    vectors, labels
        Features (n, width) and classes (n,) of pictures.
    known, known_labels
        The same of those among which neighbours are looked for.
    """
    from sklearn.neighbors import NearestNeighbors

    among, asked = standardised(known, vectors)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(known))).fit(among)
    near = search.kneighbors(asked, return_distance=False)
    return (known_labels[near] == labels[:, None]).mean(1)


def _silhouette(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Return the silhouette of the classes; 0 where there are too few to tell."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(labels):
        return 0.0
    return float(silhouette_score(*standardised(vectors), labels))
