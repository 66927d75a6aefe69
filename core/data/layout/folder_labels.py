"""Labels that a table gives to whole folders, one a person or a case: ``patient_012,benign`` beside ``patient_012/1.png``."""

from collections.abc import Iterable, Mapping

from core.data.layout import tables

FEWEST = 4  # folders: fewer, and a table that repeats a label cannot be told from one that names the classes


def read(folders: Iterable[str], texts: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the class of each folder, and a sentence about the table; nothing where the folders are classes themselves.

    Parameters
    ----------
    folders
        Names of the folders that hold the pictures.
    texts
        Contents of the files that may be tables, by path.

    Notes
    -----
    Only folders whose names hold a number are looked up: a table of kinds beside folders called by words may as well say to which
    larger group each class belongs.
    """
    names = sorted(set(folders))
    if len(names) < FEWEST or not all(any(c.isdigit() for c in name) for name in names):
        return {}, ""
    found = tables.read(texts, names)
    if len(found.labels) < tables.MATCHED * len(names):
        return {}, ""
    return {names[i]: label for i, (label, _) in found.labels.items()}, found.said
