"""The members of a 7z archive: its contents are packed together, so they are unpacked together, when the first is read."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from py7zr import SevenZipFile
from py7zr.exceptions import PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from core.errors import DataError


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what a damaged archive causes, of whatever kind, as ``BadZipFile``, and a password as DataError."""
    try:
        yield
    except DataError:
        raise
    except PasswordRequired as error:
        raise DataError("The archive is encrypted. Make it again without a password.") from error
    except Exception as error:
        raise zipfile.BadZipFile(f"7z: {error or type(error).__name__}") from error


class Unpacked(WriterFactory):
    """Unpacks all files of an archive, one behind the other, into one file without a name, which goes with this process.

    Parameters
    ----------
    archive
        To be unpacked when a file is asked for.
    limit
        Bytes in all: sizes in a header can lie.
    """

    def __init__(self, archive: SevenZipFile, limit: int) -> None:
        self.archive, self.left = archive, limit
        self.store: IO[bytes] | None = None
        self.files: dict[str, _File] = {}

    def create(self, filename: str) -> Py7zIO:
        """Return where py7zr writes the next file."""
        assert self.store is not None
        self.files[filename] = _File(self, self.store)
        return self.files[filename]

    def open(self, filename: str) -> "_File":
        """Return a file's content, to be read from its start.

        Raises
        ------
        DataError
            When more than the limit comes out.
        """
        if self.store is None:
            self.store = tempfile.TemporaryFile()  # noqa: SIM115  it is read until the archive is done with
            with refusals():
                self.archive.extractall(factory=self)
        found = self.files.get(filename) or _File(self, self.store)  # py7zr asks for no place for an empty file
        found.at = 0
        return found


class _File(Py7zIO):
    """A part of the store."""

    def __init__(self, unpacked: Unpacked, store: IO[bytes]) -> None:
        self.unpacked, self.store, self.begins = unpacked, store, store.seek(0, 2)
        self.length = self.at = 0

    def write(self, s: bytes | bytearray) -> int:
        self.unpacked.left -= len(s)
        if self.unpacked.left < 0:
            raise DataError("The archive unpacks to over 2 GB. Take fewer or smaller images.")
        self.store.seek(self.begins + self.length)
        self.length += self.store.write(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        left = self.length - self.at
        self.store.seek(self.begins + self.at)
        block = self.store.read(left if size is None or size < 0 else min(size, left))
        self.at += len(block)
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.length)[whence]
        return self.at

    def flush(self) -> None:
        self.store.flush()

    def size(self) -> int:
        return self.length


def listed(stream: IO[bytes]) -> tuple[SevenZipFile, list[Any]]:
    """Return an archive and what it says of its members: ``filename``, ``uncompressed`` (bytes), ``is_directory``, ``is_symlink``, ``is_junction``.

    Raises
    ------
    DataError
        When it is encrypted.
    zipfile.BadZipFile
        When it is damaged.
    """
    with refusals():
        archive = SevenZipFile(stream)  # type: ignore[arg-type]
        if archive.needs_password():
            raise PasswordRequired
        return archive, list(archive.files)
