"""The images of a run, arranged so that code without Thaw finds the same splits in the same order."""

import io
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from core import data, paths
from core.data import Collection, Dataset

LETTERS = {"train": "t", "validation": "v", "test": "x"}


def from_files(dataset: Dataset) -> bool:
    """Tell whether the images are files that people have themselves, in folders that name their classes, which Pillow alone reads."""
    theirs = dataset.spec.source.partition(":")[0] in {"path", "folder", "upload", "download"}
    heic = any(
        name.casefold().endswith((".heic", ".heif")) for split in dataset.splits.values() for name in split.names
    )
    return theirs and not heic and not dataset.spec.edits and class_position(dataset) is not None


def split_letters(dataset: Dataset) -> str:
    """Return one letter a file of the source, files sorted by path: t training, v validation, x test, - left out."""
    names = [*data.catalogue(dataset.spec).names, *(r.name for r in dataset.rejected)]
    letter = {name: LETTERS[part] for part, split in dataset.splits.items() for name in split.names}
    return "".join(letter.get(name, "-") for name in sorted(names, key=lambda n: PurePosixPath(n).parts))


def class_position(dataset: Dataset) -> int | None:
    """Return which part of a file's path is its class: 0 for ``cat/1.jpg``, 1 for ``train/cat/1.jpg``; None where no part is.

    Folders around all classes may themselves be called like a class; the position that fits every file is the right one.
    """
    pairs = [
        (PurePosixPath(name).parts, dataset.class_names[label])
        for split in dataset.splits.values()
        for name, label in zip(split.names, split.labels, strict=True)
    ]
    deepest = min(len(parts) for parts, _ in pairs) - 1
    return next((i for i in range(deepest) if all(parts[i] == title for parts, title in pairs)), None)


def images_zip(dataset: Dataset, target: Path) -> None:
    """Write a ZIP with ``train``, ``validation`` and ``test``, a folder a class in each, numbered PNG files inside.

    Parameters
    ----------
    dataset
        Images of any source, written as they came, not resized.
    target
        File to write; it appears when it is complete.

    Raises
    ------
    OSError
        When the disk is full.
    """
    partial = paths.partial(target)
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            write_images(dataset, archive)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_images(dataset: Dataset, archive: zipfile.ZipFile, below: str = "") -> None:
    """Add the images of every split to an open ZIP, below the folder ``below``."""
    collection = data.catalogue(dataset.spec)
    for part, split in dataset.splits.items():
        for i, (row, label) in enumerate(zip(split.indices, split.labels, strict=True)):
            name = f"{below}{part}/{dataset.class_names[label]}/{i:05d}.png"
            add(archive, name, _png(collection, int(row)))


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file that everyone may read, with a fixed date: the same run gives the same archive."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    entry.compress_type = archive.compression
    archive.writestr(entry, content)


def _png(collection: Collection, row: int) -> bytes:
    picture = collection.pictures[row]
    array = picture if isinstance(picture, np.ndarray) else data.decode.read_picture(picture)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()
