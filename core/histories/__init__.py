"""Training histories made elsewhere: recognise the file and its columns."""

import io
import json
import re
import tempfile
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import HistoryError

# What frameworks call the four columns, most specific first; compared in lower case with separators as "_".
NAMES = {
    "val_loss": (
        "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "val_loss_epoch", "loss_val", "loss_valid", "loss_validation",
        "loss_test", "epoch_val_loss", "val_cls_loss", "val_box_loss",
    ),
    "loss": (
        "train_loss_epoch", "train_loss", "training_loss", "loss", "loss_epoch", "loss_train", "epoch_loss", "train_cls_loss", "train_box_loss",
        "train_loss_step",
    ),
    "val_accuracy": (
        "val_accuracy", "val_acc", "valid_acc", "valid_accuracy", "validation_accuracy", "eval_accuracy", "test_accuracy", "test_acc",
        "val_acc_epoch", "val_categorical_accuracy", "val_sparse_categorical_accuracy", "val_binary_accuracy", "accuracy_val",
        "accuracy_validation", "epoch_val_accuracy", "metrics_accuracy_top1", "accuracy_top1",
    ),
    "accuracy": (
        "train_accuracy", "train_acc", "train_acc_epoch", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy",
        "accuracy", "accuracy_train", "epoch_accuracy", "train_acc_step",
    ),
}  # fmt: skip
ERROR_RATES = ("error_rate", "val_error_rate")


def read_history(content: bytes | str, name: str = "history") -> pd.DataFrame:
    """Return a history with columns ``epoch``, ``loss``, ``val_loss`` and, where there, ``accuracy`` and ``val_accuracy``.

    Takes a Keras ``History.history`` as JSON, CSVLogger CSV, Lightning ``metrics.csv``, fastai or YOLO ``results.csv``, an MLflow
    metrics export, or a TensorBoard event file.

    Parameters
    ----------
    content
        The file's bytes, or pasted text.
    name
        File name, for its ending.

    Raises
    ------
    HistoryError
        When the content is none of these or has no loss column.
    """
    if isinstance(content, bytes) and ("tfevents" in name or b"brain.Event" in content[:200]):
        return _named(_from_tensorboard(content), scattered=True)
    text = content.decode("utf-8-sig", errors="replace") if isinstance(content, bytes) else content
    if not text.strip():
        raise HistoryError("The file is empty. Give a training history with one row an epoch.")
    try:
        table, scattered = _from_json(text) if text.lstrip()[0] in "{[" else _from_csv(text)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, pd.errors.ParserError) as error:
        raise HistoryError(
            f"{name} could not be read as a training history ({_first_line(error)}). Give CSV with a header line, or JSON."
        ) from error
    return _named(table, scattered=scattered)


def read_history_file(path: Path) -> pd.DataFrame:
    """Return the history in a file; see :func:`read_history`."""
    if not path.is_file():
        raise HistoryError(f"There is no file {path.name!r}. Give the path of a CSV or JSON file.")
    return read_history(path.read_bytes(), path.name)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


def _from_json(text: str) -> tuple[pd.DataFrame, bool]:
    """Return the table, and whether each of its rows may hold only some of the figures of its epoch."""
    data = json.loads(text)
    for wrapper in ("history", "log_history", "metrics"):
        if isinstance(data, dict) and isinstance(data.get(wrapper), dict | list):
            data = data[wrapper]
    if isinstance(data, dict):
        columns = {str(k): _column(v) for k, v in data.items()}
        return pd.DataFrame({k: v for k, v in columns.items() if len(v)}), False
    rows = pd.DataFrame([row for row in data if isinstance(row, dict)])
    return (_pivoted(rows) if {"key", "value"} <= set(rows) else rows), True


def _column(values: object) -> pd.Series:
    """Return a list, or pandas' own {"0": …, "1": …}, as a column; anything else is no column."""
    if isinstance(values, dict) and values and all(str(k).isdecimal() for k in values):
        values = [values[k] for k in sorted(values, key=int)]
    flat = isinstance(values, list) and not any(isinstance(v, dict | list) for v in values)
    return pd.Series(values if flat else [], dtype=object)


