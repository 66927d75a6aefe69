"""The log of Caffe and of DIGITS."""

import re

from core.histories.formats.base import Example, Reader
from core.histories.log import Log, cell, guard

ITERATION = re.compile(r"Iteration (\d{1,9})\b")
OUTPUT = re.compile(r"(Test|Train) net output #\d{1,4}: ([\w/@.-]{1,80}) = ([-+\w.]{1,40})")
LOSS = re.compile(r"Iteration \d{1,9}(?: \([^)]{0,80}\))?, loss = ([-+\w.]{1,40})")


def recognises(text: str, _name: str) -> bool:
    """Tell whether the text has the lines of Caffe's solver."""
    return bool(re.search(r"Test net output #|solver\.cpp:\d|sgd_solver", text)) and "teration" in text


def read(text: str, _name: str) -> Log:
    """Return a record an iteration that was printed; figures of the test net are validation figures, as Caffe means them.

    The loss of the solver counts as training loss; training outputs of the same name are left to it.
    """
    records: dict[int, dict[str, float | str]] = {}
    at = 0
    for line in text.splitlines():
        if len(line) > 2000:
            continue
        if seen := ITERATION.search(line):
            at = int(seen[1])
        figures: dict[str, object] = {}
        if out := OUTPUT.search(line):
            figures[("val_" if out[1] == "Test" else "train_net_") + out[2]] = out[3]
        if loss := LOSS.search(line):
            figures["loss"] = loss[1]
        for name, value in figures.items():
            number = cell(value)
            if isinstance(number, float):
                records.setdefault(at, {"iteration": float(at)})[name] = number
        guard(len(records))
    return Log(list(records.values()), notes=["This is a Caffe log: a row is a test of the net, not an epoch."])


READER = Reader(
    "Caffe or DIGITS log",
    "The solver's log: one row an iteration that was printed; figures of the test net are validation figures, as Caffe means them.",
    recognises,
    read,
    (
        Example(
            "Caffe and DIGITS, the solver's log",
            "I0302 10:00:00.1 77 solver.cpp:337] Iteration 0, Testing net (#0)\nI0302 10:00:01.2 77 solver.cpp:404]     Test net output #0: accuracy = 0.31\n"
            "I0302 10:00:01.2 77 solver.cpp:404]     Test net output #1: loss = 1.42 (* 1 = 1.42 loss)\nI0302 10:00:01.5 77 solver.cpp:228] Iteration 0, loss = 1.51\n",
            1,
            ("loss", "val_loss", "val_accuracy"),
        ),
    ),
)
