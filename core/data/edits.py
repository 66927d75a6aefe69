"""Edits of a data set: another class for a picture, a picture left out or added, a folder read in another way.

An edit is a value (:class:`core.experiment.DataEdits`) inside ``DataSpec``: it travels with the Experiment, is part of its identity, and
whoever undoes a change of the Experiment undoes the edit. Functions here return a new value and change nothing else.

Example
-------
::

    spec = DataSpec(source="upload:…")
    spec = spec.replace(edits=relabel(spec.edits, ["cat/7.jpg"], "dog"))        # filed wrongly
    spec = spec.replace(edits=keep(spec.edits, picture, "cat"))                 # a picture that was tried, now one of the class
    dataset = data.load(spec, 96)                                               # both are in it
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core import durable, paths
from core.data.collection import Collection
from core.errors import DataError
from core.experiment import AddedPicture, DataEdits, FolderRole, SplitName

MAX_CLASS_NAME = 100  # letters


def relabel(edits: DataEdits, names: Iterable[str], label: str) -> DataEdits:
    """Return the edits with these pictures in the class ``label``, which may be a new one; pictures that were left out come back.

    Raises
    ------
    DataError
        When the class has no name or one of over 100 letters.
    """
    names, label = set(names), class_name(label)
    labels = {**dict(edits.labels), **dict.fromkeys(names, label)}
    return edits.replace(labels=_sorted(labels), removed=tuple(n for n in edits.removed if n not in names))


def remove(edits: DataEdits, names: Iterable[str]) -> DataEdits:
    """Return the edits with these pictures left out of every split."""
    names = set(names)
    labels = {n: c for n, c in edits.labels if n not in names}
    return edits.replace(labels=_sorted(labels), removed=tuple(sorted({*edits.removed, *names})))


def restore(edits: DataEdits, names: Iterable[str]) -> DataEdits:
    """Return the edits without those of these pictures: they are again what the source says."""
    names = set(names)
    return edits.replace(
        labels=tuple(pair for pair in edits.labels if pair[0] not in names),
        removed=tuple(n for n in edits.removed if n not in names),
        added=tuple(a for a in edits.added if added_name(a) not in names),
    )


def keep(edits: DataEdits, picture: np.ndarray, label: str, split: SplitName | None = None) -> DataEdits:
    """Keep a picture on disk and return the edits with it in the class ``label``.

    Parameters
    ----------
    edits
        What was changed so far.
    picture
        uint8 RGB of shape (height, width, 3), as :func:`core.data.decode.read_picture` gives it without a size.
    label
        A class of the data set, or a new one.
    split
        The part it goes to; None deals it as the other images are dealt.

    Raises
    ------
    DataError
        As :func:`relabel`, and when the disk is full.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    added = AddedPicture(file=digest, label=class_name(label), split=split)
    _write(_file(added), buffer.getvalue())
    return edits.replace(added=(*(a for a in edits.added if a.file != digest), added))


def set_role(edits: DataEdits, folder: str, role: FolderRole | None) -> DataEdits:
    """Return the edits with a folder taken as a class, a split, a folder to look through or one to leave out; None: as understood."""
    folders = {path: was for path, was in edits.folders if path != folder}
    return edits.replace(folders=_sorted(folders | ({folder: role} if role else {})))


def describe(edits: DataEdits) -> list[str]:
    """Return a line an edit, for people."""
    roles = {"through": "looked through", "class": "a class", "out": "left out"}
    return [
        *(f"{name}: moved to {label!r}" for name, label in edits.labels),
        *(f"{name}: left out" for name in edits.removed),
        *(f"{added_name(a)}: added to {a.label!r}" for a in edits.added),
        *(f"{path}/: {roles.get(role, f'the {role} split')}" for path, role in edits.folders),
    ]


def class_name(label: str) -> str:
    """Return a class name without blanks around it.

    Raises
    ------
    DataError
        When nothing is left, or over 100 letters are.
    """
    label = " ".join(label.split())
    if not label:
        raise DataError("A class needs a name. Write one, for example “cat”.")
    if len(label) > MAX_CLASS_NAME:
        raise DataError(f"The class name has {len(label)} letters; the limit is {MAX_CLASS_NAME}. Shorten it.")
    return label


def added_name(added: AddedPicture) -> str:
    """Return the name under which an added picture is shown."""
    return f"added/{added.file[:12]}.png"


def apply(collection: Collection, edits: DataEdits) -> Collection:
    """Return the collection as a person changed it; its key changes only where its pictures do. Names it does not have are passed over.

    Raises
    ------
    DataError
        When an added picture is not on this server any more.
    """
    rows = {name: row for row, name in enumerate(collection.names)}
    labels = [collection.class_names[label] for label in collection.labels]
    for name, label in edits.labels:
        if name in rows:
            labels[rows[name]] = label
    removed = tuple(sorted({rows[name] for name in edits.removed if name in rows}))
    left = {label for row, label in enumerate(labels) if row not in set(removed)} | {a.label for a in edits.added}
    class_names = _in_order(left, collection.class_names)
    labels += [a.label for a in edits.added]
    positions = {name: i for i, name in enumerate(class_names)}
    return replace(
        collection,
        key=_key(collection.key, edits.added),
        class_names=class_names,
        names=(*collection.names, *(added_name(a) for a in edits.added)),
        labels=np.array([positions.get(label, 0) for label in labels], np.int64),
        given=(*collection.given, *(a.split for a in edits.added)),
        pictures=(*collection.pictures, *(_known_file(a) for a in edits.added)),
        removed=removed,
        added=len(edits.added),
    )


def _in_order(labels: set[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the order that the source gives its classes; new ones follow, unless all are sorted anyway."""
    ordered = [c for c in known if c in labels] + sorted(labels - set(known))
    return tuple(sorted(ordered)) if list(known) == sorted(known) else tuple(ordered)


def _key(key: str, added: tuple[AddedPicture, ...]) -> str:
    if not added:
        return key
    return hashlib.sha256("|".join([key, *(a.file for a in added)]).encode()).hexdigest()[:24]


def _file(added: AddedPicture) -> Path:
    return paths.subdir("datasets") / "added" / f"{added.file}.png"


def _known_file(added: AddedPicture) -> Path:
    if not _file(added).is_file():
        raise DataError(
            f"The picture {added_name(added)}, added to {added.label!r}, is not on this server. Take its edit back on the Data page."
        )
    return _file(added)


def _write(target: Path, content: bytes) -> None:
    try:
        durable.write(target, lambda partial: partial.write_bytes(content))
    except OSError as error:
        raise DataError(f"The picture could not be kept on disk ({error}). Free some space and try again.") from error


def _sorted(pairs: dict) -> tuple:
    return tuple(sorted(pairs.items()))
