"""From records under a file's own names to one row an epoch under ours."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from core.errors import HistoryError
from core.histories.log import Log
from core.histories.names import parse
from core.histories.recognise import Columns, recognise, share

SAME_LENGTH = 3  # of several training figures to one validation figure
LATE = 1.5  # a first epoch above so many times the usual step between rows: the file begins in the middle
TRAINING, VALIDATION = ("loss", "accuracy", "clean_loss", "clean_accuracy"), ("val_loss", "val_accuracy")


@dataclass
class Row:
    """One record, under our names."""

    figures: dict[str, float]
    epoch: float | None = None
    step: float | None = None
    only_other: bool = False  # it holds figures, but of the test images only


@dataclass
class Epoch:
    """One row of the history: what it is called, and its figures."""

    name: str
    number: float | None
    figures: dict[str, float] = field(default_factory=dict)


def assemble(log: Log, roles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the history in a log, as :func:`core.histories.read_history` describes it.

    Raises
    ------
    HistoryError
        When there is no loss, or no figure of one.
    """
    columns = recognise(log, roles)
    stages = _stages(log, columns)
    notes = [*log.notes, *columns.notes]
    epochs = [_of_rows(stage) if log.is_rows else _epochs(stage, notes) for stage in stages]
    epochs = [stage for stage in epochs if stage]
    if not epochs:
        raise HistoryError("The loss columns hold no numbers. Give one number an epoch.")
    return _frame(epochs, log, columns, notes)


def _stages(log: Log, columns: Columns) -> list[list[Row]]:
    """Return the rows of each stage: a stage begins where the file says so, and where the epochs start again."""
    counting = {kind: _counter(log, kind) for kind in ("epoch", "step")}
    divide = _scales(log, columns)
    rows = [_row(record, columns, counting, divide, log) for record in log.records]
    if log.by_step:
        return [_merged(rows)]
    numbers = [r.epoch for r in rows if r.epoch is not None]
    if len(set(numbers)) == len(numbers) and any(b < a for a, b in pairwise(numbers)) and not log.stages:
        rows = sorted(rows, key=lambda r: -math.inf if r.epoch is None else r.epoch)
    stages: list[list[Row]] = [[]]
    highest = -math.inf
    for i, row in enumerate(rows):
        if i in log.stages or (row.epoch is not None and row.epoch < highest):
            stages.append([])
            highest = -math.inf
        stages[-1].append(row)
        highest = max(highest, row.epoch if row.epoch is not None else -math.inf)
    return _side_by_side([s for s in stages if any(r.figures for r in s)], log)


def _side_by_side(stages: list[list[Row]], log: Log) -> list[list[Row]]:
    """Join stages that count the same epochs and hold different figures: all training lines first, then all validation lines."""
    if len(stages) != 2 or log.is_rows or log.stages:
        return stages
    first, second = ([r for r in stage if r.figures] for stage in stages)
    held = [{t for r in rows for t in r.figures} for rows in (first, second)]
    counted = [[r.epoch for r in rows] for rows in (first, second)]
    return stages if held[0] & held[1] or counted[0] != counted[1] else [first + second]


def _counter(log: Log, kind: str) -> str | None:
    """Return the column that counts epochs or steps."""
    found = [n for n in log.names if parse(n).quantity == kind and parse(n).split == ""]
    return min(found, key=len, default=None)


def _scales(log: Log, columns: Columns) -> dict[str, float]:
    """Return by what each accuracy is divided; all of a file are in the same unit where one that stays at or below 1.5 may be either."""
    values = {t: [v for r in log.records if isinstance(v := r.get(n), float)] for t, n in columns.sources.items() if t.endswith("accuracy")}  # fmt: skip
    scales = {t: share(v, columns.sources[t] in log.percent) for t, v in values.items()}
    for target, found in values.items():
        finite = [v for v in found if math.isfinite(v)]
        if finite and scales[target] == 1 and max(finite) > 1 and 100.0 in scales.values():
            scales[target] = 100.0
    if 100.0 in scales.values():
        columns.notes.append("The accuracies are percentages; they are drawn as such.")
    return scales


def _row(record: dict, columns: Columns, counting: dict[str, str | None], divide: dict[str, float], log: Log) -> Row:
    figures = {}
    for target, name in columns.sources.items():
        value = record.get(name)
        if isinstance(value, float):
            value = value / divide.get(target, 1.0)
            figures[target] = 1 - value if target in columns.inverted else value
    count = {kind: record.get(name) if name else None for kind, name in counting.items()}
    epoch, step = (v if isinstance(v, float) and math.isfinite(v) else None for v in (count["epoch"], count["step"]))
    other = not figures and any(isinstance(v, float) and parse(n).split == "test" for n, v in record.items())
    return Row(figures, epoch, step, other)


