"""A JSON object or a printed dictionary on each line."""

import json
import re

from core.histories.formats.base import Example, Reader
from core.histories.formats.json_data import rows
from core.histories.formats.literal import parse_literal
from core.histories.log import Log, guard

OBJECT = re.compile(r"\{[^{}\n]{3,4000}\}")
HOLDS = re.compile(r"['\"][^'\"\n]{0,40}(?:loss|acc|top|error)[^'\"\n]{0,40}['\"]\s*:", re.IGNORECASE)


def recognises(text: str, _name: str) -> bool:
    """Tell whether at least two lines hold an object of their own that has a loss or an accuracy."""
    return sum(bool(HOLDS.search(x)) for line in text.splitlines()[:3000] for x in _objects(line)[:1]) >= 2


def read(text: str, _name: str) -> Log:
    """Return a record an object: mmengine and mmcls, DeiT, W&B history, what Hugging Face prints; other lines are passed over."""
    found = []
    for line in text.splitlines():
        for written in _objects(line):
            try:
                value = json.loads(written) if written.startswith('{"') else parse_literal(written)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                found.append(value)
        guard(len(found))
    return rows(found)


def _objects(line: str) -> list[str]:
    """Return the objects of a line: all of it, or those between other text such as a progress bar."""
    line = line.strip()
    if line.startswith("{") and line.endswith(("}", "},")):
        return [line.rstrip(",")]
    return OBJECT.findall(line) if "{" in line and len(line) < 20_000 else []


READER = Reader(
    "JSON lines",
    "One JSON object a line, one a logged step or epoch; lines that are none are passed over.",
    recognises,
    read,
    (
        Example(
            "mmengine, mmcls and mmpretrain",
            '{"mode": "train", "epoch": 1, "iter": 50, "lr": 0.01, "loss": 0.91}\n{"mode": "val", "epoch": 1, "iter": 12, "accuracy_top-1": 71.3}\n'
            '{"mode": "train", "epoch": 2, "iter": 50, "lr": 0.01, "loss": 0.52}\n{"mode": "val", "epoch": 2, "iter": 12, "accuracy_top-1": 79.8}\n',
            2,
            ("loss", "val_accuracy"),
            "20260301_101500.log.json",
        ),
        Example(
            "DeiT and its descendants",
            '{"train_lr": 1e-4, "train_loss": 3.11, "test_loss": 2.04, "test_acc1": 52.1, "test_acc5": 78.2, "epoch": 0}\n'
            '{"train_lr": 1e-4, "train_loss": 2.72, "test_loss": 1.61, "test_acc1": 61.4, "test_acc5": 84.0, "epoch": 1}\n',
            2,
            ("loss", "val_loss", "val_accuracy"),
            "log.txt",
        ),
        Example(
            "What Hugging Face prints",
            "{'loss': 0.92, 'learning_rate': 2e-05, 'epoch': 0.5}\n{'eval_loss': 0.71, 'eval_accuracy': 0.66, 'epoch': 1.0}\n"
            "{'loss': 0.63, 'learning_rate': 1e-05, 'epoch': 1.5}\n{'eval_loss': 0.60, 'eval_accuracy': 0.74, 'epoch': 2.0}\n",
            2,
            ("loss", "val_loss", "val_accuracy"),
        ),
    ),
)
