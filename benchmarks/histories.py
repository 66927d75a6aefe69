"""Does ``diagnose_history`` see overfitting in histories made elsewhere?

``python -m benchmarks.histories --histories DIR [--json FILE]``

Takes JSON files that name their own columns under ``train_metric`` and ``monitor_metric`` (by default ``train_loss`` and ``val_loss``), and CSV
files, below folders named ``overfit`` and ``non_overfit``. Beside Thaw stands the single threshold that is hard to beat: the last validation
loss is 4% above the best.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from core.diagnosis import diagnose_history
from core.errors import HistoryError
from core.histories import read_history_file

LABELS = {"overfit": True, "non_overfit": False}
THRESHOLD = 0.04


def label_of(path: Path) -> bool | None:
    """Return whether the nearest labelled folder above a file says that it overfits; None without one."""
    return next((LABELS[part] for part in reversed(path.parts[:-1]) if part in LABELS), None)


def read(path: Path) -> pd.DataFrame:
    """Return columns ``loss`` and ``val_loss`` of a history.

    Raises
    ------
    HistoryError
        When the file is no history, or does not hold the columns it names.
    """
    if path.suffix == ".csv":
        return read_history_file(path)
    try:
        data = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise HistoryError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(data, dict):
        return read_history_file(path)
    columns = {}
    for column, key, usual in (("loss", "train_metric", "train_loss"), ("val_loss", "monitor_metric", "val_loss")):
        columns[column] = _numbers(data, str(data.get(key, usual)), path)
    n = min(len(c) for c in columns.values())
    return pd.DataFrame({k: v[:n] for k, v in columns.items()})


def _numbers(data: dict, name: str, path: Path) -> np.ndarray:
    """Return the column ``name``; one that grows when things get better (an accuracy) as the error that is left."""
    values = data.get(name, data.get("history", {}).get(name) if isinstance(data.get("history"), dict) else None)
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list) or not values:
        raise HistoryError(f"{path.name} names the column {name!r} but does not hold it.")
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(float)
    if "acc" not in name.lower():
        return numbers
    return 1 - numbers / (100 if np.nanmax(numbers) > 1.5 else 1)


def thaw(history: pd.DataFrame) -> bool:
    """Return whether Thaw calls a history overfitting."""
    return diagnose_history(history).verdict == "overfitting"


def rebound(history: pd.DataFrame) -> bool:
    """Return whether the last validation loss is 4% above the best."""
    values = history["val_loss"].dropna().to_numpy(float)
    return len(values) > 0 and values[-1] - values.min() >= THRESHOLD * abs(values.min())


def figures(truth: list[bool], said: list[bool]) -> dict[str, float]:
    """Return macro F1, accuracy, and precision and recall of overfitting."""
    return {
        "macro_f1": float(f1_score(truth, said, average="macro", zero_division=0)),
        "accuracy": float(accuracy_score(truth, said)),
        "precision": float(precision_score(truth, said, zero_division=0)),
        "recall": float(recall_score(truth, said, zero_division=0)),
    }


def find(folder: Path) -> list[tuple[Path, pd.DataFrame, bool]]:
    """Return every labelled history below a folder; files that cannot be read are named on stderr."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".csv"}):
        label = label_of(path.relative_to(folder.parent) if folder.parent != folder else path)
        if label is None:
            continue
        try:
            found.append((path, read(path), label))
        except HistoryError as error:
            print(f"left out: {error}", file=sys.stderr)
    return found


def run(folder: Path) -> dict[str, object]:
    """Judge every history below a folder and print the figures.

    Raises
    ------
    HistoryError
        When there is no labelled history.
    """
    found = find(folder)
    if not found:
        raise HistoryError(f"No histories below {folder}: JSON or CSV files in folders named overfit and non_overfit.")
    truth = [label for *_, label in found]
    judges: dict[str, Callable[[pd.DataFrame], bool]] = {"": thaw, "rebound_": rebound}
    said = {prefix: [judge(history) for _, history, _ in found] for prefix, judge in judges.items()}
    scores = {p + k: v for p, answers in said.items() for k, v in figures(truth, answers).items()}
    for name, value in scores.items():
        print(f"{name} {value:.3f} share")
    print(f"histories {len(found)} files\noverfitting {sum(truth)} files")
    rows = [
        {"file": str(path.relative_to(folder)), "overfit": label, "verdict": diagnose_history(history).verdict, "rebound": bool(by_rebound)}
        for (path, history, label), by_rebound in zip(found, said["rebound_"], strict=True)
    ]  # fmt: skip
    _misses(rows)
    return {"figures": scores, "histories": rows}


def _misses(rows: list[dict]) -> None:
    wrong = [r for r in rows if (r["verdict"] == "overfitting") != r["overfit"]]
    print(
        f"\n{len(wrong)} of {len(rows)} read otherwise:\n\n| file | labelled | Thaw says | rebound of 4% |\n|---|---|---|---|"
    )
    for r in wrong:
        label = "overfit" if r["overfit"] else "non_overfit"
        print(f"| {r['file']} | {label} | {r['verdict']} | {'yes' if r['rebound'] else 'no'} |")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histories", description=__doc__.split("\n")[0])
    parser.add_argument("--histories", type=Path, required=True, help="folder with overfit and non_overfit below it")
    parser.add_argument("--json", type=Path, help="where to write every verdict")
    options = parser.parse_args(arguments)
    try:
        result = run(options.histories.resolve())
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
