"""Several runs in one log: folds of a cross-validation, runs of one export, seeds."""

import re
from bisect import bisect_left
from dataclasses import replace

from core.histories.log import Cell, Log
from core.histories.names import parse

FIELDS = {"fold", "folds", "cv", "cv_fold", "kfold", "k", "seed", "trial", "run", "run_id", "run_name", "run_uuid", "model", "model_name", "experiment", "experiment_name", "config", "split", "variant", "arch", "architecture", "optimizer", "network"}  # fmt: skip
IN_NAME = re.compile(r"(?:^|[_\s/.-])((?:k?fold|split|cv|run|trial|seed)[_ -]?\d+)(?=$|[_\s/.-])", re.IGNORECASE)
MOST = 100
FIGURES = ("loss", "accuracy", "error")


def apart(log: Log) -> list[tuple[str, Log]]:
    """Return each run of a log with what it is called; one without a name where there is only one."""
    field = _field(log)
    if field is not None:
        return [(_called(field, value), _of_value(log, field, value)) for value in _values(log, field)]
    by_name = _by_name(log)
    if len(set(by_name.values())) > 1:
        return [(run, _of_names(log, by_name, run)) for run in dict.fromkeys(by_name.values())]
    panel = _of_panel(log)
    return [(run, _of_names(log, panel, run, " - ")) for run in dict.fromkeys(panel.values())] or [("", log)]


def _field(log: Log) -> str | None:
    """Return the column that says of which run a record is: it has several values, and the same epochs come with more than one of them."""
    for name in log.names:
        if name.strip().lower() not in FIELDS or parse(name).quantity in FIGURES:
            continue
        values = _values(log, name)
        if not 1 < len(values) <= MOST or all(isinstance(v, str) and parse(v).split for v in values):
            continue
        if len(log.records) >= 2 * len(values) and all(name in r for r in log.records) and _repeated(log, name):
            return name
    return None


def _values(log: Log, field: str) -> list[Cell]:
    return list(dict.fromkeys(r[field] for r in log.records if field in r))


def _repeated(log: Log, field: str) -> bool:
    """Tell whether a count of epochs or steps comes with more than one value of the field."""
    counter = next((n for n in log.names if parse(n).quantity in ("epoch", "step") and n != field), None)
    if counter is None:
        return False
    seen: dict[Cell, set[Cell]] = {}
    for record in log.records:
        if counter in record:
            seen.setdefault(record[counter], set()).add(record[field])
    return any(len(v) > 1 for v in seen.values())


def _called(field: str, value: Cell) -> str:
    shown = f"{value:g}" if isinstance(value, float) else value
    return shown if isinstance(value, str) else f"{field.strip()} {shown}"


def _of_value(log: Log, field: str, value: Cell) -> Log:
    kept = [i for i, r in enumerate(log.records) if r.get(field) == value]
    starts = sorted({bisect_left(kept, s) for s in log.stages} - {0, len(kept)})
    records = [{n: v for n, v in log.records[i].items() if n != field} for i in kept]
    return replace(log, records=records, stages=starts if _begins(log, kept) else [], notes=list(log.notes), percent=set(log.percent))  # fmt: skip


def _begins(log: Log, kept: list[int]) -> bool:
    """Tell whether a stage begins inside a run and not only at its first record."""
    return any(s in set(kept[1:]) for s in log.stages)


def _by_name(log: Log) -> dict[str, str]:
    """Return the run of each column that names one, as ``fold_2/val_loss`` does."""
    return {n: m[1] for n in log.names if (m := IN_NAME.search(n)) and parse(_without(n)).quantity in FIGURES}


def _without(name: str) -> str:
    return IN_NAME.sub(" ", name).strip(" _/.-")


def _of_panel(log: Log) -> dict[str, str]:
    """Return the run of each column of a W&B export (``brave-fox-3 - loss``)."""
    parted = {n: n.rpartition(" - ") for n in log.names if " - " in n}
    runs = {run for run, _, metric in parted.values() if parse(metric).quantity in FIGURES}
    return {n: run for n, (run, _, _) in parted.items() if run in runs}


def _of_names(log: Log, runs: dict[str, str], run: str, joint: str = "") -> Log:
    """Return the columns of one run, without its name, and those of none."""
    rename = {n: n.rpartition(joint)[2] if joint else _without(n) for n, r in runs.items() if r == run}
    others = {n for n, r in runs.items() if r != run}
    records = [{rename.get(n, n): v for n, v in r.items() if n not in others} for r in log.records]
    percent = {rename.get(n, n) for n in log.percent if n not in others}
    return replace(log, records=[r for r in records if r], percent=percent, notes=list(log.notes))
