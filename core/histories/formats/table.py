"""Tables: CSV of any separator, Markdown, printed columns, frames and boxes."""

import csv
import re
from functools import lru_cache

from core.histories.content import without_control
from core.histories.formats.base import Example, Reader
from core.histories.lists import from_lists
from core.histories.log import Cell, Log, cell, guard, is_percent
from core.histories.names import parse
from core.histories.tidy import METRIC_FIELDS, SPLIT_FIELDS, VALUE_FIELDS

BOX = str.maketrans("│┃║╎┆┊｜", "|||||||")
RULE = re.compile(r"[\s|+:=_\-─━═┄┈╌╍┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬╭╮╯╰┏┓┗┛┣┫┳┻╋┡┩╇╞╡╪*]+")
COMMENT = re.compile(r"\s*(#|//|%|;|!)")
UNITS = re.compile(r"\s*[\[(][^\])]{0,20}[\])]\s*$")
LATEX_END = re.compile(r"\\\\\s*(?:\\\w{1,20}\s*)*$")
WHOLE = METRIC_FIELDS | SPLIT_FIELDS | VALUE_FIELDS | {"epoch", "step"}  # words that name a column each
LINES = 40  # in which the header must stand
LONGEST = 20_000


def recognises(text: str, _name: str) -> bool:
    """Tell whether one of the first lines is a header that names a loss or an accuracy, with figures below it."""
    lines = _lines(text)
    return _header_at(lines) is not None or _rows_by_metric(lines) is not None


def read(text: str, _name: str) -> Log:
    """Return a record a row.

    Comment lines, rules and a line ``sep=;`` are passed over; two lines of header are read as one; a header that comes again begins another stage; rows
    that are no figures are left out.
    """
    lines = _lines(text)
    start = _header_at(lines)
    if start is None:
        return _rows_by_metric(lines) or Log([])
    separator = _separator(lines[start], lines[start + 1 : start + 30])
    header, first = _header(lines, start, separator)
    guard(len(lines), len(header))
    log = Log([])
    log.percent = {h for h in header if re.search(r"[\[(]\s*%\s*[\])]|%|percent|\bpct\b", h, re.IGNORECASE)}
    marks = _places(lines[start]) if separator is None else []
    for line in lines[first:]:
        if _again(line, header, separator):
            log.stages += [len(log.records)] if log.records else []
            continue
        cells = _cells(line, separator, len(header), marks)
        record = {} if separator in (None, "|") and _has_words(header, cells) else _record(header, cells, log)
        if record:
            log.records.append(record)
    headings = len(log.stages) > 1 and not any(_is_whole(record, header) for record in log.records)
    return Log([]) if headings else log  # headings on lines of their own, no table


def _has_words(header: list[str], cells: list[str]) -> bool:
    """Tell whether a word stands where a figure should: a line of a progress bar or of a log between the rows, no row."""
    return any(
        parse(name).quantity in ("loss", "accuracy")
        and isinstance(cell(c), str)
        and re.search(r"[^\W\d_]{3}|[\[#.]{3}", c)
        for name, c in zip(header, cells, strict=False)
    )


def _is_whole(record: dict[str, Cell], header: list[str]) -> bool:
    """Tell whether a row fills all columns, with no word among its figures."""
    return len(record) == len(header) and not any(isinstance(c, str) and c.isalpha() for c in record.values())


@lru_cache(maxsize=1)
def _lines(text: str) -> list[str]:
    """Return the lines that hold cells; a comment that is a header is one."""
    kept = []
    for raw in without_control(text).splitlines():
        line = _without_brackets(raw.translate(BOX).rstrip())
        if not line.strip() or re.match(r"\s*\"?sep=.\"?\s*$", line, re.IGNORECASE) or len(line) > LONGEST:
            continue
        if RULE.fullmatch(line):
            continue
        if COMMENT.match(line):
            line = COMMENT.sub("", line, count=1)
            if not _names(line):
                continue
        kept.append(line)
    return kept


