"""From a listing of files to a collection: a folder a class in whatever arrangement, each file checked once."""

import os
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from core import durable, paths
from core.data.collection import Collection, HealthNote, Progress, Rejected, no_progress
from core.data.decode import MAX_PIXELS, UnusableImage, check_file, header
from core.data.layout import Layout, understand
from core.data.listing import Listing, of_folder, texts
from core.errors import DataError
from core.experiment import FolderRole

Roles = tuple[tuple[str, FolderRole], ...]
MAX_CLASSES = 500
MAX_JPEG_PIXELS, MAX_OTHER_PIXELS = 40_000_000_000, 8_000_000_000
MIN_PER_CLASS = 3
LISTED = 5


def below_root(relative: str) -> Path:
    """Return a folder below the configured root.

    Raises
    ------
    DataError
        When no root is configured, or the path leaves it or does not exist.
    """
    root = paths.server_root()
    if root is None:
        raise DataError(
            f"No folder on the server is open to this page. Set {paths.ROOT_VARIABLE} to one, or upload a ZIP."
        )
    try:
        folder = (root / relative).resolve()
    except ValueError as error:  # a zero byte in the name
        raise DataError(f"{relative!r} is no name of a folder. Check the spelling.") from error
    if not folder.is_relative_to(root):
        raise DataError(
            f"The folder {relative!r} lies outside the folder that is open to this page. Choose one below it."
        )
    if not folder.is_dir():
        raise DataError(f"There is no folder {relative!r}. Check the spelling.")
    return folder


def read_folder(folder: Path, title: str, progress: Progress = no_progress) -> Collection:
    """Return the usable pictures below ``folder``; errors as for :func:`read`.

    Raises
    ------
    DataError
        Also when the folder is missing.
    """
    return read(of_folder(existing(folder)), title, progress)


