"""What Ultralytics prints: a heading and a bar an epoch, and a line ``all`` of the validation below them."""

import re

from core.histories.content import without_control
from core.histories.formats.base import Example, Reader
from core.histories.log import Cell, Log, cell, guard

HEADING = re.compile(r"^\s*Epoch\s+GPU_mem\s+(.{3,200})$", re.IGNORECASE)
ROW = re.compile(
    r"^\s*(\d{1,6})/(\d{1,6})\s+[\d.]{1,12}[GM]?\s+((?:[-\d.enai+]{1,20}\s+){0,20}[-\d.enai+]{1,20}?):?\s*(?:\d{1,3}%|$)"
)
CLASSES = re.compile(r"^\s*(?:classes|class)\s+(.{3,120}?):?\s*(?:\d{1,3}%|$)", re.IGNORECASE)
ALL = re.compile(r"^\s*all\s+([\d.\s]{3,120})$")


def recognises(text: str, _name: str) -> bool:
    """Tell whether there is a heading ``Epoch  GPU_mem  loss …`` with a row below it."""
    lines = without_control(text).splitlines() if "GPU_mem" in text else []
    return any(HEADING.match(x) for x in lines) and any(ROW.match(x) for x in lines)


def read(text: str, _name: str) -> Log:
    """Return a record an epoch: the bar's last state, and the accuracies of the line ``all``; counts of pictures are left out."""
    records: dict[int, dict[str, Cell]] = {}
    names: list[str] = []
    measured: list[str] = []
    at = 0
    for line in without_control(text).splitlines():
        if seen := HEADING.match(line[:400]):
            names = [n for n in seen[1].split() if n.lower() not in ("instances", "size", "img_size")]
        elif seen := ROW.match(line[:400]):
            at = int(seen[1])
            shown = ["train_loss" if n == "loss" else n for n in names]
            records[at] = {"epoch": float(at), **_named(shown, seen[3].split())}
            guard(len(records))
        elif seen := CLASSES.match(line[:400]):
            measured = [f"val_{n}" for n in seen[1].split()]
        elif (seen := ALL.match(line[:400])) and at in records:
            records[at] |= _named(measured, seen[1].split())
    return Log(list(records.values()))


def _named(names: list[str], shown: list[str]) -> dict[str, Cell]:
    return {n: v for n, text in zip(names, shown, strict=False) if isinstance(v := cell(text), float)}


READER = Reader(
    "Ultralytics output",
    "The bars that a YOLO classification run prints: an epoch is a bar's last state with the accuracies of the line `all` below it.",
    recognises,
    read,
    (
        Example(
            "Ultralytics, printed while it trains",
            "      Epoch    GPU_mem       loss  Instances       Size\n        1/2      1.24G     1.1200         16        224: 100%|██████████| 50/50 [00:10<00:00,  4.9it/s]\n"
            "               classes   top1_acc   top5_acc: 100%|██████████| 7/7 [00:01<00:00,  6.0it/s]\n                   all      0.510      0.920\n"
            "        2/2      1.24G     0.8300         16        224: 100%|██████████| 50/50 [00:10<00:00,  4.9it/s]\n"
            "               classes   top1_acc   top5_acc: 100%|██████████| 7/7 [00:01<00:00,  6.0it/s]\n                   all      0.600      0.950\n",
            2,
            ("loss", "val_accuracy"),
        ),
    ),
)
