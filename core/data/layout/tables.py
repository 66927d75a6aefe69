"""Labels in a table beside the pictures: ``id,label``, one column a class, with or without a header; CSV, TSV, text or JSON."""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.data.layout.words import spelling, split_of, tokens

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".labels")
MAX_BYTES = 20 * 2**20
MAX_ROWS = 200_000
MATCHED = 0.8  # share of a table's rows, or of the pictures, that the other side must know
LABEL_WORDS = [
    "label",
    "labels",
    "class",
    "classes",
    "classname",
    "class_name",
    "category",
    "categories",
    "breed",
    "species",
    "target",
    "diagnosis",
    "dx",
    "variety",
    "type",
    "disease",
    "tag",
    "genre",
    "emotion",
    "expression",
    "quality",
    "grade",
    "level",
    "y",
    "finding",
    "ground_truth",
    "groundtruth",
    "annotation",
    "family",
    "genus",
    "classid",
    "class_id",
    "labelid",
    "label_id",
    "id_code",
    *(
        "klasse",
        "kategorie",
        "etikett",
        "art",
        "sorte",
        "clase",
        "categoria",
        "etiqueta",
        "especie",
        "classe",
        "categorie",
        "etiquette",
        "espece",
        "etichetta",
    ),
    *(
        "类别",
        "标签",
        "分类",
        "类型",
        "類別",
        "標籤",
        "クラス",
        "ラベル",
        "カテゴリ",
        "분류",
        "클래스",
        "라벨",
        "класс",
        "метка",
        "категория",
        "вид",
    ),
]
BOX_WORDS = {"xmin", "ymin", "xmax", "ymax", "bbox", "x_min", "y_min", "bbox_x", "x1", "y1"}


@dataclass(frozen=True)
class Found:
    """Labels that a table gives: by position of the picture, with the split where the table has one, and a sentence about it."""

    labels: dict[int, tuple[str, str | None]]
    said: str = ""


def read(texts: Mapping[str, str], pictures: Sequence[str], known: frozenset[str] | set[str] = frozenset()) -> Found:
    """Return the labels of the tables that fit, those of several put together (``train.csv``, ``test.csv``).

    Parameters
    ----------
    texts
        Contents of the files that may be tables, by path.
    pictures
        Paths of the pictures in no class folder.
    known
        Spellings of the classes that folders name: a column made of these is one of labels, whatever it is called.
    """
    labels: dict[int, tuple[str, str | None]] = {}
    used: list[str] = []
    for path in sorted(texts, key=lambda p: ("sample" in p.casefold(), "submission" in p.casefold(), p)):
        rows = [[cell.strip() for cell in row] for row in _rows(path, texts[path])]
        found = _labels(path, rows, pictures, known) if len(rows) > 1 else {}
        new = {i: v for i, v in found.items() if i not in labels}
        if new:
            labels |= new
            used.append(path)
    if len({label for label, _ in labels.values()}) < 2:
        return Found({})
    return Found(labels, f"Labels were read from {' and '.join(used)}.")


@dataclass(frozen=True)
class Dealt:
    """Splits that lists give: by position of the picture, and a sentence about it."""

    splits: dict[int, str]
    said: str = ""


def dealt(texts: Mapping[str, str], pictures: Sequence[str]) -> Dealt:
    """Return the splits that lists of pictures give by their names (``train.txt``, ``test.csv``); nothing where they name few of the pictures."""
    keys = _keys("", pictures)
    splits: dict[int, str] = {}
    used: list[str] = []
    for path in sorted(texts):
        split = next((s for t in reversed(tokens(PurePosixPath(path).stem)) if (s := split_of(t))), None)
        if split not in ("train", "validation", "test"):
            continue
        named = [keys.get(_key(cell), []) for cell in _first_cells(path, texts[path])]
        found = {f[0] for f in named if len(f) == 1} - set(splits)
        if found and len(found) >= MATCHED * (len(named) - 1):
            splits |= dict.fromkeys(found, split)
            used.append(path)
    if len(set(splits.values())) < 2 or len(splits) < MATCHED * len(pictures):
        return Dealt({})
    return Dealt(splits, f"{' and '.join(used)} say which pictures are for training and which are kept aside.")


