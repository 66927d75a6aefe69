"""What XGBoost, LightGBM and CatBoost print a round."""

import re

from core.histories.formats.base import Example, Reader
from core.histories.log import Cell, Log, cell, guard

ROUND = re.compile(r"^\s*\[(\d{1,7})\]\s+(.{3,2000})$")
CATBOOST = re.compile(r"^\s*(\d{1,7}):\s+(learn: .{3,2000})$")
XGB = re.compile(r"([\w.-]{1,80})[-'](?:s )?([\w@.]{2,60}):\s?([-+\w.]{1,40})")
LGB = re.compile(r"([\w ]{1,80})'s ([\w@.]{2,60}): ([-+\w.]{1,40})")
CAT = re.compile(r"\b(learn|test|test1): ([-+\w.]{1,40})")


def recognises(text: str, _name: str) -> bool:
    """Tell whether lines look like ``[3]  train-mlogloss:0.61  eval-mlogloss:0.72``."""
    return sum(bool(_pairs(line)) for line in text.splitlines()[:60]) >= 2


def read(text: str, _name: str) -> Log:
    """Return a record a boosting round; where two sets are only numbered, the first is the training set, as is the custom with ``eval_set``."""
    records: list[dict[str, Cell]] = []
    repeats = False  # the line below "best iteration is" shows a round again
    for line in text.splitlines():
        if repeats or "est iteration is" in line:
            repeats = not repeats
            continue
        figures = {f"{data}/{metric}": cell(value) for data, metric, value in _pairs(line)}
        known = {k: v for k, v in figures.items() if isinstance(v, float)}
        if known:
            records.append({"round": _number(line), **known})
            guard(len(records))
    return numbered_sets(Log(records))


def _pairs(line: str) -> list[tuple[str, str, str]]:
    if len(line) > 2000:
        return []
    if seen := ROUND.match(line):
        return LGB.findall(seen[2]) or XGB.findall(seen[2])
    seen = CATBOOST.match(line)
    return (
        [("train" if data == "learn" else "test", "loss", value) for data, value in CAT.findall(seen[2])]
        if seen
        else []
    )


def _number(line: str) -> float:
    found = re.search(r"\d+", line)
    return float(found[0]) if found else 0.0


def numbered_sets(log: Log) -> Log:
    """Rename ``validation_0`` to ``train`` where there is a ``validation_1``, and of ``valid_0`` and ``valid_1`` likewise."""
    for first, second in (("validation_0", "validation_1"), ("valid_0", "valid_1")):
        names = log.names
        if (
            any(n.startswith(second) for n in names)
            and any(n.startswith(first) for n in names)
            and not any(n.startswith("train") for n in names)
        ):
            log.records = [
                {k.replace(first, "train", 1) if k.startswith(first) else k: v for k, v in r.items()}
                for r in log.records
            ]
            log.notes.append(
                f"{first} was read as the training set and {second} as the validation set, in the usual order of eval_set."
            )
    return log


READER = Reader(
    "XGBoost, LightGBM and CatBoost output",
    "One line a boosting round; where two sets are only numbered, the first is the training set, as is the custom with `eval_set`.",
    recognises,
    read,
    (
        Example(
            "XGBoost, LightGBM and CatBoost, printed a round",
            "[0]\ttrain-mlogloss:0.9312\teval-mlogloss:0.9820\n[1]\ttrain-mlogloss:0.7841\teval-mlogloss:0.8714\n[2]\ttrain-mlogloss:0.6630\teval-mlogloss:0.8011\n",
            3,
            ("loss", "val_loss"),
        ),
    ),
)
