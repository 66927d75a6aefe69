"""What files there are: those of a folder, or those of an upload, which are stored under numbers so that no name meets the disk."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from core import durable
from core.data import archive_names
from core.data.layout import is_picture, tables
from core.errors import DataError

MAX_FILES = 20_000
MAX_TABLES = 30
JUNK = {"__macosx", ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost.dir", "__pycache__"}  # fmt: skip
NAMES = "names.json"


@dataclass(frozen=True)
class Listing:
    """Files by the names that people gave them, and folders that hold nothing; ``key`` changes when any of it does."""

    key: str
    files: dict[str, Path]
    empty: tuple[str, ...] = ()


def is_junk(path: PurePath) -> bool:
    """Tell whether a path is something operating systems leave behind."""
    return any(part.lower() in JUNK or part.startswith("._") for part in path.parts)


def is_hidden(path: PurePath) -> bool:
    """Tell whether a path is junk or lies in a hidden folder."""
    return is_junk(path) or any(part.startswith(".") and part.strip(".") for part in path.parts)


def of_folder(folder: Path) -> Listing:
    """Return the files below a folder; links, hidden files and what operating systems leave behind are passed over.

    Raises
    ------
    DataError
        When there are none, or over 20,000.
    """
    every = [(p, p.relative_to(folder)) for p in folder.rglob("*") if not p.is_symlink()]
    every = sorted(((p, name) for p, name in every if not is_hidden(name)), key=lambda pair: pair[1])
    files = {name.as_posix(): p for p, name in every if p.is_file()}
    if len(files) > MAX_FILES:
        raise DataError(f"The folder holds {len(files):,} files; the limit is {MAX_FILES:,}. Take a part of them.")
    if not files:
        raise DataError("There are no images here. Put one folder a class into it, with images inside.")
    empty = tuple(name.as_posix() for p, name in every if p.is_dir() and not any(p.iterdir()))
    return _listing(files, empty)


def of_upload(home: Path) -> Listing:
    """Return the files of an upload; one that was imported before names were kept apart lies there as a folder."""
    if not (home / NAMES).exists():
        return of_folder(home / "images")
    kept = durable.read_json(home / NAMES)
    if not isinstance(kept, dict):
        raise DataError("The list of these uploaded images was damaged. Upload the archive again.")
    return _listing({name: home / "images" / stored for name, stored in kept["files"]}, tuple(kept["empty"]))


def _listing(files: dict[str, Path], empty: tuple[str, ...]) -> Listing:
    digest = hashlib.sha256(b"3\n")  # how files are inspected; raise it when that changes
    for name, path in files.items():
        stat = path.stat()
        digest.update(f"{name}|{stat.st_size}|{stat.st_mtime_ns}\n".encode(errors="surrogatepass"))
    return Listing(digest.hexdigest()[:24], files, empty)


def texts(listing: Listing) -> dict[str, str]:
    """Return the contents of the files that may be tables of labels, by name; text files beside pictures of the same name are none."""
    stems = {PurePath(name).stem for name in listing.files if is_picture(name)}
    found: dict[str, str] = {}
    for name, path in listing.files.items():
        possible = name.casefold().endswith(tables.SUFFIXES) and PurePath(name).stem not in stems
        if possible and len(found) < MAX_TABLES and path.stat().st_size <= tables.MAX_BYTES:
            found[name] = decoded(path.read_bytes())
    return found


def decoded(content: bytes) -> str:
    """Return text in the encoding that its bytes speak for; UTF-8 where they allow it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        cells = re.split(rb'[,;\t"\r\n]', content[:20_000])
        return content.decode(archive_names.encoding(cells), errors="replace")