def _first_cells(path: str, text: str) -> list[str]:
    rows = _rows(path, text)
    return [row[0] for row in rows] if rows else [line.strip() for line in text.splitlines()[:MAX_ROWS] if line.strip()]


def has_boxes(texts: Mapping[str, str]) -> bool:
    """Tell whether a table gives boxes: it belongs to a detection set."""
    for path, text in texts.items():
        head = next(iter(_rows(path, text[:4000])), [])
        if len({"_".join(tokens(cell)) for cell in head} & (BOX_WORDS | {"x_1", "y_1"})) >= 2:
            return True
    return False


def _rows(path: str, text: str) -> Iterable[list[str]]:
    if path.casefold().endswith((".json", ".jsonl", ".labels")):
        return _json_rows(text)
    head = [line for line in text[:4000].splitlines()[:-1] or text.splitlines() if line.strip()][:20]
    if not head:
        return []
    delimiter = max(("\t", ";", ",", "|"), key=lambda d: min(line.count(d) for line in head))
    if not all(delimiter in line for line in head):
        if not all(len(line.split()) == 2 for line in head):
            return []
        return [line.split() for line in text.splitlines()[:MAX_ROWS] if line.strip()]
    try:
        return [row for row in csv.reader(text.splitlines()[:MAX_ROWS], delimiter=delimiter) if row]
    except csv.Error:
        return []


def _json(text: str) -> object:
    """Return what a JSON text holds; of JSON lines the list of them."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.splitlines()[:MAX_ROWS] if line.strip()]
    except (ValueError, RecursionError):
        return None


def _json_rows(text: str) -> list[list[str]]:
    """Read ``{"1.jpg": "cat"}``, ``{"cat": ["1.jpg"]}`` and ``[{"file": "1.jpg", "label": "cat"}]``."""
    content = _json(text)
    if isinstance(content, dict):
        pairs = [(k, v) for k, v in content.items() if isinstance(v, str | int)]
        lists = [(file, k) for k, v in content.items() if isinstance(v, list) for file in v if isinstance(file, str)]
        return [["file", "label"], *([str(a), str(b)] for a, b in (pairs if len(pairs) > len(lists) else lists))]
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        head = list(content[0])
        return [head, *([str(row.get(k, "")) for k in head] for row in content[:MAX_ROWS])]
    return []


def _labels(
    path: str, rows: list[list[str]], pictures: Sequence[str], known: frozenset[str] | set[str]
) -> dict[int, tuple[str, str | None]]:
    """Return the labels that one table gives to pictures; nothing where it is no table of labels."""
    width = min(len(row) for row in rows)
    if width < 2:
        return {}
    keys = _keys(path, pictures)
    column, matches = _file_column(rows, width, keys)
    if column is None:
        return {}
    header = [] if keys.get(_key(rows[0][column])) else rows[0]
    body = [(match, row) for match, row in zip(matches, rows, strict=True) if match]
    label_of = _label_reader(header, [row for _, row in body], column, width, known)
    if label_of is None:
        return {}
    split_at = next(
        (i for i, cell in enumerate(header[:width]) if i != column and _is_split_column([r[i] for _, r in body])), None
    )
    said: dict[int, set[str]] = defaultdict(set)
    splits: dict[int, str | None] = {}
    for match, row in body:
        for i in match:
            if label := label_of(row):
                said[i].add(label)
                splits[i] = split_of(row[split_at]) if split_at is not None else None
    clear = {i: (next(iter(found)), splits[i]) for i, found in said.items() if len(found) == 1}
    return clear if 2 * len(clear) > len(said) else {}


def _is_split_column(values: list[str]) -> bool:
    return 1 < len(set(values)) <= 4 and all(split_of(v) in {"train", "validation", "test"} for v in set(values))


def _key(cell: str) -> str:
    return re.sub(
        r"\.(jpe?g|jpe|png|webp|bmp|gif|tiff?|avif|hei[cf])$", "", cell.strip().replace("\\", "/").casefold()
    ).removeprefix("./")


def _keys(table: str, pictures: Sequence[str]) -> dict[str, list[int]]:
    """Return the pictures by everything a table may call them: each end of the path, the stem; those in the table's split first."""
    wanted = _split_in(table)
    keys: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(pictures):
        split = next((s for part in reversed(PurePosixPath(name).parts[:-1]) if (s := split_of(part))), None)
        if wanted and split and wanted != split:
            continue
        parts = _key(name).split("/")
        for start in range(len(parts)):
            keys["/".join(parts[start:])].append(i)
    return keys


