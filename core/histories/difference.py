"""What differs between two histories, in one sentence."""

import numpy as np
import pandas as pd

from core.statistics import wilson


def sentence(first: pd.DataFrame, second: pd.DataFrame, names: tuple[str, str], n_val: int | None = None) -> str:
    """Return which of two histories ends better on validation images, and whether that is sure.

    Parameters
    ----------
    first, second
        Histories as :func:`core.histories.read_history` returns them.
    names
        What they are called.
    n_val
        Number of validation images, where it is known and the same for both.
    """
    for column, unit in (("val_accuracy", "accuracy"), ("val_loss", "loss")):
        ends = [_end(h, column) for h in (first, second)]
        if None not in ends:
            return _accuracies(ends, names, n_val) if unit == "accuracy" else _losses(ends, names)  # type: ignore[arg-type]
    return "They have no validation figure in common, so they cannot be compared."


def _end(history: pd.DataFrame, column: str) -> float | None:
    """Return the median of the last three figures."""
    known = history[column].to_numpy(float) if column in history else np.zeros(0)
    known = known[np.isfinite(known)]
    return float(np.median(known[-3:])) if len(known) else None


def _accuracies(ends: list[float], names: tuple[str, str], n_val: int | None) -> str:
    better = int(ends[1] > ends[0])
    points = 100 * abs(ends[1] - ends[0])
    told = f"“{names[better]}” ends {points:.0f} points higher in validation accuracy ({ends[better]:.0%} against {ends[1 - better]:.0%})"
    if points < 0.5:
        told = f"Both end at the same validation accuracy ({ends[0]:.0%})"
    if not n_val:
        return f"{told}. How sure that is depends on the number of validation images, which is not known."
    half = [np.ptp(wilson(e * n_val, n_val)) / 2 for e in ends]
    sure = points / 100 > float(np.hypot(*half))
    return f"{told}. With {n_val} validation images that is {'more' if sure else 'no more'} than chance could do."


def _losses(ends: list[float], names: tuple[str, str]) -> str:
    lower = int(ends[1] < ends[0])
    if np.isclose(ends[0], ends[1], rtol=0.01):
        return f"Both end at the same validation loss ({ends[0]:.3g})."
    return f"“{names[lower]}” ends with the lower validation loss ({ends[lower]:.3g} against {ends[1 - lower]:.3g}); losses compare only where both were measured in the same way."
