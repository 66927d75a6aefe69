"""Uploads as pages take them: nothing of them is opened in the process that serves everybody (:mod:`core.sandbox`)."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from core import paths, sandbox
from core.data import archive
from core.data.collection import Progress, no_progress
from core.data.folders import Roles
from core.data.layout import Layout


def import_archive(file: BinaryIO, name: str, progress: Progress = no_progress, roles: Roles = ()) -> str:
    """Import an uploaded archive as :func:`core.data.archive.import_zip` does, in a throw-away process."""
    with _on_disk(lambda target: _copy(file, target)) as path:
        return sandbox.run(_import, path, name, roles, limits=sandbox.LARGE, progress=progress)


def import_files(
    files: Iterable[tuple[str, BinaryIO]], name: str, progress: Progress = no_progress, roles: Roles = ()
) -> str:
    """Import files that came by themselves as :func:`core.data.archive.import_files` does, in a throw-away process."""
    with _on_disk(lambda target: archive.pack(files, target)) as path:
        return sandbox.run(_import, path, name, roles, limits=sandbox.LARGE, progress=progress)


def glance(file: BinaryIO, roles: Roles = ()) -> Layout:
    """Return what the names in an archive mean as :func:`core.data.archive.glance` does, in a throw-away process."""
    with _on_disk(lambda target: _copy(file, target)) as path:
        return sandbox.run(archive.glance, path, roles)


def _import(path: Path, name: str, roles: Roles, progress: Progress) -> str:
    return archive.import_zip(path, name, progress, roles)


def _copy(file: BinaryIO, target: BinaryIO) -> None:
    file.seek(0)
    shutil.copyfileobj(file, target)


@contextmanager
def _on_disk(fill: Callable[[BinaryIO], Any]) -> Iterator[Path]:
    """Give an upload a path below the data directory while it is read."""
    with tempfile.TemporaryDirectory(prefix="upload-", dir=paths.subdir("cache")) as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            fill(target)
        yield path
