"""What a reader makes of a file: records in the order of the file, under the names of the file."""

import math
import re
from dataclasses import dataclass, field

from core.errors import HistoryError

Cell = float | str
MOST_RECORDS, MOST_COLUMNS = 50_000, 1_000
NOT_MEASURED = {"", "-", "--", "—", "no log", "none", "null", "n/a", "na", "nil", "?", "...", "…", "<na>", "not measured", ".", "/"}  # fmt: skip
NOT_A_NUMBER = re.compile(r"[+-]?(nan|1\.#(qnan|ind|snan))(\((ind|snan)\))?", re.IGNORECASE)
INFINITE = re.compile(r"([+-]?)(inf|infinity|∞|1\.#inf)", re.IGNORECASE)
WRAPPED = re.compile(  # tensor(0.5, device='cuda:0'), [0.5]
    r"(?:(?:torch\.|np\.|numpy\.|tf\.|jnp\.)?[A-Za-z]{5,12}\d{0,3}\(\s{0,3}\[?|\[)\s{0,3}['\"]?([-+]?[\d.]{1,40}(?:[eE][-+]?\d{1,4})?|[-+]?nan|[-+]?inf)['\"]?\s{0,3}\]?(?:,[^()]{0,80}(?:\([^()]{0,40}\))?)?\)?",
    re.IGNORECASE,
)
SPREAD = re.compile(r"\s{0,3}(?:±|\+/-|\+-)\s{0,3}[\d.,]{1,40}(?=\s{0,2}%?$)")  # 0.82 ± 0.01: over folds or seeds
NUMBER = re.compile(r"[+-]?(\d{1,300}\.?\d{0,300}|\.\d{1,300})([eE][+-]?\d{1,4})?")


@dataclass
class Log:
    """A file's figures.

    Attributes
    ----------
    records
        One dictionary a line, row or step. A figure that is not there was not measured; NaN was measured as NaN.
    notes
        Sentences on how it was read.
    stages
        Positions of records at which another stage begins, where the file itself says so.
    percent
        Names of columns that the file itself marks as percentages.
    known
        ``n_train``, ``n_val``, ``n_classes`` where the file tells.
    by_step
        Whether records with the same step belong together, whatever their order.
    is_rows
        Whether each record is an epoch already, so that a figure that is missing in it was not measured then.
    format
        Title of the format that it was read as.
    """

    records: list[dict[str, Cell]]
    notes: list[str] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    percent: set[str] = field(default_factory=set)
    known: dict[str, int] = field(default_factory=dict)
    by_step: bool = False
    is_rows: bool = False
    format: str = ""

    @property
    def names(self) -> list[str]:
        """Every column, in the order in which they appear."""
        return list(dict.fromkeys(name for record in self.records for name in record))


def guard(records: int, columns: int = 0) -> None:
    """Refuse what no history is, before it takes the machine's memory.

    Raises
    ------
    HistoryError
        With more than 50,000 records or 1,000 columns.
    """
    if records > MOST_RECORDS:
        raise HistoryError(f"This has more than {MOST_RECORDS:,} entries. Give one row an epoch.")
    if columns > MOST_COLUMNS:
        raise HistoryError(f"This has {columns:,} columns. Keep those of loss and accuracy.")


def cell(text: object) -> Cell | None:
    """Return a figure; None where nothing was measured, the text itself where it is no number.

    Percent signs are left to :func:`is_percent`; a decimal comma is a decimal point.
    """
    if text is None or isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        try:
            return float(text)
        except OverflowError:
            return math.inf
    return _number(str(text).strip())


def _number(shown: str) -> Cell | None:
    bare = SPREAD.sub("", shown).rstrip("%").rstrip()
    if bare[-1:].isdigit() and NUMBER.fullmatch(bare):
        return float(bare)
    if bare.casefold() in NOT_MEASURED:
        return None
    if NOT_A_NUMBER.fullmatch(bare):
        return math.nan
    if infinite := INFINITE.fullmatch(bare):
        return -math.inf if infinite[1] == "-" else math.inf
    point = bare.replace(",", ".") if bare.count(",") == 1 and "." not in bare else bare
    if point.startswith(("\N{MINUS SIGN}", "\N{EN DASH}")):
        point = "-" + point[1:]
    if NUMBER.fullmatch(point):
        return float(point)
    wrapped = WRAPPED.fullmatch(bare)
    return _number(wrapped[1]) if wrapped else shown


def is_percent(text: object) -> bool:
    """Return whether a cell is written with a percent sign."""
    return isinstance(text, str) and text.rstrip().endswith("%")