def _split_in(table: str) -> str | None:
    path = PurePosixPath(table)
    said = [split_of(t) for t in tokens(path.stem)] + [split_of(part) for part in reversed(path.parts[:-1])]
    return next((s for s in said if s and s != "unlabelled"), None)


def _file_column(rows: list[list[str]], width: int, keys: dict[str, list[int]]) -> tuple[int | None, list[list[int]]]:
    """Return the column that names pictures, and the pictures that each row means (one, or none)."""
    best: tuple[int, int | None, list[list[int]]] = (0, None, [])
    for column in range(min(width, 8)):
        found = [keys.get(_key(row[column]), []) for row in rows]
        hits = sum(len(f) == 1 for f in found)
        if hits > best[0]:
            best = hits, column, [f if len(f) == 1 else [] for f in found]
    n_hits, found_at, matches = best
    n_pictures = len({i for found in keys.values() for i in found})
    return (
        (found_at, matches)
        if found_at is not None and n_hits >= MATCHED * min(len(rows) - 1, n_pictures)
        else (None, [])
    )


def _label_reader(
    header: list[str], body: list[list[str]], file_column: int, width: int, known: frozenset[str] | set[str]
):
    """Return what takes the label out of a row, or None where no column is one."""
    others = [c for c in range(width) if c != file_column]
    for c in others if len(known) > 1 else ():
        if {spelling(row[c]) for row in body} <= known:
            return lambda row: row[c]
    one_hot = [c for c in others if header and {row[c] for row in body} <= {"0", "1", "0.0", "1.0"}]
    if len(one_hot) >= 2 and all(sum(float(row[c]) for c in one_hot) == 1 for row in body):
        return lambda row: next(header[c] for c in one_hot if float(row[c]) == 1)
    named = [c for c in others if header and _label_rank(header[c]) is not None]
    for c in sorted(named, key=lambda c: (_label_rank(header[c]), _is_number([row[c] for row in body]))):
        if _is_label(row[c] for row in body):
            return lambda row: _plain(row[c])
    possible = [c for c in others if _is_label(row[c] for row in body)]
    return (lambda row: _plain(row[possible[0]])) if len(possible) == 1 and width <= 3 else None


def _is_number(values: list[str]) -> bool:
    return all(re.fullmatch(r"-?\d+(\.\d+)?", v) for v in values)


def _label_rank(head: str) -> int | None:
    word = "_".join(tokens(head))
    if word in LABEL_WORDS:
        return LABEL_WORDS.index(word)
    last = (word.split("_") or [""])[-1]
    return 50 + LABEL_WORDS.index(last) if last in LABEL_WORDS else None


def _is_label(values: Iterable[str]) -> bool:
    counts = Counter(values)
    filled = {v: n for v, n in counts.items() if v}
    return 2 <= len(filled) <= max(2, sum(filled.values()) // 2) and max(map(len, filled)) <= 100


def _plain(value: str) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", value)
