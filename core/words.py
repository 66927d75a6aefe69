"""Words on a page: whatever people call their runs, classes and files is shown as they wrote it, and does nothing; a number shows its sign."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import count

MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~:$&])")  # within a line; an exclamation mark only matters before a bracket
HIDDEN = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # controls, marks that turn the direction, lone surrogates, line and paragraph ends
JOINERS = "\u200c\u200d"  # Persian and Indic words and emoji are written with them


def plain(words: object) -> str:
    """Return foreign words for a place that takes Markdown, so that they are read and not carried out.

    Parameters
    ----------
    words
        A name, a title, a note or an error that holds one; ``str()`` of it is shown, in one line.
    """
    return MARKDOWN.sub(r"\\\1", one_line(words))


def unescaped(text: str) -> str:
    """Return a sentence as people read it where no Markdown is drawn: without stars, back ticks, and what :func:`plain` put in."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)(\*\*|`)", "", text))


def one_line(words: object) -> str:
    """Return foreign words for a place that takes plain text: without what is invisible or cannot be sent to a browser."""
    seen = (c if c in JOINERS or unicodedata.category(c) not in HIDDEN else " " for c in str(words))
    return " ".join("".join(seen).split())


def distinct(names: Iterable[str]) -> list[str]:
    """Return names of which no two are the same: a choice on a page is sent back by what it reads.

    Parameters
    ----------
    names
        In their order; the second of the same name gets " (2)".
    """
    told: dict[str, None] = {}
    for name in names:
        numbered = (name if n == 1 else f"{name} ({n})" for n in count(1))
        told[next(words for words in numbered if words not in told)] = None
    return list(told)


def counted(n: int, thing: str, things: str = "") -> str:
    """Return a number with what is counted: "1 layer", "1,200 layers"; ``things`` where no "s" makes the plural."""
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def points(value: float) -> str:
    """Return how far two percentages lie apart in words: "1 point", "12 points", "less than 1 point"."""
    rounded = round(value)
    return counted(rounded, "point").replace("-", "\N{MINUS SIGN}") if rounded else "less than 1 point"


def signed(value: float, digits: int = 0) -> str:
    """Return a number with its sign, as it is set in print; one that is rounded to nothing has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")
