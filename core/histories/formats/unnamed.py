"""Figures that say of which images they are and not what they measure: ``train,val`` above two columns, ``train=0.61 val=0.72``."""

import re
from functools import lru_cache

from core.histories.formats import printed, table
from core.histories.formats.base import Example, Reader
from core.histories.log import Log
from core.histories.names import parse

SIDE = re.compile(
    r"\b(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|dev)(\s{0,3}[:=]\s{0,3})(?=[-+]?\d{1,12}\.\d)", re.IGNORECASE
)
PERCENT = re.compile(SIDE.pattern + r"[-+]?\d{1,12}\.\d{1,12}\s?%", re.IGNORECASE)
LONGEST = 20_000  # of a header
SAID = "The figures do not say what they measure; they were read as {}, since {}."


def recognises(text: str, name: str) -> bool:
    """Tell whether columns or figures are called ``train`` and ``val`` and nothing else."""
    return bool(_read(text, name).records)


def read(text: str, name: str) -> Log:
    """Return them as losses, as accuracies where the file's name says so, or where they are shares that rise."""
    return _read(text, name)


@lru_cache(maxsize=2)
def _read(text: str, name: str) -> Log:
    told = parse(re.sub(r"\.\w{1,5}$", "", name)).quantity
    reader = table if _heading(text) else printed if len(SIDE.findall(text[:20_000])) >= 4 else None
    if reader is None:
        return Log([])
    log = reader.read(_renamed(text, "loss"), name)
    why = "the name of the file says so"
    if told not in ("loss", "accuracy") and len(PERCENT.findall(text[:20_000])) >= 4:
        told, why = "accuracy", "they are percentages"
    if told not in ("loss", "accuracy"):
        rising = _are_shares_that_rise(log)
        told = "accuracy" if rising else "loss"
        why = "they are shares that rise" if rising else "they are no shares that rise"
    if told == "accuracy":
        log = reader.read(_renamed(text, "accuracy"), name)
    log.notes.append(SAID.format("losses" if told == "loss" else "accuracies", why))
    return log


def _heading(text: str) -> bool:
    if len(text.lstrip()[:LONGEST].split("\n", 1)[0]) == LONGEST:
        return False
    cells = [c.strip().strip("\"'") for c in re.split(r"[,;\t|]", text.lstrip().split("\n", 1)[0]) if c.strip()]
    names = [parse(c) for c in cells]
    sides = [n for n in names if n.split and not n.quantity and not n.rest]
    return len(sides) >= 2 and all(n in sides or n.quantity in ("epoch", "step") for n in names)


def _renamed(text: str, quantity: str) -> str:
    if not _heading(text):
        return SIDE.sub(rf"\1 {quantity}\2", text)
    head, _, rest = text.lstrip().partition("\n")
    return (
        re.sub(r"[^,;\t|\"'\n]+", lambda m: f"{m[0].strip()} {quantity}" if parse(m[0]).split else m[0], head)
        + "\n"
        + rest
    )


def _are_shares_that_rise(log: Log) -> bool:
    figures = [[v for r in log.records if isinstance(v := r.get(n), float)] for n in log.names if parse(n).quantity == "loss"]  # fmt: skip
    return any(figures) and all(not f or (max(f) <= 1 and f[-1] > f[0] + 0.02) for f in figures)


READER = Reader(
    "Figures called train and val",
    "Figures that say of which images they are, and not what they measure.",
    recognises,
    read,
    (
        Example(
            "Two columns called train and val: losses, unless the file's name says accuracy",
            "epoch,train,val\n1,1.12,1.05\n2,0.83,0.91\n3,0.64,0.86\n",
            3,
            ("loss", "val_loss"),
            "curve.csv",
        ),
    ),
)
