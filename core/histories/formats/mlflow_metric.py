"""A metric file of MLflow's file store."""

import re
from pathlib import PurePosixPath

from core.histories.formats.base import Example, Reader
from core.histories.log import Cell, Log, cell, guard
from core.histories.names import parse

LINE = re.compile(r"\d{10,14} (\S{1,40}) (-?\d{1,12})")


def recognises(text: str, name: str) -> bool:
    """Tell whether every line is ``timestamp value step`` and the file is called after its metric."""
    lines = text.split("\n", 6)[:5]
    return bool(parse(PurePosixPath(name).name).quantity) and all(LINE.fullmatch(x.strip()) for x in lines if x.strip())


def read(text: str, name: str) -> Log:
    """Return a record a line, under the name of the file."""
    metric, records = PurePosixPath(name).name, []
    for line in text.splitlines():
        seen = LINE.fullmatch(line.strip())
        value = cell(seen[1]) if seen else None
        if seen and isinstance(value, float):
            record: dict[str, Cell] = {"step": float(seen[2]), metric: value}
            records.append(record)
            guard(len(records))
    return Log(records, by_step=True)


READER = Reader(
    "MLflow metric file",
    "Lines of time, value and step; the file is named after the metric.",
    recognises,
    read,
    (
        Example(
            "MLflow, a file of mlruns/…/metrics (give several, or a ZIP of the folder)",
            "1764000000100 0.92 0\n1764000002300 0.71 1\n1764000004500 0.63 2\n1764000006700 0.60 3\n",
            4,
            ("val_loss",),
            "val_loss",
        ),
    ),
)
