"""Labels in a table beside the pictures: ``id,label``, one column a class, with or without a header; CSV, TSV, text or JSON."""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from core.data.layout.mentions import Mentions
from core.data.layout.words import spelling, split_of, tokens

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".labels", ".yaml", ".yml")
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
TICKS = {"0", "1", "0.0", "1.0", "-1"}
BOXES_IN_JSON = re.compile(r'"(bbox|segmentation|points|polygon)"\s*:\s*[\[{]\s*[^\]}\s]')
PIXEL = re.compile(r"(pixel|px|p)_?\d+|\d+_x_\d+")
SEPARATOR = re.compile(r"[|;,]")
BOX_WORDS = {"xmin", "ymin", "xmax", "ymax", "bbox", "x_min", "y_min", "bbox_x", "x1", "y1"}


@dataclass(frozen=True)
class Found:
    """Labels that tables give.

    Attributes
    ----------
    labels
        By position of the picture, with the split where the table has one.
    said
        A sentence about where they come from.
    several
        Positions of pictures to which a table gives more than one label.
    doubt
        A sentence about tables that contradict the ones that were used.
    """

    labels: dict[int, tuple[str, str | None]]
    said: str = ""
    several: frozenset[int] = frozenset()
    doubt: str = ""


@dataclass(frozen=True)
class _Read:
    """What one table says: labels (several of a picture that it names twice, or that has several), splits, and the column of the labels."""

    path: str
    labels: dict[int, set[str]]
    splits: dict[int, str | None]
    column: str = ""

    @property
    def clear(self) -> dict[int, tuple[str, str | None]]:
        found = {i: (next(iter(said)), self.splits[i]) for i, said in self.labels.items() if len(said) == 1}
        return found if 2 * len(found) > len(self.labels) else {}

    @property
    def is_flags(self) -> bool:
        """Whether it only says yes and no, as one list a class does: 1, -1."""
        return "-1" in (every := set().union(*self.labels.values())) and every <= {"-1", "0", "1"}


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
    order = sorted(texts, key=lambda p: ("sample" in p.casefold(), "submission" in p.casefold(), p))
    found = [said for path in order if (said := _labels(path, texts[path], pictures, known))]
    flags = [said for said in found if said.is_flags]
    found = [said for said in found if len(flags) < 2 or said not in flags]
    labels: dict[int, tuple[str, str | None]] = {}
    used: list[str] = []
    doubt = ""
    for said in found:
        new = {i: v for i, v in said.clear.items() if i not in labels}
        against = sum(labels[i][0] != v[0] for i, v in said.clear.items() if i in labels)
        if against and "submission" not in said.path.casefold():
            doubt = (
                doubt
                or f"{said.path} gives other labels to {against} of these pictures ({_example(said)}); they were not used."
            )
        if new:
            labels |= new
            used.append(said.path + (f" (column {said.column!r})" if said.column else ""))
    several = frozenset(i for said in found for i, every in said.labels.items() if len(every) > 1) - set(labels)
    if len({label for label, _ in labels.values()}) < 2:
        return Found({}, several=several)
    return Found(labels, f"Labels were read from {' and '.join(used)}.", several, doubt)


def _example(said: _Read) -> str:
    return " and ".join(sorted({label for label, _ in said.clear.values()})[:2])


@dataclass(frozen=True)
class Dealt:
    """Splits that lists give: by position of the picture, and a sentence about it."""

    splits: dict[int, str]
    said: str = ""


def dealt(texts: Mapping[str, str], pictures: Sequence[str]) -> Dealt:
    """Return the splits that lists of pictures give by their names (``train.txt``, ``test.csv``); nothing where they name few of the pictures."""
    mentions = Mentions("", pictures)
    splits: dict[int, str] = {}
    used: list[str] = []
    for path in sorted(texts, key=lambda p: ("trainval" in p.casefold(), p)):  # what train.txt and val.txt share out
        split = next((s for t in reversed(tokens(PurePosixPath(path).stem)) if (s := split_of(t))), None)
        if split not in ("train", "validation", "test"):
            continue
        named = [mentions.find(cell) for cell in _first_cells(path, texts[path])]
        found = {f[0] for f in named if len(f) == 1} - set(splits)
        if found and len(found) >= MATCHED * (len(named) - 1):
            splits |= dict.fromkeys(found, split)
            used.append(path)
    if not splits:
        splits, used = _dealt_by_numbers(texts, mentions)
    if len(set(splits.values())) < 2 or len(splits) < MATCHED * len(pictures):
        return Dealt({})
    return Dealt(splits, f"{' and '.join(used)} say which pictures are for training and which are kept aside.")


