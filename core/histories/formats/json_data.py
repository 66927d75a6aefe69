"""What a JSON value says, however it is nested."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from core.histories.lists import from_lists
from core.histories.log import Cell, Log, cell, guard
from core.histories.names import parse
from core.histories.runs import IN_NAME
from core.histories.stages import FIRST, SECOND, second_stage, without

DEEPEST = 8


def interpret(data: Any, name: str) -> Log:
    """Return the records in a JSON value: columns, rows, by split, by epoch, in wrappers, by stage."""
    data = _without_pairs(data)
    if isinstance(data, list):
        return _of_list(data, name)
    if not isinstance(data, dict):
        return Log([])
    if {"columns", "data"} <= set(data) and isinstance(data["columns"], list) and isinstance(data["data"], list):
        return rows(
            [dict(zip(map(str, data["columns"]), row, strict=False)) for row in data["data"] if isinstance(row, list)]
        )
    by_epoch = _by_epoch(data)
    if by_epoch:
        return rows(by_epoch)
    candidates = [_of_columns(data), *(rows(found) for found in _row_lists(data))]
    return max(candidates, key=_figures)


def _without_pairs(data: Any, depth: int = 0) -> Any:
    """Return pairs of a name and a value, as an ``OrderedDict`` prints them, as the dictionary they are."""
    if depth > DEEPEST:
        return data
    if isinstance(data, dict):
        return {k: _without_pairs(v, depth + 1) for k, v in data.items()}
    if (
        isinstance(data, list)
        and data
        and all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in data)
    ):
        return {p[0]: _without_pairs(p[1], depth + 1) for p in data}
    return data


def _figures(log: Log) -> int:
    known = {n for n in log.names if parse(n).quantity in ("loss", "accuracy", "error") or n == "value"}
    return sum(n in known for r in log.records for n in r)


def _of_list(data: list, name: str) -> Log:
    dicts = [d for d in data if isinstance(d, dict)]
    if dicts and all(_column(v) for d in dicts for v in list(d.values())[:1]):
        return _stages([_of_columns(d) for d in dicts])
    if dicts:
        return rows(dicts)
    tag = tag_of(name)
    if tag and data and all(isinstance(p, list) and len(p) in (2, 3) for p in data):
        return Log([{"step": float(p[-2]), tag: float(p[-1])} for p in data if _pair(p)], by_step=True)
    return Log([])


def tag_of(name: str) -> str:
    """Return the tag in the name of a file that TensorBoard or a person has saved a single curve in."""
    stem = re.sub(r"\.(json|csv|txt)$", "", PurePosixPath(name).name, flags=re.IGNORECASE)
    before, found, tag = stem.partition("tag-")
    named = tag if found else stem
    split = parse(before).split if found and not parse(named).split else ""
    return f"{split}/{named}".strip("/") if parse(named).quantity in ("loss", "accuracy", "error") else ""


def rows(dicts: list) -> Log:
    """Return a record a dictionary, nested ones with the path as a name."""
    guard(len(dicts))
    records: list[dict[str, Cell]] = []
    percent: set[str] = set()
    for row in dicts:
        if isinstance(row, dict):
            flat = dict(_flat(row))
            records.append({k: c for k, v in flat.items() if (c := cell(v)) is not None})
            percent |= {k for k, v in flat.items() if isinstance(v, str) and v.rstrip().endswith("%")}
    guard(0, len(set().union(*records[:1000])) if records else 0)
    return Log([r for r in records if r], percent=percent)


def _flat(row: dict, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        name = f"{path}/{key}" if path else str(key)
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, name, depth + 1)
        elif not isinstance(value, list | dict):
            yield name, value


def _by_epoch(data: dict) -> list[dict]:
    """Return the rows of ``{"1": {…}, "2": {…}}`` or ``{"epoch_1": {…}}``."""
    number = {k: re.fullmatch(r"(?:epoch|ep|e)?[ _-]?(\d{1,7})", str(k).strip(), re.IGNORECASE) for k in data}
    if len(data) < 2 or not all(number.values()) or not all(isinstance(v, dict) for v in data.values()):
        return []
    if all(not isinstance(x, list | dict) for v in data.values() for x in v.values()) or all(
        _column_count(v) == 0 for v in data.values()
    ):
        return [{"epoch": float(m[1]), **data[k]} for k, m in number.items() if m]
    return []


def _column_count(value: dict) -> int:
    return sum(bool(_column(v)) for v in value.values())


def _row_lists(data: Any, depth: int = 0) -> Iterator[list]:
    """Yield every list of dictionaries inside, and every dictionary by epoch."""
    if isinstance(data, dict) and depth < DEEPEST:
        for value in data.values():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield value
            elif isinstance(value, dict):
                if found := _by_epoch(value):
                    yield found
                yield from _row_lists(value, depth + 1)


def _of_columns(data: dict) -> Log:
    """Return lists by name, with the path as the name; stages and folds apart."""
    leaves = dict(_leaves(data))
    if not leaves:
        return Log([])
    steps = {n: v for n, v in leaves.items() if isinstance(v, dict)}
    if steps:
        return _of_steps(steps)
    return _in_stages(leaves)


def _in_stages(leaves: dict[str, list]) -> Log:
    second = second_stage(leaves)
    if not second:
        return from_lists(leaves)
    first = from_lists({without(n, FIRST): v for n, v in leaves.items() if n not in second})
    return _stages([first, from_lists({without(n, SECOND): v for n, v in leaves.items() if n in second})])


def _stages(logs: list[Log]) -> Log:
    """Return logs one after the other, each a stage; their columns by quantity, since their names differ."""
    logs = [log for log in logs if log.records]
    joined = Log([], notes=[n for log in logs for n in log.notes], is_rows=True)
    for log in logs:
        if joined.records:
            joined.stages.append(len(joined.records))
        joined.records += log.records
    return joined


def _leaves(data: Any, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield every list of figures with its name; words of the path that say nothing are left out."""
    if not isinstance(data, dict) or depth > DEEPEST:
        return
    for key, value in data.items():
        here = (*path, str(key))
        column = _column(value)
        if column is not None:
            yield _path(here), column
        elif isinstance(value, dict):
            yield from _leaves(value, here, depth + 1)


