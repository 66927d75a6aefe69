"""What TensorBoard's download button saves: a file a curve."""

import csv

from core.histories.formats.base import Example, Reader
from core.histories.formats.json_data import tag_of
from core.histories.log import Cell, Log, cell, guard


def recognises(text: str, _name: str) -> bool:
    """Tell whether the header is ``Wall time,Step,Value``."""
    return text.lstrip().lower().startswith("wall time,step,value")


def read(text: str, name: str) -> Log:
    """Return a record a step, under the tag in the file's name (``run_train-tag-epoch_loss.csv``)."""
    tag, records = tag_of(name) or "value", []
    for row in csv.DictReader(text.lstrip().splitlines()):
        step, value = cell(row.get("Step")), cell(row.get("Value"))
        if isinstance(step, float) and isinstance(value, float):
            record: dict[str, Cell] = {"step": step, tag: value}
            records.append(record)
            guard(len(records))
    return Log(records, by_step=True)


READER = Reader(
    "TensorBoard CSV of one curve",
    recognises,
    read,
    (
        Example(
            "TensorBoard, CSV or JSON of one curve (give one a curve)",
            "Wall time,Step,Value\n1764000000.1,0,0.92\n1764000002.3,1,0.71\n1764000004.5,2,0.63\n",
            3,
            ("val_loss",),
            "run_validation-tag-epoch_loss.csv",
        ),
    ),
)