def _without_brackets(line: str) -> str:
    """Return a row as other rows are: without ``[…]`` around it, with bars for LaTeX's ``&``."""
    if line.startswith("[") and line.endswith("]") and "," not in line:
        return line[1:-1]
    if "&" in line and (ended := LATEX_END.search(line)):
        return line[: ended.start()].replace("\\%", "%").replace("&", "|")
    return line


def _names(line: str) -> int:
    """Return how many cells of a line name a loss or an accuracy."""
    if not re.search(r"[^\W\d_]", line):
        return 0
    return sum(
        parse(c).quantity in ("loss", "accuracy", "error") and not re.search(r"\d\.\d", c) for c in _split_header(line)
    )


def _split_header(line: str) -> list[str]:
    return _cells(line, _separator(line, []), 0, [])


def _header_at(lines: list[str]) -> int | None:
    return next((i for i, line in enumerate(lines[:LINES]) if _is_header(line) and _figures_follow(lines, i)), None)


def _is_header(line: str) -> bool:
    """Tell whether a line names columns, a loss or an accuracy or a metric and its value among them, and holds no figures itself."""
    cells = [c.lower() for c in _split_header(line)]
    figures = sum(isinstance(cell(c), float) for c in cells)
    if any(re.fullmatch(r"[-+]?\d+\.\d+", c) for c in cells):
        return False
    printed = re.search(r"(loss|acc\w*)\s*[:=]\s*[-\d.]", line, re.IGNORECASE) or any(
        c.endswith((":", "=")) for c in cells
    )
    if printed or 2 * figures > len(cells) or _is_prose(line):
        return False
    return bool(_names(line)) or (bool(METRIC_FIELDS & set(cells)) and "value" in cells)


def _is_prose(line: str) -> bool:
    """Tell whether words set apart by spaces are a sentence, or name a figure themselves (``tol=0.0001``), and no columns."""
    if _separator(line, []) is not None:
        return False
    return line.rstrip().endswith(".") or bool(re.search(r"\w[:=]\s?[-+]?\d", line))


def _figures_follow(lines: list[str], i: int) -> bool:
    """Tell whether one of the next lines is a row of figures; below a line of prose there is none."""
    separator = _separator(lines[i], lines[i + 1 : i + 30])
    n = len(_cells(lines[i], separator, 0, []))
    for line in lines[i + 1 : i + 4]:
        cells = _cells(line, separator, n, [])
        figures = sum(isinstance(cell(c), float) for c in cells)
        if (
            figures
            and 2 * figures >= len([c for c in cells if c]) - 2
            and len(cells) >= min(n, 2)
            and len(cells) <= n + 1
        ):
            return True
    return False


def _separator(header: str, rows: list[str]) -> str | None:
    """Return the separator; None for columns set apart by spaces."""
    found = {s: header.count(s) for s in ("\t", ";", "|", ",")}
    best = max(found, key=lambda s: (found[s], s != ","))
    if found[best] and best == "," and rows and all("\t" in r for r in rows):
        return "\t"
    return best if found[best] else (None if re.search(r"\S\s+\S", header.strip()) else ",")


