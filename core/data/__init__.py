"""Images: where they come from, how they are read, split and judged."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core import durable, mapped, paths
from core.data import edits, file_properties
from core.data.archive import delete_upload, glance, import_files, import_zip, upload_title
from core.data.builtin import BUILTIN
from core.data.collection import Collection, HealthNote, Progress, Rejected, no_progress
from core.data.copies import Copies, Copy
from core.data.copies import of as find_copies
from core.data.decode import pixels, prepare
from core.data.download import DOWNLOADS, downloaded_folder
from core.data.drawn import drawn
from core.data.folders import below_root, existing, read, understood
from core.data.layout import Layout
from core.data.listing import Listing, of_folder, of_upload
from core.data.split import split_indices
from core.errors import DataError
from core.experiment import DataEdits, DataSpec

__all__ = [
    "Collection",
    "Dataset",
    "Layout",
    "Progress",
    "Rejected",
    "Source",
    "Split",
    "catalogue",
    "delete_upload",
    "edits",
    "glance",
    "import_files",
    "import_zip",
    "layout_of",
    "load",
    "sources",
]

GROUP_SIZE = 96


@dataclass(frozen=True)
class Source:
    """A data set that a person can choose."""

    key: str
    title: str
    description: str
    licence: str
    offline: bool
    ready: bool
    default_classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Split:
    """Rows of a data set's array: train, validation or test.

    Attributes
    ----------
    source
        All pictures of the source, memory-mapped uint8 of shape (n_source, size, size, 3).
    indices
        Rows of ``source`` in this split, shape (n,).
    labels
        Classes as positions in the data set's ``class_names``, int64 of shape (n,).
    """

    source: np.ndarray
    indices: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.indices)

    @property
    def images(self) -> np.ndarray:
        """All pictures of the split in memory, uint8 of shape (n, size, size, 3); use :meth:`batches` for large splits."""
        return np.asarray(self.source[self.indices])

    def batches(self, size: int = 64) -> Iterator[np.ndarray]:
        """Yield the pictures in order, at most ``size`` at a time."""
        for start in range(0, len(self.indices), size):
            yield np.asarray(self.source[self.indices[start : start + size]])
            if start % mapped.ROWS < size:
                mapped.release(self.source)


@dataclass(frozen=True)
class Dataset:
    """Images of one size, split; what training and the data page work on.

    Attributes
    ----------
    notes
        What was noticed while the source was read.
    copies
        Which rows of the source are one picture; None for sources that are no files.
    files
        What is known of each row of the source from its file alone, shape (n_source, k) as :func:`core.data.file_properties.of`; None
        for sources that are no files.
    """

    spec: DataSpec
    size: int
    title: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    rejected: tuple[Rejected, ...]
    notes: tuple[HealthNote, ...] = ()
    copies: Copies | None = None
    files: np.ndarray | None = None

    @property
    def groups(self) -> np.ndarray | None:
        """The group of copies of each row of the source, shape (n_source,); None where copies are not kept together."""
        return self.copies.groups if self.copies is not None and self.spec.group_duplicates else None

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def sources() -> list[Source]:
    """Return every data set that can be chosen now: built in, drawn, downloads, earlier uploads."""
    built_in = [
        Source(
            "builtin:creatures",
            "Garden creatures",
            "Ants, bees, beetles, butterflies, dragonflies, ladybirds and spiders, drawn in any colour",
            "Thaw",
            True,
            True,
        ),
        Source(
            "builtin:materials",
            "Materials",
            "Brick, grass, gravel: patches of three photographs, each split from its own region",
            "CC0",
            True,
            True,
        ),
        Source(
            "builtin:digits",
            "Handwritten digits",
            "UCI digits, 8×8 scans enlarged; choose any of the ten",
            "CC BY 4.0",
            True,
            True,
            ("0", "1", "2", "3"),
        ),
        Source(
            "builtin:faces",
            "Faces or not",
            "100 small faces and 100 patches that are none",
            "LFW, research use",
            True,
            True,
        ),
        Source(
            "drawn:shapes",
            "Drawn shapes",
            "Pictures drawn by formula, with dials that cause each problem",
            "Thaw",
            True,
            True,
        ),
    ]
    downloads = [
        Source(f"download:{k}", d.title, d.description, d.licence, False, d.is_ready()) for k, d in DOWNLOADS.items()
    ]
    return built_in + downloads + _uploads()


def _uploads() -> list[Source]:
    homes = (paths.subdir("datasets") / "uploads").glob("*/images")
    found = sorted((p.parent for p in homes), key=lambda p: p.stat().st_mtime, reverse=True)
    return [Source(f"upload:{p.name}", upload_title(p), "Uploaded images", "yours", True, True) for p in found]


def catalogue(spec: DataSpec, progress: Progress = no_progress) -> Collection:
    """Return the pictures of a source before they are decoded at a size.

    Raises
    ------
    DataError
        When the source is not known, is not there any more, or its images cannot be used.
    """
    collection = _collection(spec, progress)
    return edits.apply(collection, spec.edits) if spec.edits else collection


def _collection(spec: DataSpec, progress: Progress) -> Collection:
    """Return the pictures as the source has them."""
    kind, _, name = spec.source.partition(":")
    if kind == "builtin" and name in BUILTIN:
        return _builtin(name)
    if kind == "drawn":
        return _drawn(spec.replace(edits=DataEdits()))
    listing, title = _listing(spec)
    return read(listing, title, progress, spec.edits.folders)


def _listing(spec: DataSpec) -> tuple[Listing, str]:
    """Return the files of a source and what people call it."""
    kind, _, name = spec.source.partition(":")
    if kind == "upload":
        home = paths.subdir("datasets") / "uploads" / name
        if not name.isalnum() or not (home / "images").is_dir():
            raise DataError(
                "These uploaded images are not on this server any more. Upload the ZIP again, or choose a built-in set."
            )
        return of_upload(home), upload_title(home)
    if kind == "folder":
        return of_folder(below_root(name)), name
    if kind == "path":
        if not paths.is_open(Path(name)):
            raise DataError(
                f"The folder {name!r} is not open to this server. Choose images on the Data page, or put them below the folder that "
                f"{paths.ROOT_VARIABLE} names."
            )
        return of_folder(existing(Path(name))), Path(name).name
    if kind == "download" and name in DOWNLOADS:
        return of_folder(downloaded_folder(name)), DOWNLOADS[name].title
    raise DataError(f"There is no image source {spec.source!r}. Choose one on the Data page.")


def layout_of(spec: DataSpec) -> Layout | None:
    """Return what the folders of a source were understood as, with the roles that ``spec`` edits; None for sources without folders.

    Raises
    ------
    DataError
        As :func:`catalogue`, but not for what the folders hold: a set that is refused can be looked at.
    """
    if spec.source.startswith(("builtin:", "drawn:")):
        return None
    return understood(_listing(spec)[0], spec.edits.folders)


@lru_cache(maxsize=4)
def _builtin(name: str) -> Collection:
    return BUILTIN[name]()


@lru_cache(maxsize=4)
def _drawn(spec: DataSpec) -> Collection:
    return drawn(spec)


def load(spec: DataSpec, size: int, progress: Progress = no_progress) -> Dataset:
    """Return the data set that ``spec`` describes at ``size`` pixels, decoded at most once and memory-mapped.

    Parameters
    ----------
    spec
        Source, classes, split and seed.
    size
        Pixels a side; pictures are stretched to a square bilinearly, as Keras's image_dataset_from_directory does by default.
    progress
        Called with what is going on and the share done, 0 to 1.

    Raises
    ------
    DataError
        As :func:`catalogue`, and when the chosen classes are unknown or too small to be split.
    """
    collection = catalogue(spec, progress)
    are_files = isinstance(collection.pictures[0], os.PathLike)
    unknown = are_files and not durable.is_whole(_copies_file(collection))
    prepare(collection, {size, GROUP_SIZE} if unknown else {size}, progress)
    array = pixels(collection, size, progress)
    class_names = _chosen_classes(spec, collection)
    relabel = np.full(len(collection.class_names), -1)
    relabel[[collection.class_names.index(c) for c in class_names]] = np.arange(len(class_names))
    chosen = np.setdiff1d(np.flatnonzero(relabel[collection.labels] >= 0), collection.removed)
    same = _copies(collection, progress) if are_files else None
    parts = split_indices(collection, chosen, spec, same.groups if same and spec.group_duplicates else None)
    made = {name: _split(collection, array, rows, relabel, size) for name, rows in parts.items()}
    return Dataset(
        spec,
        size,
        collection.title,
        class_names,
        made["train"],
        made["validation"],
        made["test"],
        collection.rejected,
        collection.notes,
        same,
        _file_properties(collection) if are_files else None,
    )


def _chosen_classes(spec: DataSpec, collection: Collection) -> tuple[str, ...]:
    default = next(
        (s.default_classes for s in sources() if s.key == spec.source and s.default_classes), collection.class_names
    )
    chosen = default if spec.classes is None else spec.classes
    unknown = set(chosen) - set(collection.class_names)
    if unknown:
        raise DataError(
            f"There is no class {sorted(unknown)[0]!r} here; the classes are {', '.join(collection.class_names)}."
        )
    if len(set(chosen)) < 2:
        raise DataError("Choose at least two classes: with one there is nothing to tell apart.")
    return tuple(c for c in collection.class_names if c in chosen)


def _copies(collection: Collection, progress: Progress) -> Copies:
    """Return what is one picture, found out once a source, always at one size: the split must not depend on the size trained at."""
    kept = durable.read_json(_copies_file(collection))
    if kept is None:
        progress("Looking for copies", 0.0)
        small = pixels(collection, GROUP_SIZE, progress)
        found = find_copies(small, collection.names, collection.labels.tolist())
        kept = {"groups": found.groups.tolist(), "links": [[c.a, c.b, c.how] for c in found.links]}
        durable.offer_json(_copies_file(collection), kept)
    return Copies(np.array(kept["groups"], np.int64), tuple(Copy(*link) for link in kept["links"]))


def _file_properties(collection: Collection) -> np.ndarray:
    """Return what the files alone say of their pictures, looked at once a source."""
    at = paths.subdir("datasets") / "files" / f"{collection.key}-1.json"
    kept = durable.read_json(at)
    if kept is None:
        kept = file_properties.of([Path(picture) for picture in collection.pictures]).tolist()  # type: ignore[arg-type]
        durable.offer_json(at, kept)
    return np.array(kept, np.float32)


def _copies_file(collection: Collection) -> Path:
    return paths.subdir("datasets") / "groups" / f"{collection.key}-3.json"


def _split(collection: Collection, array: np.ndarray, rows: np.ndarray, relabel: np.ndarray, size: int) -> Split:
    fingerprint = hashlib.sha256(f"{collection.key}-{size}".encode() + rows.tobytes()).hexdigest()[:24]
    return Split(
        array,
        rows,
        relabel[collection.labels[rows]].astype(np.int64),
        tuple(collection.names[i] for i in rows),
        fingerprint,
    )
