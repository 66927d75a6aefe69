"""Import of a ZIP that somebody uploads: nothing in it is trusted."""

import errno
import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from contextlib import nullcontext
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core import durable, paths
from core.data.collection import Progress, no_progress
from core.data.folders import MAX_FILES, fingerprint, is_junk, read_folder
from core.errors import DataError

MAX_ARCHIVE = 500 * 2**20
MAX_UNPACKED = 2 * 2**30
BLOCK = 2**20
BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    RuntimeError,
    ValueError,
    struct.error,
)


def import_zip(file: BinaryIO | Path, name: str, progress: Progress = no_progress) -> str:
    """Unpack an uploaded ZIP, check its images, and return its :class:`~core.experiment.DataSpec` source.

    Parameters
    ----------
    file
        The archive, a path or an open binary file.
    name
        Its file name, shown to people.
    progress
        Called with what is going on and the share done.

    Returns
    -------
    str
        ``upload:<sha256>``; the same archive gives the same source and is unpacked once.

    Raises
    ------
    DataError
        When it is no ZIP, empty, encrypted, over 500 MB, over 20,000 files or over 2 GB unpacked, when a path leaves it, and in the
        cases of :func:`core.data.folders.read_folder`.
    """
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as stream:
        digest = _digest(stream)
        home = paths.subdir("datasets") / "uploads" / digest
        if not _is_intact(home):
            _import(stream, name, home, progress)
    return f"upload:{digest}"


def upload_title(home: Path) -> str:
    """Return what people called the archive of which a folder holds the images."""
    about = durable.read_json(home / "about.json")
    return str(about["name"]) if isinstance(about, dict) and "name" in about else f"Upload {home.name[:8]}"


def _is_intact(home: Path) -> bool:
    """Tell whether an archive was unpacked before and no picture of it was changed since."""
    about = durable.read_json(home / "about.json")
    if not isinstance(about, dict) or not (home / "images").is_dir():
        return False
    return about.get("content") in (None, fingerprint(home / "images"))


def _digest(stream: BinaryIO) -> str:
    stream.seek(0, os.SEEK_END)
    if stream.tell() > MAX_ARCHIVE:
        raise DataError(
            f"The archive has {stream.tell() / 2**20:,.0f} MB; the limit is 500 MB. Take fewer or smaller images."
        )
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # every real stream has readinto
    stream.seek(0)
    return digest


def _import(stream: BinaryIO, name: str, home: Path, progress: Progress) -> None:
    home.parent.mkdir(exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="incoming-", dir=home.parent))
    try:
        _unpack(stream, staging / "images", progress)
        read_folder(staging / "images", name, progress)
        durable.write_json(staging / "about.json", {"name": name, "content": fingerprint(staging / "images")})
        _replace(staging, home)
    except OSError as error:
        if not _is_intact(home):
            raise DataError(f"The archive could not be unpacked: {_what_happened(error)}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace(staging: Path, home: Path) -> None:
    """Put an unpacked archive in its place, where a damaged one may lie."""
    if home.exists() and not _is_intact(home):
        home.rename(staging.with_name(f"{staging.name}-damaged"))
    staging.rename(home)
    shutil.rmtree(staging.with_name(f"{staging.name}-damaged"), ignore_errors=True)


def _what_happened(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk of this server is full. Free some space and try again."
    if error.errno in {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}:
        return "it holds names that cannot stand side by side or are too long. Make the ZIP again from the image folder itself."
    return f"{error.strerror or error}. Make the ZIP again and upload that."


def _unpack(stream: BinaryIO, target: Path, progress: Progress) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = _checked_members(archive)
            left = MAX_UNPACKED
            for i, member in enumerate(members):
                left -= _extract(archive, member, target, left)
                if i % 64 == 0:
                    progress(f"Unpacking: {i + 1} of {len(members)}", (i + 1) / len(members))
    except BROKEN as error:
        raise DataError(
            f"This is not a ZIP archive that can be read ({error}). Make the ZIP again and upload that."
        ) from error


def _checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [m for m in archive.infolist() if not _is_folder(m) and not is_junk(_path(m))]
    if not members:
        raise DataError("The archive is empty. Put one folder a class into it, with images inside.")
    if len(members) > MAX_FILES:
        raise DataError(f"The archive holds {len(members):,} files; the limit is {MAX_FILES:,}. Take a part of them.")
    for member in members:
        _refuse_unsafe(member)
    total = sum(m.file_size for m in members)
    if total > MAX_UNPACKED:
        raise DataError(
            f"The archive unpacks to {total / 2**30:.1f} GB; the limit is 2 GB. Take fewer or smaller images."
        )
    return members


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith(("/", "\\"))


def _refuse_unsafe(member: zipfile.ZipInfo) -> None:
    path = _path(member)
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise DataError(
            f"The archive holds a path that leaves it: {member.filename!r}. Make the ZIP again from the image folder itself."
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(
            f"The archive holds a link, {member.filename!r}. Make the ZIP again with the images themselves."
        )
    if member.flag_bits & 0x1:
        raise DataError("The archive is encrypted. Make the ZIP again without a password.")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one member, counting what really comes out: sizes in headers can lie."""
    path = target / _path(member)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as source, path.open("wb") as out:
        while block := source.read(BLOCK):
            written += len(block)
            if written > left:
                raise DataError("The archive unpacks to over 2 GB. Take fewer or smaller images.")
            out.write(block)
    return written