def _dealt_by_numbers(texts: Mapping[str, str], mentions: Mentions) -> tuple[dict[int, str], list[str]]:
    """Read lists that number the pictures (``images.txt``) and say of each number whether it is for training (``train_test_split.txt``)."""
    pairs = {path: [row for row in _rows(path, texts[path]) if len(row) == 2] for path in sorted(texts)}
    numbers: dict[str, int] = {}
    for rows in pairs.values():
        numbers |= {number: found[0] for number, name in rows if len(found := mentions.find(name)) == 1}
    for path, rows in pairs.items():
        said = {split_of(t) for t in tokens(PurePosixPath(path).stem)} - {None}
        if len(said) > 1 and rows and all(mark in {"0", "1"} for _, mark in rows):
            late = "test" if "test" in said else "validation"
            return {numbers[n]: "train" if mark == "1" else late for n, mark in rows if n in numbers}, [path]
    return {}, []


def _first_cells(path: str, text: str) -> list[str]:
    rows = _rows(path, text)
    return [row[0] for row in rows] if rows else [line.strip() for line in text.splitlines()[:MAX_ROWS] if line.strip()]


def has_boxes(texts: Mapping[str, str]) -> bool:
    """Tell whether a table or a JSON file gives boxes or outlines: it belongs to a detection set."""
    for path, text in texts.items():
        if path.casefold().endswith(".json"):
            if BOXES_IN_JSON.search(text):
                return True
            continue
        if len(_head_words(path, text) & (BOX_WORDS | {"x_1", "y_1"})) >= 2:
            return True
    return False


def of_pixels(texts: Mapping[str, str]) -> str:
    """Return the path of a table that holds the pixels of pictures as numbers, a row a picture; empty where none does."""
    for path, text in texts.items():
        words = _head_words(path, text)
        if "pixels" in words or sum(bool(PIXEL.fullmatch(word)) for word in words) >= 16:
            return path
    return ""


