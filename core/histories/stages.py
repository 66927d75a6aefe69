"""Columns of a second stage beside those of a first, as ``fine_tune_loss`` beside ``loss``."""

import re
from collections.abc import Iterable

from core.histories.names import parse

SECOND = re.compile(r"(?:^|[_\s/.-])(fine[_ -]?tun(?:e|ed|ing)|finetun(?:e|ed|ing)|ft|unfrozen|unfreeze|thawed|stage[_ -]?2|phase[_ -]?2|part[_ -]?2|second|step2)(?=$|[_\s/.-])", re.IGNORECASE)  # fmt: skip
FIRST = re.compile(r"(?:^|[_\s/.-])(frozen|head|stage[_ -]?1|phase[_ -]?1|part[_ -]?1|first|warm[_ -]?up|transfer|feature[_ -]?extraction|initial|base|before)(?=$|[_\s/.-])", re.IGNORECASE)  # fmt: skip
FIGURES = ("loss", "accuracy", "error")


def second_stage(names: Iterable[str]) -> set[str]:
    """Return the columns of a second stage; none where all are, or where no column of a first stage says the same."""
    names = list(names)
    second = {
        n for n in names if SECOND.search(n) and not FIRST.search(n) and parse(without(n, SECOND)).quantity in FIGURES
    }
    first = {n for n in names if n not in second and parse(without(n, FIRST)).quantity in FIGURES}
    return second if first else set()


def without(name: str, part: re.Pattern) -> str:
    """Return a name without the words that say its stage."""
    shorter = part.sub(" ", name).strip(" _/.-")
    return shorter if parse(shorter).quantity else name
