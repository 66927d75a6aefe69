"""Which training labels a linear model doubts that was fitted to all other images."""

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

RIDGE = 1.0  # weight of the penalty, in units of the mean squared length of a standardised feature vector


def leave_one_out(features: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return for each image the scores of a ridge classifier fitted without it, in which every class weighs the same.

    Without the weights an image of a small class looks surely like one of a large class.

    Parameters
    ----------
    features
        Shape (n, width).
    labels
        Classes, int of shape (n,).
    n_classes
        Number of classes.

    Returns
    -------
    ndarray
        Shape (n, n_classes); the targets are 1 and 0, minus 1 / n_classes.

    References
    ----------
    Golub, Heath and Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter", Technometrics 1979: the
    fits without each image follow from the one with all.
    """
    weights = compute_sample_weight("balanced", labels)
    x = StandardScaler().fit(features, sample_weight=weights).transform(features)
    kernel = (x @ x.T).astype(np.float64) / x.shape[1]
    targets = np.eye(n_classes)[labels] - 1 / n_classes
    hat = np.linalg.solve(kernel + RIDGE * np.diag(1 / weights), kernel).T
    own = np.diag(hat)[:, None]
    return (hat @ targets - own * targets) / (1 - own)


def doubted(features: np.ndarray, labels: np.ndarray, n_classes: int) -> dict:
    """Return what the classifier that has not seen an image says about its label.

    An image is doubted when another class scores highest and as high as that class usually does on its own images.

    Returns
    -------
    dict
        ``accuracy`` on images not seen, ``rows`` doubted (positions in ``labels``, the most doubtful first), ``answers``, the class that each
        looks like, and ``sureness`` of the answers that contradict a label (:func:`sureness`).

    References
    ----------
    Northcutt, Jiang and Chuang, "Confident learning", JAIR 2021 (a class's own average as threshold, predictions on images not fitted).
    """
    scores = leave_one_out(features, labels, n_classes)
    every = np.arange(len(labels))
    own, top = scores[every, labels], scores.argmax(1)
    usual = np.array([own[labels == c].mean() if (labels == c).any() else np.inf for c in range(n_classes)])
    rows = np.flatnonzero((top != labels) & (scores[every, top] >= usual[top]))
    rows = rows[np.argsort(own[rows] - scores[rows, top[rows]])]
    return {
        "accuracy": float((top == labels).mean()),
        "rows": rows.tolist(),
        "answers": top[rows].tolist(),
        "sureness": sureness(scores, labels),
    }


def sureness(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return how sure answers that contradict the label are, as a share of how sure the others are: what it surely reaches.

    On hard images the best two classes are near each other where the answer is wrong; where the label is wrong they are as far apart as ever.

    Parameters
    ----------
    scores
        Scores of images not seen, shape (n, n_classes).
    labels
        Classes, int of shape (n,).

    Returns
    -------
    float
        The ratio of the mean leads of the first class over the second, less two standard errors; 0 with fewer than two such answers
        or nothing to compare them with.

    References
    ----------
    Pleiss, Zhang, Elenberg and Weinberger, "Identifying mislabeled data using the area under the margin ranking", NeurIPS 2020 (the margin).
    """
    second, first = np.sort(scores, 1)[:, -2:].T
    lead, wrong = first - second, scores.argmax(1) != labels
    if wrong.sum() < 2 or not lead[~wrong].any():
        return 0.0
    return float((lead[wrong].mean() - 2 * lead[wrong].std() / np.sqrt(wrong.sum())) / lead[~wrong].mean())