def mentioning(texts: Mapping[str, str], pictures: Sequence[str]) -> str:
    """Return the path of a text that names most of the pictures; empty where none does."""
    looked_at = [PurePosixPath(name).stem for name in pictures[:: max(1, len(pictures) // 100)]]
    for path, text in texts.items():
        if sum(stem in text for stem in looked_at if len(stem) > 2) > len(looked_at) / 2:
            return path
    return ""


def _head_words(path: str, text: str) -> set[str]:
    head = next(iter(_rows(path, text[:40_000])), [])
    return {"_".join(tokens(cell)) for cell in head}


def _rows(path: str, text: str) -> Iterable[list[str]]:
    if path.casefold().endswith((".json", ".jsonl", ".labels")):
        return _json_rows(text)
    if path.casefold().endswith((".yaml", ".yml")):
        return []
    head = [line for line in text[:4000].splitlines()[:-1] or text.splitlines() if _says_something(line)][:20]
    if not head:
        return []
    delimiter = max(("\t", ";", ",", "|"), key=lambda d: min(line.count(d) for line in head))
    if not all(delimiter in line for line in head):
        if len({len(line.split()) for line in head}) > 1 or len(head[0].split()) < 2:
            return []
        return [line.split() for line in text.splitlines()[:MAX_ROWS] if _says_something(line)]
    try:
        return [row for row in csv.reader(text.splitlines()[:MAX_ROWS], delimiter=delimiter) if row]
    except csv.Error:
        return []


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


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
    """Read ``{"1.jpg": "cat"}``, ``{"cat": ["1.jpg"]}``, ``[{"file": "1.jpg", "label": "cat"}]``, and entries by number or below a key."""
    content = _json(text)
    if isinstance(content, dict) and (joined := _coco_rows(content)):
        return joined
    if isinstance(content, dict):
        inside = list(content.values())
        if inside and all(isinstance(v, dict) for v in inside):
            content = [{"key": k, **v} for k, v in content.items()]
        elif len(lists := [v for v in inside if _is_entries(v)]) == 1:
            content = lists[0]
    if isinstance(content, dict):
        pairs = [(k, v) for k, v in content.items() if isinstance(v, str | int)]
        lists = [(file, k) for k, v in content.items() if isinstance(v, list) for file in v if isinstance(file, str)]
        return [["file", "label"], *([str(a), str(b)] for a, b in (pairs if len(pairs) > len(lists) else lists))]
    return _rows_of_entries(content) if _is_entries(content) else []


def _is_entries(content: object) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(row, dict) for row in content)


def _rows_of_entries(entries: Any) -> list[list[str]]:
    head = list(entries[0])
    return [head, *([_flat(row.get(k, "")) for k in head] for row in entries[:MAX_ROWS])]


def _flat(value: object) -> str:
    """Return what one entry says as a cell: ``{"type": "label", "label": "cat"}`` and ``["cat"]`` are “cat”, a list of several “cat|dog”."""
    if isinstance(value, dict):
        return _flat(next((value[k] for k in ("label", "name", "class") if k in value), ""))
    if isinstance(value, list):
        return "|".join(_flat(v) for v in value) if len(value) < 20 else ""
    return "" if value is None else str(value)


def _coco_rows(content: dict) -> list[list[str]]:
    """Join what COCO's format keeps apart, where it says what whole pictures show: no annotation has a box or an outline."""
    parts: list[Any] = [content.get(k) for k in ("images", "annotations", "categories")]
    images, said, kinds = parts
    if not (_is_entries(images) and _is_entries(said) and _is_entries(kinds)) or any(
        a.get("bbox") or a.get("segmentation") for a in said
    ):
        return []
    files = {str(i.get("id")): str(i.get("file_name")) for i in images}
    names = {str(k.get("id")): str(k.get("name")) for k in kinds}
    pairs = [(files.get(str(a.get("image_id")), ""), names.get(str(a.get("category_id")), "")) for a in said]
    return [["file", "label"], *([file, name] for file, name in pairs)]


def _labels(path: str, text: str, pictures: Sequence[str], known: frozenset[str] | set[str]) -> _Read | None:
    """Return what one table says of pictures; None where it is no table of labels."""
    rows = [[cell.strip() for cell in row] for row in _rows(path, text)]
    width = min((len(row) for row in rows), default=0)
    if len(rows) < 2 or width < 2:
        return None
    mentions = Mentions(path, pictures)
    column, matches = _file_column(rows, width, mentions)
    if column is None:
        return None
    header = [] if mentions.find(rows[0][column]) else rows[0]
    body = [(match, row) for match, row in zip(matches, rows, strict=True) if match]
    splits_in = [c for c in range(width) if c != column and _is_split_column([r[c] for _, r in body])]
    split_at = splits_in[0] if splits_in else None
    others = [c for c in range(width) if c not in (column, split_at)]
    labels_of, name = _label_reader(header, [row for _, row in body], others, known)
    if labels_of is None:
        return None
    said: dict[int, set[str]] = defaultdict(set)
    splits: dict[int, str | None] = {}
    for match, row in body:
        for i in match:
            if labels := labels_of(row):
                said[i] |= labels
                splits[i] = split_of(row[split_at]) if split_at is not None else None
    return _Read(path, dict(said), splits, name)


def _is_split_column(values: list[str]) -> bool:
    return 1 < len(set(values)) <= 4 and all(split_of(v) in {"train", "validation", "test"} for v in set(values))


def _file_column(rows: list[list[str]], width: int, mentions: Mentions) -> tuple[int | None, list[list[int]]]:
    """Return the column that names pictures, and the pictures that each row means (one, or none)."""
    best: tuple[int, int | None, list[list[int]]] = (0, None, [])
    for column in range(min(width, 8)):
        found = [mentions.find(row[column]) for row in rows]
        hits = sum(len(f) == 1 for f in found)
        if hits > best[0]:
            best = hits, column, [f if len(f) == 1 else [] for f in found]
    n_hits, found_at, matches = best
    enough = found_at is not None and n_hits >= MATCHED * min(len(rows) - 1, mentions.n)
    return (found_at, matches) if enough else (None, [])


Labels = Callable[[list[str]], set[str]]


def _label_reader(
    header: list[str], body: list[list[str]], others: list[int], known: frozenset[str] | set[str]
) -> tuple[Labels | None, str]:
    """Return what takes the labels out of a row, and the name of its column; None where none of the ``others`` is one."""
    for c in others if len(known) > 1 else ():
        if {spelling(row[c]) for row in body} <= known:
            return (lambda row: {row[c]}), _head(header, c)
    ticked = [c for c in others if header and {row[c] for row in body} <= TICKS]
    one_hot: Labels = lambda row: {header[c] for c in ticked if row[c] in {"1", "1.0"}}  # noqa: E731
    if len(ticked) >= 2 and all(len(one_hot(row)) == 1 for row in body):
        return one_hot, ""
    named = [c for c in others if header and _label_rank(header[c]) is not None]
    for c in sorted(named, key=lambda c: (_label_rank(header[c]), _is_number([row[c] for row in body]))):
        if _is_label(row[c] for row in body):
            return _of_column(c, body), _head(header, c)
    possible = [c for c in others if _is_label(row[c] for row in body)]
    if len(possible) == 1 and len(others) <= 2:
        return _of_column(possible[0], body), _head(header, possible[0])
    if len(ticked) >= 2 and (len(ticked) == len(others) or len(ticked) > 3):
        return one_hot, ""
    return None, ""


def _head(header: list[str], column: int) -> str:
    return header[column] if header else ""


def _of_column(c: int, body: list[list[str]]) -> Labels:
    """Return what takes the labels out of one column: “a|b” are two where each of them stands alone elsewhere."""
    alone = {row[c] for row in body}

    def labels(row: list[str]) -> set[str]:
        parts = {part.strip() for part in SEPARATOR.split(row[c])}
        return ({_plain(row[c])} if len(parts) == 1 or not parts <= alone else parts) - {""}

    return labels


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
