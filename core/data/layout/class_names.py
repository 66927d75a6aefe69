"""What numbered classes are called: ``classes.txt``, ``labels.txt``, ``cat_to_name.json``, ``words.txt``, ``data.yaml`` beside folders ``0``, ``1``, ``n01440764``."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import yaml

CODE = re.compile(r"-?\d{1,9}|[a-z]?\d{1,12}")  # 0, 17, n01440764, c3
LONGEST, MOST = 200_000, 100  # characters of a list; characters of a name
LINE = re.compile(r"\s*([^\s,;:=]{1,20})\s*[\s,;:=]\s*(\S.{0,300}?)\s*")


def names(labels: Iterable[str], texts: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return what each label is called by a list that names them all, and the path of that list; nothing where the labels are words, or no list fits.

    Parameters
    ----------
    labels
        The classes as folders or a table call them.
    texts
        Contents of files that may be lists, by path.
    """
    labels = sorted(set(labels))
    if len(labels) < 2 or not all(CODE.fullmatch(label) for label in labels):
        return {}, ""
    for path in sorted(texts, key=lambda p: (p.count("/"), p)):
        found = _fitting(labels, _told(path, texts[path]))
        if found:
            return found, path
    return {}, ""


def _fitting(labels: list[str], told: dict[str, str]) -> dict[str, str]:
    """Return the names of just these labels; none where one is missing, or where names are no words, or two are alike."""
    from_0, from_1 = ({str(i + k) for i in range(len(labels))} for k in (0, 1))
    numbers = {_plain(k) for k in told}, {_plain(label) for label in labels}
    if numbers in ((from_0, from_1), (from_1, from_0)):  # one begins at 0, the other at 1
        step = 1 if numbers[0] == from_0 else -1
        told = {str(int(k) + step): v for k, v in told.items()}
    known = {_plain(k): " ".join(v.split())[:MOST] for k, v in told.items()}
    found = {label: known[_plain(label)] for label in labels if _plain(label) in known}
    whole = len(found) == len(labels) == len(set(found.values()))
    return found if whole and all(re.search(r"[^\W\d_]{2}", name) for name in found.values()) else {}


def _plain(label: str) -> str:
    return str(int(label)) if re.fullmatch(r"\d{1,9}", label) else label.casefold()


def _told(path: str, text: str) -> dict[str, str]:
    if len(text) > LONGEST:
        return {}
    if path.casefold().endswith(".json"):
        return _of_json(text)
    if path.casefold().endswith((".yaml", ".yml")):
        return _of_yaml(text)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    pairs = [LINE.fullmatch(line) for line in lines]
    if lines and all(pairs[1:]) and sum(bool(p and CODE.fullmatch(p[1])) for p in pairs) >= len(lines) - 1:
        return {p[1]: _first(p[2]) for p in pairs if p}
    return _numbered([line.strip().strip("\"'") for line in lines]) if _is_list(path) else {}


def _is_list(path: str) -> bool:
    """Tell whether a file is called like a list of classes, so that a name a line is one for each number."""
    return bool(re.search(r"class|label|categor|names|synset|klasse|类", PurePosixPath(path).stem.casefold()))


def _numbered(listed: list[str]) -> dict[str, str]:
    return {str(i): name for i, name in enumerate(listed)}


def _first(name: str) -> str:
    """Return the first of several names for one thing: ``tench, Tinca tinca``."""
    return re.split(r"[,;\t]", name)[0].strip().strip("\"'") or name


def _of_yaml(text: str) -> dict[str, str]:
    """Read ``names`` of YOLO's ``data.yaml``, a list or numbers with names."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    listed = content.get("names") if isinstance(content, dict) else None
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    return {str(k): str(v) for k, v in listed.items()} if isinstance(listed, dict) else {}


def _of_json(text: str) -> dict[str, str]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(content, list) and all(isinstance(v, str) for v in content):
        return _numbered(content)
    if not isinstance(content, dict):
        return {}
    if all(isinstance(v, str) for v in content.values()):
        return {str(k): v for k, v in content.items()}
    if all(isinstance(v, int) for v in content.values()):
        return {str(v): str(k) for k, v in content.items()}
    if all(isinstance(v, list) and v and all(isinstance(x, str) for x in v) for v in content.values()):
        return {str(k): v[-1] for k, v in content.items()}  # ImageNet's: {"0": ["n01440764", "tench"]}
    return {}
