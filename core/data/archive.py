"""Import of an archive that somebody uploads: nothing in it is trusted."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core import durable, paths
from core.data.archive_members import BROKEN, MAX_UNPACKED, Member, decoded, members, path_of, refuse_large
from core.data.collection import Progress, no_progress
from core.data.folders import Roles, read
from core.data.layout import Layout, understand
from core.data.listing import NAMES, is_hidden, of_upload
from core.errors import DataError

MAX_ARCHIVE = 500 * 2**20
BLOCK = 2**20
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
DRIVE = re.compile(r"[A-Za-z]:(/|$)")


def import_zip(file: BinaryIO | Path, name: str, progress: Progress = no_progress, roles: Roles = ()) -> str:
    """Unpack an uploaded ZIP, 7z or tar, check its images, and return its :class:`~core.experiment.DataSpec` source.

    Parameters
    ----------
    file
        The archive, a path or an open binary file.
    name
        Its file name, shown to people.
    progress
        Called with what is going on and the share done.
    roles
        What a person said of folders, where the archive is refused without.

    Returns
    -------
    str
        ``upload:<sha256>``; the same archive gives the same source and is unpacked once.

    Raises
    ------
    DataError
        When it is no archive that is read, empty, encrypted, over 500 MB, over 20,000 files or over 2 GB unpacked, when a path leaves it,
        and in the cases of :func:`core.data.folders.read`.
    """
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as stream:
        digest = _digest(stream)
        home = paths.subdir("datasets") / "uploads" / digest
        if not _is_intact(home):
            _import(stream, name, home, progress, roles)
    return f"upload:{digest}"


def import_files(
    files: Iterable[tuple[str, BinaryIO]], name: str, progress: Progress = no_progress, roles: Roles = ()
) -> str:
    """Import files that came by themselves, each with its path in the folder they came from; otherwise as :func:`import_zip`.

    The same files in the same places give the same source.
    """
    with tempfile.TemporaryFile() as packed:
        pack(files, packed)
        return import_zip(packed, name, progress, roles)


def pack(files: Iterable[tuple[str, BinaryIO]], target: BinaryIO) -> None:
    """Write files with their paths as an archive, the same bytes for the same files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, stream in sorted(files, key=lambda pair: pair[0]):
            stream.seek(0)
            with archive.open(zipfile.ZipInfo(path), "w", force_zip64=True) as member:
                shutil.copyfileobj(stream, member)


def glance(file: BinaryIO | Path, roles: Roles = ()) -> Layout:
    """Return what the names in an archive mean, without unpacking it: to show why it was refused, and to be put right.

    Raises
    ------
    DataError
        When it is no archive that is read.
    """
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as stream:
        stream.seek(0)
        try:
            found = [(member.name, member.content is not None) for member in members(stream)]
        except BROKEN as error:
            raise DataError(
                f"This is not an archive that can be read ({error}). Make a ZIP and upload that."
            ) from error
    paths_ = [path_of(name).as_posix() for name in decoded([name for name, _ in found])]
    kept = [
        (path, is_file) for path, (_, is_file) in zip(paths_, found, strict=True) if not is_hidden(PurePosixPath(path))
    ]
    return understand([path for path, is_file in kept if is_file], roles=dict(roles))


def upload_title(home: Path) -> str:
    """Return what people called the archive of which a folder holds the images."""
    about = durable.read_json(home / "about.json")
    return str(about["name"]) if isinstance(about, dict) and "name" in about else f"Upload {home.name[:8]}"


def delete_upload(source: str) -> None:
    """Remove uploaded images from the disk; runs that were trained on them keep their curves and verdicts.

    Parameters
    ----------
    source
        A :class:`~core.experiment.DataSpec` source, ``upload:…``.

    Raises
    ------
    DataError
        When it names no upload of this server.
    """
    name = source.removeprefix("upload:")
    home = paths.subdir("datasets") / "uploads" / name
    if not name.isalnum() or not home.is_dir():
        raise DataError("These uploaded images are not on this server any more.")
    gone = Path(tempfile.mkdtemp(prefix="deleted-", dir=home.parent.parent))
    home.rename(gone / name)  # at once, whoever looks: what is half deleted would be a damaged upload
    shutil.rmtree(gone, ignore_errors=True)


