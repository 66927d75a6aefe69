"""All the evidence on one page: each figure with its uncertainty and what it is good for."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.diagnosis.evidence import Evidence
from core.statistics import wilson
from core.words import signed

COLUMNS = ["evidence", "value", "95% interval", "what it tells"]
Row = tuple[str, str, str, str]


def overview(e: Evidence, class_names: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return every figure that is known about a run.

    Parameters
    ----------
    e
        The evidence.
    class_names
        Names of the classes, for the spread between them.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, all text; what is not known has no row.
    """
    parts = (_accuracies(e), _curves(e), _classes(e, class_names), _confidence(e), _capacity(e), _network(e))
    return pd.DataFrame([row for part in parts for row in part], columns=COLUMNS)


def _percent(value: float) -> str:
    return f"{value:.0%}" if abs(value) >= 0.1 else f"{value:.1%}"


def _points(value: float) -> str:
    return f"{signed(100 * value)} points"


def _between(low: float, high: float) -> str:
    return f"{_percent(low)} to {_percent(high)}"


def _points_between(low: float, high: float) -> str:
    return f"{signed(100 * low)} to {signed(100 * high)}"


def _share(accuracy: float, n: int | None) -> str:
    return _between(*wilson(accuracy * n, n)) if n else ""


def _accuracies(e: Evidence) -> Iterator[Row]:
    train, val = e.train_accuracy, e.val_accuracy
    if train is not None:
        yield "Training accuracy", _percent(train), _share(train, e.n_train), "low: underfitting"
    if e.learnt is not None:
        yield "Learnt, from chance (0%) to all right (100%)", _percent(e.learnt), "", "low: underfitting"
    if val is not None:
        yield "Validation accuracy", _percent(val), _share(val, e.n_val), "what new images get"
        low, high = wilson(val * e.n_val, e.n_val) if e.n_val else (0.0, 0.0)
        beyond = _points_between(low - e.chance, high - e.chance) if e.n_val else ""
        yield "Validation accuracy beyond chance", _points(val - e.chance), beyond, "about 0: nothing carries over"
    if e.beyond_colours is not None:
        text = "about 0: colour alone would do"
        yield "Validation accuracy beyond mean colours", _points(e.beyond_colours), "", text
    if e.gap is not None:
        interval = _points_between(*e.gap_interval) if e.gap_interval else ""
        yield "Generalisation gap, training minus validation", _points(e.gap), interval, "wide: overfitting"


def _curves(e: Evidence) -> Iterator[Row]:
    if e.val_loss is not None and e.n_epochs >= 3:
        yield (
            "Rebound of the validation loss since its best epoch",
            _percent(e.rebound),
            "",
            "above 4%: overfitting in time",
        )
        yield "Noise of the validation loss, epoch to epoch", _percent(e.val_noise), "", "what may be chance"
    for name, curve in (("training", e.train_loss), ("validation", e.val_loss)):
        if curve is not None and e.n_epochs >= 3:
            fall, error = e.slope(curve)
            interval = _between(fall - 1.96 * error, fall + 1.96 * error)
            yield (
                f"Fall of the {name} loss over the last quarter",
                _percent(fall),
                interval,
                "above 6%: still improving",
            )


def _classes(e: Evidence, names: tuple[str, ...]) -> Iterator[Row]:
    if e.class_recalls is None or e.class_spread is None:
        return
    known = np.flatnonzero(e.class_recalls[:, 1])
    worst = known[np.argmin(e.class_recalls[known, 0])]
    recall, images = e.class_recalls[worst]
    called = names[worst] if worst < len(names) else f"class {worst}"
    yield "Best minus worst class (recall)", _points(e.class_spread).lstrip("+"), "", "wide: one class is neglected"
    yield f"Worst class: {called}", _percent(recall), _share(recall, int(images)), "how much of it is recognised"


def _confidence(e: Evidence) -> Iterator[Row]:
    answers = e.answers("validation")
    if answers is None:
        return
    yield "Calibration error", _points(answers.calibration_error).lstrip("+"), "", "wide: its percentages mislead"
    yield "Confidence minus accuracy", _points(-e.underconfidence), "", "below 0: held back, above: too sure"


def _capacity(e: Evidence) -> Iterator[Row]:
    if e.images_per_class is not None:
        yield "Training images a class", f"{e.images_per_class:.0f}", "", "below 40: few"
    if e.parameters_per_image is not None:
        yield (
            "Trainable parameters a training image",
            f"{e.parameters_per_image:,.0f}",
            "",
            "many: room to store pictures",
        )


def _network(e: Evidence) -> Iterator[Row]:
    if e.backbone_moved:
        yield "Thawed kernels moved by (median)", _percent(e.backbone_moved), "", "above 50%: what they knew is gone"
    if e.backbone_gradient:
        yield (
            "Gradient over kernel, last step (median)",
            f"{e.backbone_gradient:.1e}",
            "",
            "tiny: nothing left to learn",
        )
    dead, gap, spread = (e.probes.get(k) for k in ("dead_head_units", "batchnorm_gap", "feature_std"))
    if dead is not None:
        yield "Hidden units of the head that are never on", _percent(dead), "", "most: the head is dead"
    if gap is not None:
        text = "above 0: running averages lag behind"
        yield "Batch statistics minus running averages", _points(gap["accuracy"]), "", text
    if spread is not None:
        yield "Spread of the frozen features over images", f"{spread:.2g}", "", "about 0: all images look the same"