def existing(folder: Path) -> Path:
    """Return the folder.

    Raises
    ------
    DataError
        When it is missing.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder.name!r}. Give a folder that holds one folder a class.")
    return folder


def read(listing: Listing, title: str, progress: Progress = no_progress, roles: Roles = ()) -> Collection:
    """Return the usable pictures of a listing, each checked by decoding it; the outcome is kept until a file changes.

    Parameters
    ----------
    listing
        Files by name.
    title
        What people call the set.
    progress
        Called with what is going on and the share done.
    roles
        What a person said of folders: pairs of path and role.

    Raises
    ------
    DataError
        When nothing has a label, there are fewer than 2 classes or over 500, a class has 1 or 2 usable images, or the set was made for
        something else than classes of pictures.
    """
    layout = understood(listing, roles)
    if layout.refusal:
        raise DataError(layout.refusal)
    _refuse_too_many(layout)
    labelled = [name for name, place in zip(listing.files, layout.places, strict=True) if place.label]
    return _collection(listing, layout, _checked(listing, labelled, progress), title)


def understood(listing: Listing, roles: Roles = ()) -> Layout:
    """Return what the names and tables of a listing mean, with the roles that a person gave to folders."""
    kept = _layouts(listing.key, tuple(roles))
    if not kept:
        kept.append(understand(list(listing.files), texts=texts(listing), roles=dict(roles), empty=listing.empty))
    return kept[0]


@lru_cache(maxsize=16)
def _layouts(_key: str, _roles: Roles) -> list[Layout]:
    """Return a place for the layout of a listing, the same one for the same listing and roles."""
    return []


def _checked(listing: Listing, names: list[str], progress: Progress) -> dict[str, list[int] | str]:
    """Return width and height, or the reason why it cannot be used, of each file; those not looked at before are decoded once."""
    index = paths.subdir("datasets") / "index" / f"{listing.key}.json"
    known: dict[str, list[int] | str] = durable.read_json(index) or {}
    new = [name for name in names if name not in known]
    if not new:
        return known

    def look(name: str) -> list[int] | str:
        try:
            return list(check_file(listing.files[name]))
        except UnusableImage as error:
            return str(error)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        _refuse_many_pixels(list(pool.map(header, (listing.files[name] for name in new))))
        for i, (name, found) in enumerate(zip(new, pool.map(look, new), strict=True)):
            if i % 32 == 0:
                progress(f"Checking images: {i + 1} of {len(new)}", (i + 1) / len(new))
            known[name] = found
    durable.offer_json(index, known)
    return known


def _refuse_many_pixels(headers: list[tuple[str, int]]) -> None:
    """Refuse what would take more than about ten minutes to decode, before a pixel is."""
    for jpeg, limit in ((True, MAX_JPEG_PIXELS), (False, MAX_OTHER_PIXELS)):
        total = sum(n for kind, n in headers if (kind in {"JPEG", "MPO"}) == jpeg and n <= MAX_PIXELS)
        if total > limit:
            raise DataError(
                f"The pictures have {total / 1e9:,.0f} thousand million pixels together; the limit is {limit / 1e9:.0f}. Save them smaller: the network "
                "looks at 224 × 224 pixels at most."
            )


def _collection(listing: Listing, layout: Layout, checked: dict[str, list[int] | str], title: str) -> Collection:
    usable, rejected, lost = [], [], defaultdict(list)
    for name, place in zip(listing.files, layout.places, strict=True):
        found = checked.get(name, "")
        if place.label and not isinstance(found, str):
            usable.append((name, place))
        else:
            why = found if place.label and isinstance(found, str) else place.why
            rejected.append(Rejected(name, why))
            if place.label:
                lost[place.label].append((name, why))
    counts = Counter(place.label for _, place in usable)
    gone = {label: files for label, files in lost.items() if not counts[label]}
    _refuse_too_few(counts, gone, rejected)
    class_names = tuple(sorted(label for label in counts if label))
    positions = {name: i for i, name in enumerate(class_names)}
    return Collection(
        listing.key,
        title,
        class_names,
        tuple(name for name, _ in usable),
        np.array([positions[place.label or ""] for _, place in usable], np.int64),
        tuple(place.split for _, place in usable),
        tuple(listing.files[name] for name, _ in usable),
        tuple(rejected),
        (*(_lost_class(label, files) for label, files in gone.items()), *layout.notes),
    )


def _lost_class(label: str, files: list[tuple[str, str]]) -> HealthNote:
    why = Counter(reason for _, reason in files).most_common(1)[0][0]
    text = (
        f"None of the {len(files)} pictures of {label!r} can be used, so it is no class here: {files[0][0]} {why}. "
        "Save them as JPEG or PNG and upload again, or train without this class."
    )
    return HealthNote(
        "lost_class",
        "problem",
        f"The class {label!r} lost {'its picture' if len(files) == 1 else f'all {len(files)} pictures'}",
        text,
        tuple(n for n, _ in files),
    )


def _refuse_too_many(layout: Layout) -> None:
    counts = Counter(place.label for place in layout.places if place.label)
    if len(counts) > MAX_CLASSES:
        raise DataError(
            f"There are {len(counts):,} classes here ({sorted(counts)[0]!r}, {sorted(counts)[1]!r} …); the limit is {MAX_CLASSES}. If each picture lies in "
            "a folder of its own, put the pictures of one kind into one folder; otherwise take a part of the classes."
        )


def _refuse_too_few(counts: Counter, gone: dict, rejected: list[Rejected]) -> None:
    if not counts:
        first = f" For example, {rejected[0].name} {rejected[0].reason}." if rejected else ""
        raise DataError(
            f"None of the files is a usable image in a class folder.{first} Put one folder a class, with images inside."
        )
    if len(counts) < 2:
        lost = "".join(
            f" {label!r} lost {'its picture' if len(files) == 1 else f'all {len(files)} pictures'}: {files[0][0]} {files[0][1]}."
            for label, files in gone.items()
        )
        raise DataError(
            f"There is only one class, {next(iter(counts))!r}.{lost} Put one folder a class, at least two, each with at least {MIN_PER_CLASS} images."
        )
    few = {c: n for c, n in sorted(counts.items()) if n < MIN_PER_CLASS}
    if few:
        more = f" and {len(few) - LISTED} others of the {len(counts)} classes have too few" if len(few) > LISTED else ""
        listed = ", ".join(f"{c!r} has {n}" for c, n in list(few.items())[:LISTED]) + more
        raise DataError(
            f"A class needs at least {MIN_PER_CLASS} usable images: {listed}. Add images or remove the folder."
        )
