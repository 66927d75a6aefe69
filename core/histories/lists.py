"""Lists by name, of equal length or not, side by side."""

from typing import Any

from core.histories.log import Cell, Log, cell, guard
from core.histories.names import parse

PER_STEP = 20  # training figures to one validation figure: no validation_freq, but a figure a step


def from_lists(lists: dict[str, list[Any]]) -> Log:
    """Return lists as records, the shorter ones placed where they were measured.

    Validation lists that are shorter by a whole factor were measured each so many epochs (``validation_freq``); one that is longer by one began before
    training; training lists that are many times longer were written each step and are averaged between validations. A list that is one
    or two shorter is of a run that was interrupted.
    """
    named = {n: [cell(v) for v in values] for n, values in lists.items()}
    named = {n: v for n, v in named.items() if len(v) > 1 or _all_single(named)}
    guard(max(map(len, named.values()), default=0), len(named))
    lengths = {n: len(v) for n, v in named.items()}
    notes: list[str] = []
    trained = _common([k for n, k in lengths.items() if parse(n).split in ("train", "") and parse(n).quantity])
    measured = _common([k for n, k in lengths.items() if parse(n).split in ("val", "test") and parse(n).quantity])
    if trained and measured and trained > PER_STEP * measured and trained not in _epoch_lists(lengths):
        return _per_step(named, measured, notes)
    rows = trained or max(lengths.values(), default=0)
    records: list[dict[str, Cell]] = [{} for _ in range(max([rows, *lengths.values()]))] if lengths else []
    before = 1 if measured == (trained or 0) + 1 and trained else 0
    if before:
        notes.append("The validation lists are one longer: their first figure was read as measured before training.")
    for name, values in named.items():
        for at, value in zip(_places(name, len(values), rows, before, notes), values, strict=False):
            if value is not None and at < len(records):
                records[at][name] = value
    return Log(records, notes=list(dict.fromkeys(notes)), is_rows=True)


def _all_single(named: dict[str, list]) -> bool:
    return all(len(v) <= 1 for v in named.values())


def _common(lengths: list[int]) -> int:
    return max(set(lengths), key=lengths.count) if lengths else 0


def _epoch_lists(lengths: dict[str, int]) -> set[int]:
    """Return the lengths of lists that count epochs or have a figure an epoch for sure, such as a learning rate's."""
    return {k for n, k in lengths.items() if parse(n).quantity == "epoch"}


def _places(name: str, n: int, rows: int, before: int, notes: list[str]) -> range | list[int]:
    """Return the rows that a list's figures belong to."""
    split = parse(name).split
    if n == rows or n > rows or not rows:
        return range(before, before + n) if n == rows and before and split not in ("val", "test") else range(n)
    if n >= rows - 2 and n > rows / 2:
        return range(n)
    if split in ("val", "test") and (
        each := next((k for k in (rows // n, *range(2, rows + 1)) if rows // k == n and k > 1), None)
    ):
        notes.append(
            f"The validation lists hold {n} figures for {rows} epochs: they were read as measured each {each} epochs."
        )
        return range(each - 1, rows, each)
    notes.append(f"“{name[:40]}” holds {n} figures for {rows} epochs and was placed from the first epoch on.")
    return range(n)


def _per_step(named: dict[str, list], measured: int, notes: list[str]) -> Log:
    """Average figures that were written each step between validations."""
    records: list[dict[str, Cell]] = [{} for _ in range(measured)]
    for name, values in named.items():
        each = len(values) / measured
        if len(values) <= measured:
            for record, value in zip(records, values, strict=False):
                if value is not None:
                    record[name] = value
            continue
        notes.append(
            f"“{name[:40]}” holds {len(values)} figures for {measured} validations: they were averaged between validations."
        )
        for i, record in enumerate(records):
            part = [v for v in values[round(i * each) : round((i + 1) * each)] if isinstance(v, float)]
            if part:
                record[name] = sum(part) / len(part)
    return Log(records, notes=notes, is_rows=True)
