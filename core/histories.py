"""Training histories made elsewhere: recognise the file and its columns."""

import io
import json
import re
from pathlib import Path

import pandas as pd

from core.errors import HistoryError

# What frameworks call the four columns, most specific first; compared in lower case with separators as "_".
NAMES = {
    "val_loss": ("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "val_loss_epoch", "loss_val", "val_cls_loss", "val_box_loss"),
    "loss": ("train_loss_epoch", "train_loss", "training_loss", "loss", "loss_epoch", "train_cls_loss", "train_box_loss"),
    "val_accuracy": (
        "val_accuracy", "val_acc", "valid_acc", "valid_accuracy", "validation_accuracy", "eval_accuracy", "test_accuracy", "test_acc",
        "val_categorical_accuracy", "val_sparse_categorical_accuracy", "val_binary_accuracy", "metrics_accuracy_top1", "accuracy_top1",
    ),
    "accuracy": ("train_accuracy", "train_acc", "train_acc_epoch", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy", "accuracy"),
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
        return _named(_from_tensorboard(content))
    text = content.decode("utf-8-sig", errors="replace") if isinstance(content, bytes) else content
    if not text.strip():
        raise HistoryError("The file is empty. Give a training history with one row an epoch.")
    try:
        table = _from_json(text) if text.lstrip()[0] in "{[" else _from_csv(text)
    except (ValueError, pd.errors.ParserError) as error:
        raise HistoryError(
            f"{name} could not be read as a training history ({str(error).splitlines()[0][:100]}). Give CSV with a header line, or JSON."
        ) from error
    return _named(table)


def read_history_file(path: Path) -> pd.DataFrame:
    """Return the history in a file; see :func:`read_history`."""
    if not path.is_file():
        raise HistoryError(f"There is no file {path.name!r}. Give the path of a CSV or JSON file.")
    return read_history(path.read_bytes(), path.name)


def _from_json(text: str) -> pd.DataFrame:
    data = json.loads(text)
    if isinstance(data, dict) and isinstance(data.get("history"), dict):
        data = data["history"]
    if isinstance(data, dict) and isinstance(data.get("metrics"), dict | list):
        data = data["metrics"]
    if isinstance(data, list) and data and isinstance(data[0], dict) and {"key", "value"} <= data[0].keys():
        rows = pd.DataFrame(data).drop_duplicates(["key", "step"], keep="last")  # MLflow: one object a value
        return rows.pivot(index="step", columns="key", values="value").reset_index(names="epoch")
    if isinstance(data, dict):
        data = {k: v for k, v in data.items() if isinstance(v, list) and v and not isinstance(v[0], dict | list)}
        return pd.DataFrame({k: pd.Series(v) for k, v in data.items()})
    return pd.DataFrame(data)


def _from_csv(text: str) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(text), sep=None, engine="python", skipinitialspace=True)
    if len(table.columns) < 2 and "loss" not in str(table.columns[0]).lower():
        raise ValueError("there is only one column")
    if "epoch" in table and table["epoch"].duplicated().any():
        table = table.groupby("epoch", as_index=False).mean(numeric_only=True)  # Lightning: several rows an epoch
    return table


def _from_tensorboard(content: bytes) -> pd.DataFrame:
    """Read scalars of one event file, with TensorBoard's own reader."""
    import tempfile

    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        raise HistoryError(
            "Reading TensorBoard files needs the package tensorboard. Export the scalars as CSV instead."
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.out.tfevents.1"
        path.write_bytes(content)
        reader = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0}).Reload()
        columns = {tag: {e.step: e.value for e in reader.Scalars(tag)} for tag in reader.Tags()["scalars"]}
        columns |= {
            tag: {e.step: float(e.tensor_proto.float_val[0]) for e in reader.Tensors(tag) if e.tensor_proto.float_val}
            for tag in reader.Tags()["tensors"]
        }
    return pd.DataFrame({k: v for k, v in columns.items() if v}).sort_index().reset_index(names="epoch")


def _plain(name: object) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(name).strip().lower()).strip("_")


def _named(table: pd.DataFrame) -> pd.DataFrame:
    known = {_plain(c): c for c in table.columns}
    chosen = {}
    for target, names in NAMES.items():
        match = next((known[n] for n in names if n in known and known[n] not in chosen.values()), None)
        if match is not None:
            chosen[target] = match
    if "loss" not in chosen and "val_loss" not in chosen:
        listed = ", ".join(str(c) for c in list(table.columns)[:8]) or "nothing"
        raise HistoryError(
            f"No loss was found among the columns ({listed}). Name them loss and val_loss, one row an epoch."
        )
    named = pd.DataFrame({target: pd.to_numeric(table[source], errors="coerce") for target, source in chosen.items()})
    if "val_accuracy" not in named and (rate := next((known[r] for r in ERROR_RATES if r in known), None)) is not None:
        named["val_accuracy"] = 1 - pd.to_numeric(table[rate], errors="coerce")
    for clean in ("clean_loss", "clean_accuracy"):
        if clean in known:
            named[clean] = pd.to_numeric(table[known[clean]], errors="coerce")
    named = named.dropna(how="all").reset_index(drop=True)
    if named.empty:
        raise HistoryError("The loss columns hold no numbers. Give one number an epoch.")
    named.insert(0, "epoch", range(1, len(named) + 1))
    return named
