"""What the validation loss of the same images did over the epochs, with the uncertainty that other images would bring."""

import numpy as np

from core.statistics import mean_and_error

MOST = 2000  # images whose losses are kept


class LossPaths:
    """The loss of each validation image after each epoch."""

    def __init__(self) -> None:
        self._epochs: list[np.ndarray] = []

    def append(self, losses: np.ndarray) -> None:
        """Add the losses of an epoch, shape (n_images,), of the same images in the same order."""
        self._epochs.append(np.asarray(losses[:MOST], np.float32))

    def summary(self) -> dict[str, float]:
        """Return what the mean over images did, each figure with its standard error over images.

        Returns
        -------
        dict
            ``best``, the position of the lowest mean; ``rise`` since then (nats) and ``rise_error``; ``doubling``, what the last doubling of
            the epochs took off the loss (a line through ln(epoch) over the second half, times ln 2), and ``doubling_error``. Empty
            with fewer than three epochs or two images.
        """
        paths = np.array(self._epochs, float)
        if paths.ndim < 2 or len(paths) < 3 or paths.shape[1] < 2 or not np.isfinite(paths).all():
            return {}
        best = int(paths.mean(1).argmin())
        rise, rise_error = mean_and_error(paths[-_last(len(paths)) :].mean(0) - paths[best])
        start = min(len(paths) // 2, len(paths) - 3)
        x = np.log(np.arange(start + 1, len(paths) + 1))
        slopes = (x - x.mean()) @ paths[start:] / ((x - x.mean()) ** 2).sum()
        doubling, doubling_error = mean_and_error(-np.log(2) * slopes)
        figures = {"rise": rise, "rise_error": rise_error, "doubling": doubling, "doubling_error": doubling_error}
        return {"best": best, **{k: float(v) for k, v in figures.items()}}


def _last(n_epochs: int) -> int:
    """Return how many epochs at the end are one figure: a tenth, one to three."""
    return min(3, max(1, n_epochs // 10))