def _merged(rows: list[Row]) -> list[Row]:
    """Join records with the same step, in order of steps."""
    merged: dict[float, Row] = {}
    for row in rows:
        key = row.step if row.step is not None else row.epoch if row.epoch is not None else math.inf
        known = merged.setdefault(key, Row({}, row.epoch, row.step))
        known.figures.update(row.figures)
        known.epoch = row.epoch if known.epoch is None else known.epoch
    return [merged[k] for k in sorted(merged)]


def _epochs(rows: list[Row], notes: list[str]) -> list[Epoch]:
    """Return one row an epoch of one stage."""
    if _by_epoch(rows):
        return _of_equal_epochs(_without_summary(rows, notes))
    rows = [r for r in rows if r.figures]
    return _up_to_each_validation(rows, notes) if _scattered(rows) else _of_rows(rows)


def _of_rows(rows: list[Row]) -> list[Epoch]:
    return [Epoch(*_called(row, i), row.figures) for i, row in enumerate(rows) if row.figures]


def _by_epoch(rows: list[Row]) -> bool:
    """Tell whether rows are grouped by whole epochs, at most one validation in each."""
    counted = [r.epoch for r in rows if r.epoch is not None and r.figures]
    if not counted or any(e != int(e) for e in counted) or 2 * len(counted) < sum(bool(r.figures) for r in rows):
        return False
    measured = {r.epoch for r in rows if r.epoch is not None and set(VALIDATION) & set(r.figures)}
    most = max(sum(t in r.figures and r.epoch is not None for r in rows) for t in VALIDATION)
    return (
        len(set(counted)) > 1 and most <= 1.5 * len(measured)
        if measured
        else len(set(counted)) > 1 or len(counted) == 1
    )


def _without_summary(rows: list[Row], notes: list[str]) -> list[Row]:
    """Leave out a last epoch that nothing was trained in: the measurement after training, with the test figures beside it."""
    trained = {r.epoch for r in rows if set(TRAINING) & set(r.figures)}
    last = max((r.epoch for r in rows if r.epoch is not None), default=None)
    closing = [r for r in rows if r.epoch == last]
    others = {r.epoch for r in rows if r.figures} - {last}
    if last in trained or not others or not others <= trained or not any(r.only_other for r in closing):
        return rows
    notes.append(f"The rows of epoch {last:g} are the measurement after training, not an epoch; they were left out.")
    return [r for r in rows if r.epoch != last]


def _of_equal_epochs(rows: list[Row]) -> list[Epoch]:
    epochs: dict[float, list[Row]] = {}
    current = None
    for row in rows:
        current = row.epoch if row.epoch is not None else current
        if current is not None and row.figures:
            epochs.setdefault(current, []).append(row)
    return [Epoch(f"epoch {number:g}", number, _together(group)) for number, group in epochs.items()]


def _together(rows: list[Row]) -> dict[str, float]:
    """Return the mean of what was logged while training and the last of what was measured after it; NaN stays NaN."""
    figures = {}
    for target in dict.fromkeys(t for row in rows for t in row.figures):
        values = [row.figures[target] for row in rows if target in row.figures]
        figures[target] = float(np.mean(values)) if target in TRAINING else values[-1]
    return figures


def _scattered(rows: list[Row]) -> bool:
    """Tell whether training and validation were written at different times."""
    measured = [bool(set(VALIDATION) & set(r.figures)) for r in rows]
    trained = [bool(set(TRAINING) & set(r.figures)) for r in rows]
    if not any(measured) or not any(trained):
        return False
    both = sum(a and b for a, b in zip(measured, trained, strict=True))
    return both < min(sum(measured), sum(trained)) or 2 * sum(measured) <= sum(trained)


def _up_to_each_validation(rows: list[Row], notes: list[str]) -> list[Epoch]:
    """Return a row for each validation: with it the mean of what was logged since the one before."""
    groups: list[list[Row]] = [[]]
    for row in rows:
        groups[-1].append(row)
        if set(VALIDATION) & set(row.figures):
            groups.append([])
    *whole, rest = groups
    whole = _one_moment(whole)
    if rest and whole:
        usual = max(1, int(np.median([len(g) for g in whole])))
        tail = [rest[i : i + usual] for i in range(0, len(rest), usual)]
        kept = [g for g in tail if len(g) == usual and len(rest) > usual]
        left = len(rest) - sum(map(len, kept))
        if left:
            notes.append(f"{left} training figure{'s' if left > 1 else ''} after the last validation did not fill a row.")  # fmt: skip
        whole += kept
    return [Epoch(*_called(group[-1], i), _together(group)) for i, group in enumerate(whole)]


