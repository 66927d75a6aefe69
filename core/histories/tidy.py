"""Records in which a field says what the others are about: of which images, or which metric."""

import math
import re
from bisect import bisect_left

from core.histories.log import Cell, Log
from core.histories.names import TEST, TRAINING, VALIDATION, parse
from core.histories.stages import FIRST, SECOND, second_stage, without

SPLIT_FIELDS = {"mode", "phase", "split", "set", "subset", "stage", "type", "dataset", "kind", "data", "partition", "part", "which", "source", "loop", "run", "curve", "series"}  # fmt: skip
METRIC_FIELDS = {"metric", "key", "name", "tag", "measure", "quantity", "variable", "metric_name", "metric_key", "metricname", "metrickey"}  # fmt: skip
VALUE_FIELDS = {"value", "val", "metric_value", "metricvalue", "score", "result", "y"}
SUMMARY = re.compile(r"\s*(mean|avg|average|best|final|total|overall|summary|test|std|min|max)\b.{0,30}", re.IGNORECASE)


def tidy(log: Log) -> Log:
    """Return a log in which every figure's name says what it is; rows that sum up others are left out."""
    log = _losses_by_split(_named_by_metric(log))
    log = _named_by_split(log)
    log = _in_stages(log)
    return _without_summaries(log)


def _field(log: Log, known: set[str]) -> str | None:
    return next(
        (n for n in log.names if n.strip().lower() in known and any(isinstance(r.get(n), str) for r in log.records)),
        None,
    )


def _split_of(value: object) -> str:
    if not isinstance(value, str):
        return ""
    word = re.sub(r"[^a-z]", "", value.lower())
    return "train" if word in TRAINING else "val" if word in VALIDATION else "test" if word in TEST else ""


def _named_by_split(log: Log) -> Log:
    """Put ``val/`` before the names of a record whose field ``mode`` says ``val``."""
    field = _field(log, SPLIT_FIELDS)
    if field is None:
        return log
    told = [_split_of(r.get(field)) for r in log.records]
    if not any(told) or 2 * sum(map(bool, told)) < sum(field in r for r in log.records):
        return log
    log.records = [
        {(f"{split}/{n}" if split and _plain(n) else n): v for n, v in record.items() if n != field}
        for record, split in zip(log.records, told, strict=True)
    ]
    log.percent |= {f"{split}/{n}" for n in log.percent for split in ("train", "val", "test")}
    return log


def _plain(name: str) -> bool:
    found = parse(name)
    return found.quantity in ("loss", "accuracy", "error") and not found.split


def _named_by_metric(log: Log) -> Log:
    """Turn one object a value (``key``, ``value``, ``step``) into a figure under the name that its key says."""
    field = _field(log, METRIC_FIELDS)
    value = next((n for n in log.names if n.strip().lower() in VALUE_FIELDS), None)
    if field is None or value is None:
        return log
    names = {str(r.get(field)) for r in log.records}
    if not any(parse(n).quantity in ("loss", "accuracy", "error") for n in names):
        return log
    split = _field(log, SPLIT_FIELDS - {field})
    dropped = {field, value, split} | {n for n in log.names if n.lower() == "timestamp"} | _row_numbers(log)
    places: dict[str, int] = {}
    steps = {r.get(n) for r in log.records for n in r if n.strip().lower() in {"step", "epoch"}}
    renamed: list[dict[str, Cell]] = []
    for record in log.records:
        told = _split_of(record.get(split)) if split else ""
        name = f"{told}/{record.get(field)}".strip("/")
        places[name] = places.get(name, -1) + 1
        rest = {n: v for n, v in record.items() if n not in dropped}
        if len(steps) < 2:  # without steps the order counts
            rest = {k: v for k, v in rest.items() if k.strip().lower() not in {"step", "epoch"}} | {
                "step": float(places[name])
            }
        if value in record:
            renamed.append({**rest, name: record[value]})
    log.records, log.by_step = renamed, True
    return log


def _losses_by_split(log: Log) -> Log:
    """Read columns called ``train`` and ``val`` as losses where nothing in the log says what it measures."""
    names = {n: parse(n) for n in log.names}
    sides = [n for n, name in names.items() if name.split and not name.quantity and not name.rest]
    if len({names[n].split for n in sides}) < 2 or any(n.quantity in ("loss", "accuracy", "error") for n in names.values()):  # fmt: skip
        return log
    log.records = [{f"{n} loss" if n in sides else n: v for n, v in r.items()} for r in log.records]
    log.notes.append("The figures do not say what they measure; they were read as losses.")
    return log


def _row_numbers(log: Log) -> set[str]:
    """Return counters that only number the rows of a long table, where another one counts epochs or steps."""
    counts = {
        n: [r[n] for r in log.records if n in r] for n in log.names if parse(n).quantity == "step" and n != "step"
    }
    told = {n.strip().lower() for n in log.names} & {"step", "epoch"}
    return {n for n, values in counts.items() if told and len(set(values)) == len(log.records)}


def _in_stages(log: Log) -> Log:
    """Put the columns of a second stage (``fine_tune_loss``) behind those of the first."""
    second = second_stage(log.names)
    if not second or log.stages:
        return log
    first = [{without(n, FIRST): v for n, v in r.items() if n not in second} for r in log.records]
    last = [{without(n, SECOND): v for n, v in r.items() if n in second} for r in log.records]
    first, last = [r for r in first if r], [r for r in last if r]
    log.records, log.stages = first + last, [len(first)]
    return log


def _without_summaries(log: Log) -> Log:
    """Leave out rows whose epoch is a word: ``best``, ``mean``, ``test``."""
    counters = [n for n in log.names if parse(n).quantity in ("epoch", "step")]
    out = [
        i
        for i, r in enumerate(log.records)
        if any(isinstance(r.get(n), str) and SUMMARY.fullmatch(str(r[n])) for n in counters)
    ]
    out += [
        i for i, r in enumerate(log.records) if {"train_runtime", "train_samples_per_second", "total_flos"} & set(r)
    ]
    if out:
        kept = [i for i in range(len(log.records)) if i not in set(out)]
        log.stages = [bisect_left(kept, s) for s in log.stages]
        log.records = [log.records[i] for i in kept]
        log.notes.append(
            f"{len(out)} row{'s that sum' if len(out) > 1 else ' that sums'} up the run {'are' if len(out) > 1 else 'is'} no epoch and {'were' if len(out) > 1 else 'was'} left out."
        )
    return _without_second_evaluations(log)


def _without_second_evaluations(log: Log) -> Log:
    """Leave out a validation at a step that has one: Hugging Face writes the best model's once more after training."""
    seen: set[tuple] = set()
    kept, left = [], 0
    for record in log.records:
        step = record.get("step")
        names = tuple(n for n in record if n.startswith("eval_"))
        if isinstance(step, float) and not math.isnan(step) and "eval_loss" in names:
            if (step, "eval_loss") in seen:
                left += 1
                continue
            seen.add((step, "eval_loss"))
        kept.append(record)
    if left:
        log.records = kept
        log.notes.append("A second evaluation at the same step is no epoch and was left out.")
    return log
