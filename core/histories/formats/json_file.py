"""A JSON file, or a printed Python dictionary."""

import re
from functools import lru_cache
from typing import Any

from core.errors import HistoryError
from core.histories.formats.base import Example, Reader
from core.histories.formats.boosting import numbered_sets
from core.histories.formats.json_data import interpret
from core.histories.formats.literal import parse_literal
from core.histories.log import Log
from core.histories.names import parse

BEFORE = re.compile(r"(?:\s*(?:[A-Za-z_#>][^\n{\[]{0,200})?\n){0,20}?[^\n{\[]{0,200}?(?=[{\[])")


def recognises(text: str, _name: str) -> bool:
    """Tell whether the text is one JSON or Python value, perhaps behind ``history =``."""
    return _value(text) is not None


def read(text: str, name: str) -> Log:
    """Return what the value says; see :func:`core.histories.formats.json_data.interpret`.

    Raises
    ------
    HistoryError
        When it holds only the last value of each metric, as MLflow's answer on a run and W&B's summary do.
    """
    data = _value(text)
    log = numbered_sets(interpret(data, name))
    if not log.records and isinstance(data, dict) and _only_last(data):
        raise HistoryError(
            "This holds one value a metric, that of the end. Give every epoch's: of MLflow the answer of metrics/get-history or the folder metrics, of Keras history.history, of W&B the run's history."
        )
    return log


def _only_last(data: dict) -> bool:
    run = data.get("run", data)
    flat = [
        n for n, v in data.items() if isinstance(v, int | float) and parse(n).quantity in ("loss", "accuracy", "error")
    ]
    return bool(flat) or (
        isinstance(run, dict)
        and isinstance(run.get("data"), dict)
        and isinstance(run["data"].get("metrics"), list | dict)
    )


@lru_cache(maxsize=2)
def _value(text: str) -> Any:
    body = text.strip()
    if body[:1] not in ("{", "["):
        start = BEFORE.match(body)
        body = body[start.end() :] if start else ""
    if (
        not body
        or body[:2] in ("[{", "{'", '{"', "{\n", "{ ", "[\n", "[[", "[ ", "{}", "[]")
        or body[:1] == "{"
        or _list(body)
    ):
        return _parsed(body)
    return None


def _list(body: str) -> bool:
    return body.startswith("[") and body.rstrip().endswith("]") and ":" not in body[:200]


def _parsed(body: str) -> Any:
    """Return the value at the beginning; None where there is none, or where others follow it line by line."""
    try:
        return parse_literal(body)
    except (ValueError, RecursionError):
        end = max(body.rfind("}"), body.rfind("]")) + 1
    if "\n" in body[:end].strip() and re.search(r"[}\]]\s*\n\s*[{\[]", body[:end]):
        return None
    try:
        return parse_literal(body[:end]) if end else None
    except (ValueError, RecursionError):
        return None


READER = Reader(
    "JSON, or a printed Python dictionary",
    "One JSON value, or a Python dictionary as `print` shows it: lists by metric, a list of epochs, or metrics by split.",
    recognises,
    read,
    (
        Example(
            "Keras history.history, as JSON or printed",
            '{"loss": [1.12, 0.83, 0.64], "accuracy": [0.48, 0.66, 0.75],\n "val_loss": [1.05, 0.91, 0.86], "val_accuracy": [0.51, 0.60, 0.63]}\n',
            3,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
            "history.json",
        ),
        Example(
            "By split, as many PyTorch scripts save it",
            "{'train': {'loss': [np.float64(1.12), np.float64(0.83)], 'acc': [0.48, 0.66]},\n 'val': {'loss': [1.05, 0.91], 'acc': [0.51, 0.60]}}\n",
            2,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
        ),
        Example(
            "Hugging Face trainer_state.json",
            '{"log_history": [{"epoch": 0.5, "loss": 0.92, "step": 10}, {"epoch": 1.0, "eval_loss": 0.71, "eval_accuracy": 0.66, "step": 20},\n'
            '{"epoch": 1.5, "loss": 0.63, "step": 30}, {"epoch": 2.0, "eval_loss": 0.60, "eval_accuracy": 0.74, "step": 40},\n'
            '{"epoch": 2.0, "train_loss": 0.78, "train_runtime": 61.2, "step": 40}]}\n',
            2,
            ("loss", "val_loss", "val_accuracy"),
            "trainer_state.json",
        ),
        Example(
            "MLflow metrics/get-history",
            '{"metrics": [{"key": "val_loss", "value": 0.92, "timestamp": 1764000000100, "step": 0},\n{"key": "val_loss", "value": 0.71, "timestamp": 1764000002300, "step": 1},\n'
            '{"key": "loss", "value": 1.02, "timestamp": 1764000000100, "step": 0}, {"key": "loss", "value": 0.66, "timestamp": 1764000002300, "step": 1}]}\n',
            2,
            ("loss", "val_loss"),
            "metrics.json",
        ),
        Example(
            "XGBoost and LightGBM evals_result",
            '{"validation_0": {"mlogloss": [0.93, 0.78, 0.66]}, "validation_1": {"mlogloss": [0.98, 0.87, 0.80]}}\n',
            3,
            ("loss", "val_loss"),
        ),
    ),
)
