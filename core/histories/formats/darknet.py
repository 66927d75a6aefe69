"""What Darknet prints: an iteration a line, the figure before its name."""

import re

from core.histories.formats.base import Example, Reader
from core.histories.log import Cell, Log, cell, guard

ITERATION = re.compile(
    r"^\s*(\d{1,9})(?:, [\d.]{1,12})?: ([-+\w.]{1,40}), ([-+\w.]{1,40}) avg(?: loss)?, ([\d.eE+-]{1,40}) rate",
    re.MULTILINE,
)


def recognises(text: str, _name: str) -> bool:
    """Tell whether lines look like ``120: 1.93, 2.04 avg loss, 0.001 rate, …``."""
    return len(ITERATION.findall(text[:20_000])) >= 2


def read(text: str, _name: str) -> Log:
    """Return a record an iteration, with Darknet's running average as the loss."""
    records: list[dict[str, Cell]] = []
    for number, _, average, rate in ITERATION.findall(text):
        loss = cell(average)
        if isinstance(loss, float):
            records.append({"iteration": float(number), "loss": loss, "learning rate": cell(rate) or 0.0})
            guard(len(records))
    return Log(records)


READER = Reader(
    "Darknet output",
    "One line an iteration; the running average counts as the loss.",
    recognises,
    read,
    (
        Example(
            "Darknet, printed an iteration",
            "1, 0.002: 2.310000, 2.310000 avg, 0.100000 rate, 3.4 seconds, 128 images\n2, 0.004: 2.100000, 2.289000 avg, 0.100000 rate, 3.2 seconds, 256 images\n",
            2,
            ("loss",),
        ),
    ),
)
