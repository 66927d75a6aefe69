"""A folder a class, or train/, val/ and test/ with a folder a class in each."""

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import numpy as np

from core import durable, paths
from core.data.collection import Collection, Progress, Rejected, no_progress
from core.data.decode import SUFFIXES, UnusableImage, check_file
from core.errors import DataError

MAX_FILES = 20_000
MIN_PER_CLASS = 3
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
JUNK = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini"}


def is_junk(path: PurePath) -> bool:
    """Tell whether a path is something operating systems leave behind."""
    return any(part.lower() in JUNK or part.startswith("._") for part in path.parts)


def layout(files: list[PurePath]) -> list[tuple[str | None, str | None]]:
    """Return (split, class) for each relative path; class None for a file in no class folder.

    One folder that wraps everything is looked through, loose files beside it (a licence, a list) notwithstanding; ``train``,
    ``val``/``validation`` and ``test`` on top are kept as the split.
    """
    parts = [f.parts for f in files]
    while len({p[0] for p in parts if len(p) > 1}) == 1 and any(len(p) > 2 for p in parts):
        parts = [p[1:] if len(p) > 1 else p for p in parts]
    splits = {SPLIT_NAMES[p[0].lower()] for p in parts if len(p) > 2 and p[0].lower() in SPLIT_NAMES}
    if len(splits) > 1:
        return [_in_split(p) for p in parts]
    return [(None, p[0]) if len(p) > 1 else (None, None) for p in parts]


def _in_split(parts: tuple[str, ...]) -> tuple[str | None, str | None]:
    split = SPLIT_NAMES.get(parts[0].lower())
    return (split, parts[1]) if split and len(parts) > 2 else (None, None)


def below_root(relative: str) -> Path:
    """Return a folder below the configured root.

    Raises
    ------
    DataError
        When no root is configured, or the path leaves it or does not exist.
    """
    root = paths.server_root()
    if root is None:
        raise DataError(
            f"No folder on the server is open to this page. Set {paths.ROOT_VARIABLE} to one, or upload a ZIP."
        )
    try:
        folder = (root / relative).resolve()
    except ValueError as error:  # a zero byte in the name
        raise DataError(f"{relative!r} is no name of a folder. Check the spelling.") from error
    if not folder.is_relative_to(root):
        raise DataError(
            f"The folder {relative!r} lies outside the folder that is open to this page. Choose one below it."
        )
    if not folder.is_dir():
        raise DataError(f"There is no folder {relative!r}. Check the spelling.")
    return folder


def read_folder(folder: Path, title: str, progress: Progress = no_progress) -> Collection:
    """Return the usable pictures below ``folder``, each checked by decoding it; the result is kept until the folder changes.

    Raises
    ------
    DataError
        When the folder is missing, has no images, over 20,000 files, fewer than 2 classes or a class with fewer than 3 usable images.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder.name!r}. Give a folder that holds one folder a class.")
    files = _files(folder)
    key = _fingerprint(folder, files)
    index = paths.subdir("datasets") / "index" / f"{key}.json"
    known = durable.read_json(index)
    if known is None:
        known = _inspect(folder, files, progress)
        durable.write_json(index, known)
    return _collection(folder, title, key, known)


def _files(folder: Path) -> list[PurePath]:
    found: list[PurePath] = sorted(
        p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and not p.is_symlink()
    )
    found = [f for f in found if not is_junk(f) and not any(part.startswith(".") for part in f.parts)]
    if len(found) > MAX_FILES:
        raise DataError(f"The folder holds {len(found):,} files; the limit is {MAX_FILES:,}. Take a part of them.")
    if not found:
        raise DataError("There are no images here. Put one folder a class into it, with images inside.")
    return found


def _fingerprint(folder: Path, files: list[PurePath]) -> str:
    digest = hashlib.sha256(b"2\n")  # how files are inspected; raise it when that changes
    for name in files:
        stat = (folder / name).stat()
        digest.update(f"{name.as_posix()}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]


def fingerprint(folder: Path) -> str:
    """Return digits that change when a file below a folder appears, vanishes, or is written to."""
    return _fingerprint(folder, _files(folder))


def _inspect(folder: Path, files: list[PurePath], progress: Progress) -> dict:
    """Decode every file once; split into usable pictures and rejected files with reasons."""

    def look(name: PurePath) -> tuple[tuple[int, int] | None, str]:
        try:
            return check_file(folder / name), ""
        except UnusableImage as error:
            return None, str(error)

    usable, rejected, places = [], [], layout(files)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for i, (name, place, (size, why)) in enumerate(zip(files, places, pool.map(look, files), strict=True)):
            if i % 32 == 0:
                progress(f"Checking images: {i + 1} of {len(files)}", (i + 1) / len(files))
            if size is not None and place[1] is None:
                size, why = None, "lies in no class folder"
            if size is None:
                rejected.append([name.as_posix(), why, place[1]])
            else:
                usable.append([name.as_posix(), *place, *size])
    return {"usable": usable, "rejected": rejected}


def _collection(folder: Path, title: str, key: str, index: dict) -> Collection:
    usable = index["usable"]
    class_names = tuple(sorted({u[2] for u in usable}))
    _refuse_too_few(usable, index["rejected"])
    positions = {name: i for i, name in enumerate(class_names)}
    return Collection(
        key,
        title,
        class_names,
        tuple(u[0] for u in usable),
        np.array([positions[u[2]] for u in usable], np.int64),
        tuple(u[1] for u in usable),
        tuple(folder / u[0] for u in usable),
        tuple(Rejected(name, why) for name, why, _ in index["rejected"]),
    )


def _refuse_too_few(usable: list, rejected: list) -> None:
    if not usable:
        first = f" For example, {rejected[0][0]} {rejected[0][1]}." if rejected else ""
        raise DataError(
            f"None of the files is a usable image in a class folder.{first} Put one folder a class, with images inside."
        )
    counts = Counter({r[2]: 0 for r in rejected if r[2] and PurePath(r[0]).suffix.lower() in SUFFIXES})
    counts.update(u[2] for u in usable)
    if len(counts) < 2:
        raise DataError(
            f"There is only one class, {usable[0][2]!r}. Put one folder a class, at least two, each with at least {MIN_PER_CLASS} images."
        )
    few = {c: n for c, n in sorted(counts.items()) if n < MIN_PER_CLASS}
    if few:
        listed = ", ".join(f"{c!r} has {n}" for c, n in few.items())
        raise DataError(
            f"A class needs at least {MIN_PER_CLASS} usable images: {listed}. Add images or remove the folder."
        )
