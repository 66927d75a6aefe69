"""Public data sets fetched with Keras, in a process of its own so that no page imports TensorFlow.

``python -m core.data.download KEY`` fetches one; :func:`start` does so in the background and :func:`state` tells how far it is.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag, urlsplit

import psutil

from core import durable, paths
from core.errors import DataError

TIMEOUT = 30
OFFLINE = "It could not be downloaded: {why}. Without a network, choose a built-in set instead: Materials, Handwritten digits or Drawn shapes."


@dataclass(frozen=True)
class Download:
    """A public data set; ``size`` in bytes, ``root`` the folder inside the archive that holds the classes.

    ``sha256`` is the published checksum, None where there is none: then the first download that unpacks is the measure of later ones.
    """

    key: str
    title: str
    description: str
    licence: str
    url: str
    size: int
    root: str
    sha256: str | None = None

    @property
    def home(self) -> Path:
        """The folder below the data directory that holds it."""
        return paths.subdir("datasets") / "downloads" / self.key

    def folder(self) -> Path | None:
        """Return the folder with its classes, None where it was not fetched and unpacked."""
        ready = durable.read_json(self.home / "ready.json")
        folder = self.home / str(ready["folder"]) if isinstance(ready, dict) and "folder" in ready else None
        return folder if folder and folder.is_dir() else None

    def is_ready(self) -> bool:
        """Tell whether it was fetched and unpacked."""
        return self.folder() is not None


DOWNLOADS = {
    d.key: d
    for d in (
        Download(
            "flower_photos", "Flowers", "3,670 photographs of five flowers (TensorFlow; 218 MB)", "CC BY",
            "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz", 228_813_984, "flower_photos",
            "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",  # tensorflow/datasets, url_checksums/tf_flowers.txt
        ),
        Download(
            "cats_and_dogs", "Cats and dogs", "3,000 photographs, 2 classes, split (Google; 65 MB)", "Kaggle, research use",
            "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip", 68_606_236, "cats_and_dogs_filtered",
        ),
    )
}  # fmt: skip


def downloaded_folder(key: str) -> Path:
    """Return the folder with the classes of a downloaded set.

    Raises
    ------
    DataError
        When it was not downloaded yet.
    """
    folder = DOWNLOADS[key].folder()
    if folder is None:
        raise DataError(
            f"{DOWNLOADS[key].title} is not on this machine yet. Download it on the Data page, or choose a built-in set."
        )
    return folder


def url_of(key: str) -> str:
    """Return where a set is fetched from.

    ``THAW_URL_<KEY>`` overrides it, for a mirror inside a school's network; it may end in ``#sha256=<hex>`` to name what must come.
    """
    return os.environ.get(f"THAW_URL_{key.upper()}", DOWNLOADS[key].url)


def _archive(key: str) -> Path:
    return DOWNLOADS[key].home / PurePosixPath(urlsplit(url_of(key)).path).name


def _expected(key: str) -> str | None:
    """Return the SHA-256 that must come: named with the address, published, or that of the first download."""
    url = url_of(key)
    if url == DOWNLOADS[key].url and DOWNLOADS[key].sha256:
        return DOWNLOADS[key].sha256
    if named := urlsplit(url).fragment.removeprefix("sha256="):
        return named.lower()
    first = DOWNLOADS[key].home / "sha256"
    return _text(first).strip() or None


def _text(path: Path) -> str:
    """Return what a note says, empty where it is not there."""
    return path.read_text(errors="replace") if path.exists() else ""


def fetch(key: str) -> Path:
    """Download and unpack a set with ``keras.utils.get_file``; a broken download is removed and starts again next time.

    Raises
    ------
    DataError
        When there is no network, the connection drops, or the content does not have the checksum that it must have.
    """
    import keras

    download, archive, unpacked = DOWNLOADS[key], _archive(key), DOWNLOADS[key].home / "unpacked"
    download.home.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    shutil.rmtree(unpacked, ignore_errors=True)
    socket.setdefaulttimeout(TIMEOUT)  # urlretrieve, below keras.utils.get_file, would wait for ever
    try:
        keras.utils.get_file(archive.name, urldefrag(url_of(key)).url, cache_dir=download.home, cache_subdir=".")
        digest = _checked(key, archive)
        # For tar archives: no path leaves the folder; zipfile refuses that by itself and knows no filter.
        shutil.unpack_archive(archive, unpacked, filter=None if zipfile.is_zipfile(archive) else "data")
    except DataError:
        raise
    except Exception as error:  # keras.utils.get_file raises a plain Exception for every failed connection
        raise DataError(OFFLINE.format(why=_reason(error))) from error
    finally:
        archive.unlink(missing_ok=True)
        socket.setdefaulttimeout(None)
    (download.home / "sha256").write_text(digest)
    folder = unpacked / download.root
    relative = (folder if folder.is_dir() else unpacked).relative_to(download.home)
    durable.write_json(download.home / "ready.json", {"folder": str(relative)})
    return download.home / relative


def _checked(key: str, archive: Path) -> str:
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if (_expected(key) or digest) != digest:
        raise DataError(
            f"{DOWNLOADS[key].title}: what came is not the file that was expected (its checksum differs), so it was thrown away. "
            "Try again later, or choose a built-in set instead: Materials, Handwritten digits or Drawn shapes."
        )
    return digest


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"the server did not answer for {TIMEOUT} seconds"
    text = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return text.replace("URL fetch failure on ", "no answer from ").rstrip(".")


@dataclass(frozen=True)
class DownloadState:
    """How far a download is: ``status`` is ``absent``, ``running``, ``ready`` or ``failed``."""

    status: str
    share: float
    message: str


def start(key: str) -> None:
    """Download in a process of its own, unless one is already at it."""
    home = DOWNLOADS[key].home
    if state(key).status in {"running", "ready"}:
        return
    home.mkdir(parents=True, exist_ok=True)
    (home / "error.txt").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "core.data.download", key],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    durable.write_json(home / "process.json", {"pid": process.pid})


def state(key: str) -> DownloadState:
    """Return how far a download is, from what lies on disk."""
    download = DOWNLOADS[key]
    if download.is_ready():
        return DownloadState("ready", 1.0, "On this machine")
    error = download.home / "error.txt"
    if error.exists():
        return DownloadState("failed", 0.0, _text(error) or "It broke off. Start it again.")
    if not _alive(download.home / "process.json"):
        return DownloadState("absent", 0.0, "Not downloaded yet")
    archive = _archive(key)
    got = archive.stat().st_size if archive.exists() else 0
    return DownloadState(
        "running", min(got / download.size, 1.0), f"{got / 2**20:,.0f} of {download.size / 2**20:,.0f} MB"
    )


def _alive(note: Path) -> bool:
    """Tell whether the process of a note downloads; another that was given its number later, or one that has ended, does not."""
    kept = durable.read_json(note)
    try:
        process = psutil.Process(int(kept["pid"]))  # type: ignore[index]
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= note.stat().st_mtime + 1
    except (psutil.Error, OSError, ValueError, KeyError, TypeError):
        return False


def main() -> int:
    """Fetch the set named on the command line."""
    key = sys.argv[1]
    try:
        print(fetch(key))
    except (DataError, OSError) as error:
        (DOWNLOADS[key].home / "error.txt").write_text(str(error))
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
