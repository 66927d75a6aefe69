"""The members of a ZIP, 7z or tar archive, one after the other, read no further than the limits allow."""

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from core.data import archive_names
from core.data.listing import MAX_FILES, is_hidden
from core.errors import DataError

MAX_MEMBERS = 60_000  # folders and what systems leave behind included
MAX_UNPACKED = 2 * 2**30
BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    ValueError,
    struct.error,
)
KINDS = {
    b"PK": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard",
}  # fmt: skip
OPENERS = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes
    ----------
    name
        As bytes where the archive does not say how they are to be read.
    size
        Bytes according to its header, which can lie.
    content
        What is inside, to be read before the next member is asked for; None for a folder.
    """

    name: str | bytes
    size: int
    content: IO[bytes] | None
    link: bool = False

    @property
    def path(self) -> str:
        """The name with forward slashes; bytes that are no ASCII stand for themselves."""
        text = self.name if isinstance(self.name, str) else self.name.decode("latin-1")
        return text.replace("\\", "/")


def kind_of(stream: BinaryIO) -> str:
    """Return ``zip``, ``tar``, a compression, another known kind of archive, or an empty text, by the first bytes."""
    stream.seek(0)
    head = stream.read(512)
    stream.seek(0)
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for magic, kind in KINDS.items() if head.startswith(magic)), "")


def members(stream: BinaryIO) -> Iterator[Member]:
    """Yield the members of an archive.

    Raises
    ------
    DataError
        When it is of a kind that is not read, or holds too many members, or a tar unpacks to more than the limit.
    """
    kind = kind_of(stream)
    if kind in {"RAR", "Zstandard"}:
        raise DataError(
            f"This is a {kind} archive, whatever its name says; ZIP, 7z, tar, tar.gz, tar.bz2 and tar.xz are read. Unpack it, make a ZIP of the folder, and upload that."
        )
    if kind == "7z":
        return _seven(stream)
    if kind == "tar":
        return _tar(stream)
    if kind in OPENERS:
        return _tar(OPENERS[kind](stream, "rb"), kind)  # type: ignore[operator]
    return _zip(stream)


def _seven(stream: BinaryIO) -> Iterator[Member]:
    from core.data import archive_seven as seven  # 0.2 s that other archives need not wait for

    archive, entries = seven.listed(stream)
    _refuse_many(len(entries))
    files = [e for e in entries if not e.is_directory and not is_hidden(path_of(e.filename))]
    refuse_large(len(files), sum(e.uncompressed for e in files))
    unpacked = seven.Unpacked(archive, MAX_UNPACKED)
    for entry in entries:
        link = entry.is_symlink or entry.is_junction
        if entry.is_directory or link:
            yield Member(entry.filename, 0, None, link)
        else:
            with _Late(partial(unpacked.open, entry.filename)) as content:  # type: ignore[arg-type]
                yield Member(entry.filename, entry.uncompressed, content)  # type: ignore[arg-type]


def _zip(stream: BinaryIO) -> Iterator[Member]:
    _refuse_long_directory(stream)
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
        _refuse_many(len(entries))
        files = [e for e in entries if not e.filename.endswith(("/", "\\")) and not is_hidden(path_of(e.filename))]
        refuse_large(len(files), sum(e.file_size for e in files))
        for entry in entries:
            if entry.flag_bits & 0x1:
                raise DataError("The archive is encrypted. Make the ZIP again without a password.")
            folder = entry.filename.endswith(("/", "\\"))
            name = _zip_name(entry)
            link = stat.S_ISLNK(entry.external_attr >> 16)
            if folder or link:
                yield Member(name, 0, None, link)
                continue
            with _Late(partial(archive.open, entry)) as content:
                yield Member(name, entry.file_size, content)  # type: ignore[arg-type]


class _Late:
    """Opens a member when it is first read: those that are passed over cost nothing."""

    def __init__(self, opened: Callable[[], IO[bytes]]) -> None:
        self.opened = opened
        self.source: IO[bytes] | None = None

    def read(self, n: int) -> bytes:
        if self.source is None:
            self.source = self.opened()
        return self.source.read(n)

    def __enter__(self) -> "_Late":
        return self

    def __exit__(self, *_: object) -> None:
        if self.source is not None:
            self.source.close()


def _refuse_long_directory(stream: BinaryIO) -> None:
    """Refuse by the size of the table of contents, before the many seconds that reading a million entries takes."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 66_000))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    stream.seek(0)
    if at < 0 or len(tail) < at + 22:
        return
    count, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    start = tail.rfind(b"PK\x06\x06", 0, at)
    if 0xFFFF in (count, directory & 0xFFFF) and start >= 0 and len(tail) >= start + 48:
        count, directory = struct.unpack("<QQ", tail[start + 32 : start + 48])
    _refuse_many(max(count, directory // 1000))


def _refuse_many(count: int) -> None:
    if count > MAX_MEMBERS:
        raise DataError(f"The archive holds {count:,} entries; the limit is {MAX_MEMBERS:,}. Take a part of them.")


def refuse_large(count: int, size: int) -> None:
    """Refuse so many files, or so many bytes when unpacked.

    Raises
    ------
    DataError
        When there are over 20,000 files or over 2 GB.
    """
    if count > MAX_FILES:
        raise DataError(f"The archive holds {count:,} files; the limit is {MAX_FILES:,}. Take a part of them.")
    if size > MAX_UNPACKED:
        raise DataError(
            f"The archive unpacks to {size / 2**30:.1f} GB; the limit is 2 GB. Take fewer or smaller images."
        )


def _zip_name(entry: zipfile.ZipInfo) -> str | bytes:
    """Return the name as text where the archive says that it is UTF-8 (flag or Info-ZIP's extra field 0x7075), else as bytes."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 0x7075 and length > 5:
            return extra[9 : 4 + length].decode("utf-8", "replace")
        extra = extra[4 + length :]
    return entry.filename if entry.flag_bits & 0x800 else entry.filename.encode("cp437")


class _Counted:
    """Reads on while less than the limit has come out: an archive of zeros must not be unpacked to its end."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.left = source, 2 * MAX_UNPACKED

    def read(self, n: int = -1) -> bytes:
        block = self.source.read(n)
        self.left -= len(block)
        if self.left < 0:
            raise DataError("The archive unpacks to over 2 GB. Take fewer or smaller images.")
        return block


def _tar(stream: IO[bytes], packed: str = "") -> Iterator[Member]:
    try:
        with tarfile.open(fileobj=_Counted(stream), mode="r|", encoding="utf-8", errors="surrogateescape") as archive:  # type: ignore[call-overload]
            for count, entry in enumerate(archive):
                _refuse_many(count)
                name = entry.name.encode("utf-8", "surrogateescape")
                content = archive.extractfile(entry) if entry.isreg() else None
                if entry.isdir() or content is not None or entry.issym() or entry.islnk():
                    yield Member(name + b"/" * entry.isdir(), entry.size, content, entry.issym() or entry.islnk())
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every entry otherwise
    except tarfile.ReadError as error:
        if packed:
            raise DataError(
                f"This is a {packed} file with no tar archive inside that can be read ({error}). Make a ZIP of the folder and upload that."
            ) from error
        raise


def path_of(name: str) -> PurePosixPath:
    """Return a name as a path, whichever slashes it has."""
    return PurePosixPath(name.replace("\\", "/"))


def decoded(names: list[str | bytes]) -> list[str]:
    """Return the names as people wrote them."""
    unknown = [name for name in names if isinstance(name, bytes)]
    read = iter(archive_names.decode(unknown) if unknown else [])
    return [next(read) if isinstance(name, bytes) else archive_names.composed(name) for name in names]
