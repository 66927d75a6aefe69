"""A figure a line, in a file called after its metric."""

from core.histories.formats.base import Example, Reader
from core.histories.formats.json_data import tag_of
from core.histories.log import Cell, Log, cell, guard


def recognises(text: str, name: str) -> bool:
    """Tell whether every line is one figure and the file's name says which (``train_losses.txt``)."""
    lines = text.split()
    return (
        bool(tag_of(name))
        and len(lines) > 1
        and all(isinstance(cell(x), float) for x in lines[:50])
        and len(lines) == len(text.strip().splitlines())
    )


def read(text: str, name: str) -> Log:
    """Return a record a line."""
    records: list[dict[str, Cell]] = []
    for line in text.split():
        value = cell(line)
        if isinstance(value, float):
            records.append({tag_of(name): value})
        guard(len(records))
    return Log(records)


READER = Reader(
    "One figure a line",
    "A single column of numbers without a header; the file is named after the metric.",
    recognises,
    read,
    (
        Example(
            "numpy.savetxt of one list (give one a curve, named after it)",
            "1.05\n0.91\n0.86\n0.84\n",
            4,
            ("val_loss",),
            "val_losses.txt",
        ),
    ),
)