def _one_moment(groups: list[list[Row]]) -> list[list[Row]]:
    """Join neighbouring validations that hold different figures of one moment, as a loss line and an accuracy line."""
    joined: list[list[Row]] = []
    for group in groups:
        before = joined[-1] if joined else []
        apart = any(set(TRAINING) & set(r.figures) for r in group)
        taken = {t for r in before for t in r.figures if t in VALIDATION}
        if before and not apart and not taken & {t for r in group for t in r.figures}:
            before += group
        else:
            joined.append(list(group))
    return joined


def _called(row: Row, i: int) -> tuple[str, float | None]:
    """Return what the file calls a row, and its number."""
    if row.epoch is not None:
        return f"epoch {row.epoch:g}", row.epoch
    return (f"step {row.step:g}", None) if row.step is not None else (f"epoch {i + 1}", i + 1.0)


def _frame(stages: list[list[Epoch]], log: Log, columns: Columns, notes: list[str]) -> pd.DataFrame:
    epochs = [epoch for stage in stages for epoch in stage]
    targets = [t for t in ("loss", "val_loss", "accuracy", "val_accuracy", "clean_loss", "clean_accuracy") if any(t in e.figures for e in epochs)]  # fmt: skip
    table = pd.DataFrame({t: [e.figures.get(t, math.nan) for e in epochs] for t in targets}, dtype=float)
    if not targets:
        raise HistoryError("The loss columns hold no numbers. Give one number an epoch.")
    if not {"loss", "val_loss"} & set(targets):
        notes.append("There is no loss in it, only accuracies: whether training still moves shows in the loss first.")
    numbers = [e.number for e in epochs]
    counted = len(stages) == 1 and all(n is not None for n in numbers)
    table.insert(0, "epoch", numbers if counted else range(1, len(epochs) + 1))
    if counted and all(float(n).is_integer() and abs(n) < 2**53 for n in numbers if n is not None):
        table["epoch"] = table["epoch"].astype(int)
    table.attrs = {
        "sources": {t: n for t, n in columns.sources.items() if t in targets},
        "unrecognised": [n for n in log.names if n not in columns.sources.values() and parse(n).quantity not in ("epoch", "step")],
        "columns": log.names,
        "notes": notes + _about(stages, epochs),
        "stages": list(_starts(stages)),
        "epoch_names": _names(stages),
        "begins_late": _begins_late(stages[0]),
        "not_finite": {t: [i for i, e in enumerate(epochs) if not math.isfinite(e.figures.get(t, 0.0))] for t in targets},
        "known": log.known,
    }  # fmt: skip
    return table


def _starts(stages: list[list[Epoch]]) -> Iterator[int]:
    start = 0
    for stage in stages:
        yield start
        start += len(stage)


def _names(stages: list[list[Epoch]]) -> list[str]:
    """Return what each row is called in a sentence; with several stages the stage is said, too."""
    if len(stages) == 1:
        return [e.name for e in stages[0]]
    return [f"{e.name} of stage {i + 1}" for i, stage in enumerate(stages) for e in stage]


def _begins_late(stage: list[Epoch]) -> bool:
    numbers = [e.number for e in stage]
    if len(numbers) < 2 or any(n is None for n in numbers):
        return False
    step = float(np.median(np.diff(np.array(numbers, float))))
    return numbers[0] > 1 + LATE and numbers[0] > LATE * step + 1  # type: ignore[operator]


def _about(stages: list[list[Epoch]], epochs: list[Epoch]) -> list[str]:
    """Return sentences on stages, on a late beginning and on what was measured more seldom."""
    notes = []
    if len(stages) > 1:
        sizes = ", ".join(str(len(s)) for s in stages)
        notes.append(
            f"The epochs start again: {len(stages)} stages of {sizes} epochs, kept in order with a line between them."
        )
    if _begins_late(stages[0]):
        notes.append(
            f"The file begins at {stages[0][0].name}: what happened before is not in it, so it is not judged as a whole run."
        )
    for column, what in (
        ("val_loss", "validation loss"),
        ("loss", "training loss"),
        ("val_accuracy", "validation accuracy"),
    ):
        n = sum(column in e.figures for e in epochs)
        if 0 < n < len(epochs):
            notes.append(
                f"The {what} was measured in {n} of {len(epochs)} rows; where it is missing, it counts as not measured."
            )
    return notes
