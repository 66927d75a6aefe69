"""Several files: halves of one history are joined, histories stay apart."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.errors import HistoryError
from core.histories.content import LIMIT, SAVE_JSON
from core.histories.log import Cell, Log
from core.histories.names import parse

MOST_FILES, MOST_BYTES = 400, 20_000_000
SAVED_MODELS = (
    (re.compile(r"(^|/)data\.pkl$"), "a PyTorch checkpoint, which is not opened: opening one runs whatever it says. Where the lists of losses are, write them: `json.dump({\"train_loss\": train_losses, \"val_loss\": val_losses}, open(\"history.json\", \"w\"))`"),
    (re.compile(r"model\.weights\.h5$"), f"a saved Keras model; the curves are not in it. Give what fit returned. {SAVE_JSON}"),
    (re.compile(r"^\[Content_Types\]\.xml$"), "an Excel or Word file. Save the sheet as CSV."),
    (re.compile(r"\.npy$"), 'NumPy arrays (.npz). Save them as JSON: `json.dump({k: a[k].tolist() for k in a.files}, open("history.json", "w"))`'),
    (re.compile(r"^mimetype$"), "an OpenDocument file. Save the sheet as CSV."),
)  # fmt: skip


@dataclass
class Part:
    """A file that was read: its name, with its folder, and its records."""

    name: str
    log: Log


def is_zip(content: bytes | str) -> bool:
    """Return whether bytes are a ZIP."""
    return isinstance(content, bytes) and content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unpacked(content: bytes, name: str) -> list[tuple[bytes, str]]:
    """Return the files in a ZIP that may hold figures.

    Raises
    ------
    HistoryError
        When it is damaged, encrypted, too large, or the file of a saved model.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir() and not _hidden(i.filename)]
            for pattern, what in SAVED_MODELS:
                if any(pattern.search(i.filename) for i in infos):
                    raise HistoryError(f"{name} is {what}")
            if len(infos) > MOST_FILES or sum(i.file_size for i in infos) > MOST_BYTES:
                raise HistoryError(
                    f"{name} holds more than a history can: up to {MOST_FILES} files of {MOST_BYTES / 1e6:.0f} MB in all are read. Pack the curves only."
                )
            return [(_member(archive, i), i.filename) for i in infos]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise HistoryError(
            f"{name} could not be unpacked ({str(error)[:80]}). Pack it again as a plain ZIP."
        ) from error


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:  # at most the limit, whatever the directory of the archive claims
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise HistoryError(f"{info.filename} is larger than {LIMIT / 1e6:.0f} MB. Give one row an epoch.")
    return content


def joined(parts: list[Part]) -> list[Part]:
    """Return the histories in several files; files that hold one curve each, or one split each, are one history."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(_root(part.name), []).append(part)
    return [history for root, group in groups.items() for history in _of_group(root, group)]


def _root(name: str) -> str:
    """Return the folder of a run: without ``train/``, ``validation/`` and ``metrics/`` at its end."""
    folders = list(PurePosixPath(name.replace("\\", "/")).parts[:-1])
    while folders and (_split_of(folders[-1]) or folders[-1].lower() in ("metrics", "logs")):
        folders.pop()
    return "/".join(folders)


def _split_of(name: str) -> str:
    """Return the split that a folder or file name says."""
    return parse(re.sub(r"tfevents|events|out", " ", name)).split


def _of_group(root: str, parts: list[Part]) -> list[Part]:
    whole = [p for p in parts if _whole(p.log)]
    pieces = [p for p in parts if not _whole(p.log)]
    if len(pieces) < 2:
        return parts
    renamed = [_named(p) for p in _told_apart(pieces)]
    taken: set[str] = set()
    for log in renamed:
        if taken & _figures(log):
            return parts  # two of the same: histories to compare, not halves of one
        taken |= _figures(log)
    return [*whole, Part(root or pieces[0].name, _merged(renamed))]


def _whole(log: Log) -> bool:
    splits = {parse(n).split or "train" for n in log.names if parse(n).quantity in ("loss", "accuracy", "error")}
    return bool({"val", "test"} & splits) and "train" in splits


def _figures(log: Log) -> set[str]:
    return {n for n in log.names if parse(n).quantity not in ("epoch", "step")}


def _told_apart(pieces: list[Part]) -> list[Part]:
    """Give two event files of the same tags their halves: by their names, by tags that only validation has, else by their order."""
    told = {id(p): _half(p) for p in pieces}
    events = [p for p in pieces if "tfevents" in p.name]
    unknown = [p for p in events if not told[id(p)]]
    if len(events) == 2 and unknown and _figures(events[0].log) & _figures(events[1].log):
        first, second = sorted(events, key=lambda p: PurePosixPath(p.name).name)
        known = {told[id(first)], told[id(second)]} - {""}
        order = ("val", "train") if told[id(first)] == "val" or told[id(second)] == "train" else ("train", "val")
        if not known <= set(order):
            return pieces
        return [
            Part(f"{split}/{PurePosixPath(p.name).name}", p.log)
            for split, p in zip(order, (first, second), strict=True)
        ]
    return pieces


def _half(part: Part) -> str:
    if any(n.startswith("evaluation_") for n in part.log.names):
        return "val"
    return next((s for p in reversed(PurePosixPath(part.name).parts) if (s := _split_of(p))), "")


def _named(part: Part) -> Log:
    """Return a log whose figures carry the split of their file or folder."""
    split = _half(part)
    if not split:
        return part.log
    rename = {
        n: f"{split}/{n}"
        for n in part.log.names
        if parse(n).quantity in ("loss", "accuracy", "error") and not parse(n).split
    }
    records = [{rename.get(n, n): v for n, v in r.items()} for r in part.log.records]
    return Log(
        records, percent={rename.get(n, n) for n in part.log.percent}, known=part.log.known, by_step=part.log.by_step
    )


def _merged(logs: list[Log]) -> Log:
    """Join logs by step, by epoch where all have it, else row by row."""
    counter = next(
        (k for k in ("epoch", "step") if all(any(_count(r, k) is not None for r in log.records) for log in logs)), ""
    )
    rows: dict[float, dict[str, Cell]] = {}
    for log in logs:
        for i, record in enumerate(log.records):
            at = _count(record, counter) if counter else float(i)
            rows.setdefault(float(i) if at is None else at, {}).update(record)
    known = {k: v for log in logs for k, v in log.known.items()}
    notes = [f"{len(logs)} files were read as one history, since each holds a part of it."]
    return Log(
        [rows[k] for k in sorted(rows)],
        notes=notes,
        percent=set().union(*(log.percent for log in logs)),
        known=known,
        by_step=bool(counter),
    )


def _count(record: dict[str, Cell], kind: str) -> float | None:
    return next((v for n, v in record.items() if parse(n).quantity == kind and isinstance(v, float)), None)