def _is_intact(home: Path) -> bool:
    """Tell whether an archive was unpacked before and no picture of it was changed since."""
    about = durable.read_json(home / "about.json")
    if not isinstance(about, dict) or not (home / "images").is_dir():
        return False
    try:
        return about.get("content") in (None, of_upload(home).key)
    except (DataError, OSError):
        return False


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


def _import(stream: BinaryIO, name: str, home: Path, progress: Progress, roles: Roles) -> None:
    home.parent.mkdir(exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="incoming-", dir=home.parent))
    try:
        _unpack(stream, staging, progress)
        read(of_upload(staging), name, progress, roles)
        durable.write_json(staging / "about.json", {"name": name, "content": of_upload(staging).key})
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
    return f"{error.strerror or error}. Make a ZIP of the folder and upload that."


def _unpack(stream: BinaryIO, home: Path, progress: Progress) -> None:
    """Write the files of an archive under numbers, and beside them the list of their names."""
    (home / "images").mkdir()
    try:
        kept, folders = _write_members(stream, home / "images", progress)
    except BROKEN as error:
        raise DataError(
            f"This is not an archive that can be read ({error}). Make a ZIP of the folder and upload that."
        ) from error
    if not kept:
        raise DataError("The archive is empty. Put one folder a class into it, with images inside.")
    names = decoded([*(name for name, _ in kept), *folders])
    paths_ = [path_of(name).as_posix() for name in names]
    files = dict(zip(paths_, (stored for _, stored in kept), strict=False))
    filled = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents}
    empty = sorted(set(paths_[len(kept) :]) - filled - {"."})
    durable.write_json(
        home / NAMES, {"files": sorted(files.items(), key=lambda f: PurePosixPath(f[0]).parts), "empty": empty}
    )


def _write_members(
    stream: BinaryIO, target: Path, progress: Progress
) -> tuple[list[tuple[str | bytes, str]], list[str | bytes]]:
    """Return the names of the files with those they are stored under, and the names of folders."""
    kept: list[tuple[str | bytes, str]] = []
    folders: list[str | bytes] = []
    left, total, size = MAX_UNPACKED, max(stream.seek(0, os.SEEK_END), 1), 0
    stream.seek(0)
    for member in members(stream):
        path = path_of(member.path)
        if is_hidden(path):
            continue
        _refuse_unsafe(member, path)
        if member.content is None:
            folders.append(member.name)
            continue
        size += member.size
        refuse_large(len(kept) + 1, size)
        stored = f"{len(kept):05d}{path.suffix.lower() if SUFFIX.fullmatch(path.suffix) else ''}"
        left -= _extract(member, target / stored, left)
        kept.append((member.name, stored))
        if len(kept) % 64 == 1:
            progress(f"Unpacking: {len(kept)} files", min(stream.tell() / total, 1.0) if stream.seekable() else 0.5)
    return kept, folders


def _refuse_unsafe(member: Member, path: PurePosixPath) -> None:
    if path.is_absolute() or ".." in path.parts or DRIVE.match(path.as_posix()):
        raise DataError(
            f"The archive holds a path that leaves it: {member.path!r}. Make the ZIP again from the image folder itself."
        )
    if member.link:
        raise DataError(f"The archive holds a link, {member.path!r}. Make the ZIP again with the images themselves.")


def _extract(member: Member, path: Path, left: int) -> int:
    """Write one member, counting what really comes out: sizes in headers can lie."""
    written = 0
    with path.open("wb") as out:
        while block := member.content.read(BLOCK):  # type: ignore[union-attr]
            written += len(block)
            if written > left:
                raise DataError("The archive unpacks to over 2 GB. Take fewer or smaller images.")
            out.write(block)
    return written