def _pivoted(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn MLflow's one object a value into a column a metric; without steps the order counts."""
    rows = rows.assign(key=rows["key"].astype(str))
    if "step" not in rows or rows["step"].nunique() < 2:
        rows = rows.assign(step=rows.groupby("key").cumcount())
    latest = rows.drop_duplicates(["key", "step"], keep="last")
    return latest.pivot(index="step", columns="key", values="value").reset_index(drop=True)


def _from_csv(text: str) -> tuple[pd.DataFrame, bool]:
    header = text.strip().splitlines()[0]
    separator = max(",;\t|", key=header.count)
    if separator not in header and "loss" not in header.lower():
        raise ValueError("there is only one column")
    table = pd.read_csv(
        io.StringIO(text.strip()),
        sep=separator,
        skipinitialspace=True,
        index_col=False,
        decimal="," if separator == ";" else ".",
    )
    table.columns = [str(c).strip() for c in table.columns]
    table = table.dropna(how="all")
    if {"key", "value"} <= set(table):
        return _pivoted(table), True
    if "epoch" in table and table["epoch"].duplicated().any():
        table = table.groupby("epoch", as_index=False).mean(numeric_only=True)  # Lightning: several rows an epoch
    return table, False


def _from_tensorboard(content: bytes) -> pd.DataFrame:
    """Read the scalars of one event file.

    TensorBoard's EventAccumulator would import TensorFlow, which the process of a page must not.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
        from tensorboard.util.tensor_util import make_ndarray
    except ImportError as error:
        raise HistoryError(
            "Reading TensorBoard files needs the package tensorboard. Export the scalars as CSV instead."
        ) from error
    columns: dict[str, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.out.tfevents.1"
        path.write_bytes(content)
        for record in _records(PyRecordReader_New(str(path))):
            event = Event.FromString(record)
            for value in event.summary.value:
                number = make_ndarray(value.tensor) if value.HasField("tensor") else np.array(value.simple_value)
                if number.size == 1 and number.dtype.kind in "fiu":
                    columns.setdefault(value.tag, {})[event.step] = float(number.item())
    return pd.DataFrame(columns).sort_index()


def _records(reader: Any) -> Iterator[bytes]:
    """Yield records until the end; a file that is still written, or cut off, ends earlier."""
    while True:
        try:
            reader.GetNext()
        except Exception:  # OutOfRangeError at the end, DataLossError where the file is cut off
            return
        yield reader.record()


def _plain(name: object) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(name).strip().lower()).strip("_")


def _chosen(known: dict[str, Hashable]) -> dict[str, Hashable]:
    """Return which column of the file is which of ours."""
    chosen: dict[str, Hashable] = {}
    for target, names in NAMES.items():
        match = next((known[n] for n in names if n in known and known[n] not in chosen.values()), None)
        if match is not None:
            chosen[target] = match
    if {"train_loss", "valid_loss", "accuracy"} <= known.keys() and chosen.get("accuracy") == known["accuracy"]:
        chosen.setdefault(
            "val_accuracy", chosen.pop("accuracy")
        )  # fastai measures accuracy on the validation images only
    return chosen | {clean: known[clean] for clean in ("clean_loss", "clean_accuracy") if clean in known}


def _named(table: pd.DataFrame, *, scattered: bool) -> pd.DataFrame:
    known: dict[str, Hashable] = {_plain(c): c for c in table.columns}
    chosen = _chosen(known)
    if "loss" not in chosen and "val_loss" not in chosen:
        listed = ", ".join(str(c)[:40] for c in list(table.columns)[:8]) or "nothing"
        raise HistoryError(
            f"No loss was found among the columns ({listed}). Name them loss and val_loss, one row an epoch."
        )
    named = pd.DataFrame({target: _numbers(table[source]) for target, source in chosen.items()})
    if "val_accuracy" not in named and (rate := next((known[r] for r in ERROR_RATES if r in known), None)) is not None:
        named["val_accuracy"] = 1 - _numbers(table[rate])
    if scattered:
        named = _gathered(named.dropna(how="all"))
    if named[[c for c in ("loss", "val_loss") if c in named]].isna().all(axis=None):
        raise HistoryError("The loss columns hold no numbers. Give one number an epoch.")
    named = named.reset_index(drop=True)
    named.insert(0, "epoch", range(1, len(named) + 1))
    return named


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(float)


def _gathered(named: pd.DataFrame) -> pd.DataFrame:
    """Average what was logged more often than validation was measured, so that a row is an epoch."""
    if not {"loss", "val_loss"} <= set(named.columns):
        return named
    measured, both = named["val_loss"].notna(), named[["loss", "val_loss"]].notna().all(axis=1)
    if both.any() and 2 * measured.sum() > named["loss"].notna().sum():
        return named
    return named.groupby(measured.shift(fill_value=False).cumsum()).mean()