def _path(parts: tuple[str, ...]) -> str:
    told = [
        p
        for p in parts[:-1]
        if parse(p).split
        or parse(p).quantity in ("loss", "accuracy", "error")
        or SECOND.search(p)
        or FIRST.search(p)
        or IN_NAME.search(p)
    ]
    last = parts[-1]
    if parse(last).split and any(parse(t).split == parse(last).split for t in told):
        told = [t for t in told if not parse(t).split]
    return "/".join([*told, last])


def _column(value: Any) -> list | dict | None:
    """Return a list of figures, pandas' ``{"0": …}``, or figures by step; None for anything else."""
    if isinstance(value, dict):
        if isinstance(value.get("x"), list) and isinstance(value.get("y"), list) and len(value["x"]) == len(value["y"]):
            return _column(value["y"])
        if isinstance(value.get("values"), list) and isinstance(value.get("steps", value.get("step")), list):
            return dict(zip(value.get("steps", value.get("step")), value["values"], strict=False)) or None  # type: ignore[arg-type]
        if (
            value
            and all(re.fullmatch(r"\d{1,9}", str(k)) for k in value)
            and not any(isinstance(v, list | dict) for v in value.values())
        ):
            return [value[k] for k in sorted(value, key=lambda k: int(k))]
        return None
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(p, list) and len(p) in (2, 3) and _pair(p) for p in value):
        return {p[-2]: p[-1] for p in value}
    if all(isinstance(p, list) and len(p) == 1 and not isinstance(p[0], list | dict) for p in value) and len(value) > 1:
        return [p[0] for p in value]
    found = None if any(isinstance(v, list | dict) for v in value) else value
    return found if found is None or any(not isinstance(cell(v), str) for v in found) else None


def _pair(values: list) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _of_steps(columns: dict[str, Any]) -> Log:
    records: list[dict[str, Cell]] = [
        {"step": float(step), name: c}
        for name, by_step in columns.items()
        for step, v in by_step.items()
        if isinstance(c := cell(v), float)
    ]
    return Log(records, by_step=True)