def _cells(line: str, separator: str | None, n: int, marks: list[tuple[int, int]]) -> list[str]:
    if separator is None:
        return _by_place(line, marks) if marks and len(line.split()) < n and "\t" not in line else _by_spaces(line, n)
    if separator == "|":
        cells = line.strip().split("|")
        cells = cells[1:] if cells and not cells[0].strip() else cells
        cells = cells[:-1] if cells and not cells[-1].strip() and line.strip().endswith("|") else cells
        return [c.strip().strip("*`") for c in cells]
    return [c.strip() for c in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _by_spaces(line: str, n: int) -> list[str]:
    """Split at two spaces or more where that gives the columns, else at every space."""
    wide = re.split(r"\s{2,}|\t", line.strip())
    narrow = re.sub(r"\b(no|not) (log|measured)\b", r"-", line.strip(), flags=re.IGNORECASE).split()
    if any(len(c.split()) > 1 and all(isinstance(cell(x), float) for x in c.split()) for c in wide):
        return narrow  # two figures with one space between them
    if n:
        return wide if len(wide) == n else narrow
    if all(c.lower() in WHOLE for c in narrow):
        return narrow
    spaced = any(" " in c for c in wide)
    return wide if len(wide) > 1 and (spaced or len(wide) == len(narrow)) else narrow


def _places(header: str) -> list[tuple[int, int]]:
    """Return where each column of a printed table stands."""
    gap = r"\S+(?: \S+)*" if re.search(r"\S\s{2,}\S", header.strip()) else r"\S+"
    return [m.span() for m in re.finditer(gap, header)]


def _by_place(line: str, marks: list[tuple[int, int]]) -> list[str]:
    """Give each figure of a row with gaps to the column it stands under."""
    cells = [""] * len(marks)
    for found in re.finditer(r"\S+", line):
        middle = (found.start() + found.end()) / 2
        nearest = min(range(len(marks)), key=lambda i: abs((marks[i][0] + marks[i][1]) / 2 - middle))
        cells[nearest] = found[0]
    return cells


def _header(lines: list[str], start: int, separator: str | None) -> tuple[list[str], int]:
    """Return the names of the columns and the line of the first row; names of two lines are joined."""
    header = _cells(lines[start], separator, 0, [])
    first = start + 1
    above = _cells(lines[start - 1], separator, 0, []) if start else []
    below = _cells(lines[first], separator, len(header), []) if first < len(lines) else []
    if (
        len(above) == len(header)
        and not any(isinstance(cell(c), float) for c in above)
        and any(parse(c).split for c in above)
    ):
        header = _joined(above, header)
    elif len(below) == len(header) and _is_second_line(header, below):
        header, first = _joined(header, below), first + 1
    header = [_named(h, i) for i, h in enumerate(header)]
    row = _cells(lines[first], separator, 0, []) if first < len(lines) else []
    if separator is None and len(row) == len(header) + 1:
        header = ["index", *header]  # a printed data frame names its columns only
    return _unique(header), first


def _is_second_line(header: list[str], below: list[str]) -> bool:
    worded = [c for c in below if c]
    return (
        bool(worded)
        and not any(isinstance(cell(c), float) for c in worded)
        and any(parse(c).quantity for c in worded)
        and not any(parse(c).quantity in ("loss", "accuracy") and parse(c).split for c in header)
    )


def _joined(above: list[str], below: list[str]) -> list[str]:
    """Join two lines of header; an empty cell of the upper one goes on from its left neighbour."""
    out, last = [], ""
    for a, b in zip(above, below, strict=True):
        last = a or last
        out.append(f"{last} {b}".strip() if b or a else "")
    return out


def _named(name: str, i: int) -> str:
    name = name.strip().strip("\"'")
    bare = UNITS.sub("", name) if not re.search(r"\bB\b", name) and "%" not in name else name
    return bare or ("index" if i == 0 else f"column {i + 1}")


def _unique(header: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    out = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _again(line: str, header: list[str], separator: str | None) -> bool:
    """Tell whether a line is the header once more."""
    if not re.search(r"[^\W\d_]{3}", line):
        return False
    cells = [_named(c, i) for i, c in enumerate(_cells(line, separator, 0, []))]
    return cells == header or bool(_names(line) and len(set(cells) & set(header)) >= max(1, len(header) // 2))


def _record(header: list[str], cells: list[str], log: Log) -> dict[str, Cell]:
    record: dict[str, Cell] = {}
    if len(cells) > len(header) and not any(cells[len(header) :]):
        cells = cells[: len(header)]
    for name, text in zip(header, cells, strict=False):
        value = cell(text)
        if value is None:
            continue
        record[name] = value
        if is_percent(text):
            log.percent.add(name)
    return record if any(isinstance(v, float) for v in record.values()) else {}


def _rows_by_metric(lines: list[str]) -> Log | None:
    """Read a table with a row a metric and a column an epoch."""
    named: dict[str, list] = {}
    for line in lines[:200]:
        first, *rest = _cells(line, _separator(line, []), 0, []) or [""]
        if (
            parse(first).quantity in ("loss", "accuracy", "error")
            and len(rest) > 1
            and not any(isinstance(cell(c), str) for c in rest)
        ):
            named[first] = rest
    return from_lists(named) if any(parse(n).quantity == "loss" for n in named) else None


READER = Reader(
    "Table: CSV, Markdown or printed columns",
    "Rows below a header that names a loss or an accuracy, in any order and with other columns between; headers in many languages are known.",
    recognises,
    read,
    (
        Example(
            "Keras CSVLogger, and any CSV with a header (comma, semicolon, tab or bar; decimal point or comma)",
            "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.48,1.12,0.51,1.05\n1,0.66,0.83,0.60,0.91\n2,0.75,0.64,0.63,0.86\n",
            3,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
            "training.log",
        ),
        Example(
            "fastai, printed or saved",
            "epoch     train_loss  valid_loss  error_rate  time\n0         1.1214      1.0513      0.4910      00:07\n1         0.8320      0.9127      0.4018      00:07\n2         0.6411      0.8604      0.3702      00:07\n",
            3,
            ("loss", "val_loss", "val_accuracy"),
        ),
        Example(
            "Lightning metrics.csv",
            "epoch,step,train_loss,val_acc,val_loss\n0,49,1.12,,\n0,55,,0.51,1.05\n1,99,0.83,,\n1,111,,0.60,0.91\n",
            2,
            ("loss", "val_loss", "val_accuracy"),
            "metrics.csv",
        ),
        Example(
            "Hugging Face tables of notebooks and model cards",
            "| Training Loss | Epoch | Step | Validation Loss | Accuracy |\n|:-------------:|:-----:|:----:|:---------------:|:--------:|\n| No log | 1.0 | 40 | 1.05 | 0.51 |\n| 0.83 | 2.0 | 80 | 0.91 | 0.60 |\n",
            2,
            ("loss", "val_loss", "val_accuracy"),
        ),
        Example(
            "timm summary.csv",
            "epoch,train_loss,eval_loss,eval_top1,eval_top5\n0,3.12,2.05,51.2,80.4\n1,2.66,1.71,60.3,86.0\n2,2.41,1.52,65.8,88.9\n",
            3,
            ("loss", "val_loss", "val_accuracy"),
            "summary.csv",
        ),
        Example(
            "Ultralytics results.csv",
            "   epoch,  train/loss,  metrics/accuracy_top1,  metrics/accuracy_top5,  val/loss\n       1,        1.12,                   0.51,                   0.92,      1.05\n       2,        0.83,                   0.60,                   0.95,      0.91\n",
            2,
            ("loss", "val_loss", "val_accuracy"),
            "results.csv",
        ),
        Example(
            "W&B panel export",
            '"Step","brave-fox-3 - train/loss","brave-fox-3 - train/loss__MIN","brave-fox-3 - val/loss"\n"0","1.12","1.12","1.05"\n"1","0.83","0.83","0.91"\n',
            2,
            ("loss", "val_loss"),
            "wandb_export.csv",
        ),
        Example(
            "MATLAB, training window or trainingInfo as a table",
            "|  Epoch  |  Iteration  |  Mini-batch  |  Validation  |  Mini-batch  |  Validation  |\n|         |             |   Accuracy   |   Accuracy   |     Loss     |     Loss     |\n"
            "|       1 |          20 |       48.00% |       51.00% |       1.1200 |       1.0500 |\n|       2 |          40 |       66.00% |       60.00% |       0.8300 |       0.9100 |\n",
            2,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
        ),
    ),
)
