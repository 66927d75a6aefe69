"""What TensorBoard's download button and Neptune save: a file a curve."""

import csv
import re

from core.histories.formats.base import Example, Reader
from core.histories.formats.json_data import tag_of
from core.histories.log import Cell, Log, cell, guard

HEADER = re.compile(
    r'(?:"?(?:wall time|wall_time|timestamp|relative time|relative_time|step|epoch|value)"?(?:,|;|\t|(?=\n))){2,5}\r?\n'
)


def recognises(text: str, _name: str) -> bool:
    """Tell whether the header is ``Wall time,Step,Value``, or these in another order."""
    return bool(HEADER.match(text.lstrip().lower()))


def read(text: str, name: str) -> Log:
    """Return a record a step, under the tag in the file's name (``run_train-tag-epoch_loss.csv``)."""
    tag, records = tag_of(name) or "value", []
    lines = text.lstrip().splitlines()
    comma = next(s for s in ",;\t" if s in lines[0])
    for row in csv.DictReader([lines[0].lower(), *lines[1:]], delimiter=comma):
        step, value = cell(row.get("step", row.get("epoch"))), cell(row.get("value"))
        if isinstance(step, float) and isinstance(value, float):
            record: dict[str, Cell] = {"step": step, tag: value}
            records.append(record)
            guard(len(records))
    return Log(records, by_step=True)


READER = Reader(
    "TensorBoard CSV of one curve",
    "Lines of time, step and value, as TensorBoard downloads them; the file is named after the curve.",
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
