"""What the validation loss of the same images did over the epochs, with the uncertainty that other images would bring."""

import numpy as np

from core.statistics import fall_of_a_doubling, mean_and_error

MOST = 2000  # images whose losses are kept


class LossPaths:
    """The loss of each validation image after each epoch."""

    def __init__(self) -> None:
        self.losses: list[np.ndarray] = []

    def append(self, losses: np.ndarray) -> None:
        """Add the losses of an epoch, shape (n_images,), of the same images in the same order."""
        self.losses.append(np.asarray(losses[:MOST], np.float32))

    def summary(self) -> dict[str, float]:
        """Return :func:`summary_of` these images."""
        return summary_of([self.losses])


def summary_of(parts: list[list[np.ndarray]]) -> dict[str, float]:
    """Return what the mean loss did, each figure with its standard error over images.

    Parameters
    ----------
    parts
        For each model the losses of the images that it judged, a list of arrays of shape (n_images,), one an epoch; the same number of epochs in all.

    Returns
    -------
    dict
        ``best``, the position of the lowest mean; ``rise`` since then (nats) and ``rise_error``; ``doubling``, what the last doubling of
        the epochs took off the loss (a line through ln(epoch) over the second half, times ln 2), and ``doubling_error``. Empty with fewer than three epochs or two images.
    """
    if min(map(len, parts)) < 3:
        return {}
    paths = np.concatenate([np.array(part, float).reshape(len(part), -1) for part in parts], axis=1)
    if paths.shape[1] < 2 or not np.isfinite(paths).all():
        return {}
    best = int(paths.mean(1).argmin())
    rise, rise_error = mean_and_error(paths[-_last(len(paths)) :].mean(0) - paths[best])
    doubling, doubling_error = mean_and_error(fall_of_a_doubling(paths))
    figures = {"rise": rise, "rise_error": rise_error, "doubling": doubling, "doubling_error": doubling_error}
    return {"best": best, **{k: float(v) for k, v in figures.items()}}


def _last(n_epochs: int) -> int:
    """Return how many epochs at the end are one figure: a tenth, one to three."""
    return min(3, max(1, n_epochs // 10))
