"""Which picture a table or a list means: by any end of its path, with or without its ending, wherever the paths of the table began."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from core.data.layout.words import split_of, tokens

ENDING = re.compile(r"\.(jpe?g|jpe|png|webp|bmp|gif|tiff?|avif|hei[cf])$")


class Mentions:
    """Finds pictures by what a table calls them.

    Parameters
    ----------
    table
        Path of the table; where it names a split, pictures of other splits are not meant.
    pictures
        Paths of the pictures.
    """

    def __init__(self, table: str, pictures: Sequence[str]) -> None:
        self.splits = [_split_of_path(PurePosixPath(name).parts[:-1]) for name in pictures]
        self.keys: dict[str, list[int]] = defaultdict(list)
        wanted = _split_in(table)
        for i, name in enumerate(pictures):
            if not _differ(wanted, self.splits[i]):
                parts = _key(name).split("/")
                for start in range(len(parts)):
                    self.keys["/".join(parts[start:])].append(i)
        self.n = len({i for found in self.keys.values() for i in found})

    def find(self, cell: str) -> list[int]:
        """Return the pictures that a cell may mean; folders at its start that are not here are passed over, as those of another computer."""
        parts = _key(cell).split("/")
        for start in range(len(parts)):
            if found := self.keys.get("/".join(parts[start:])):
                split = _split_of_path(parts[:start])
                return [i for i in found if not _differ(split, self.splits[i])]
        return []


def _key(cell: str) -> str:
    return ENDING.sub("", cell.strip().strip("\"'").replace("\\", "/").casefold()).removeprefix("./")


def _split_of_path(parts: Sequence[str]) -> str | None:
    return next((s for part in reversed(parts) if (s := split_of(part))), None)


def _differ(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


def _split_in(table: str) -> str | None:
    path = PurePosixPath(table)
    said = [split_of(t) for t in tokens(path.stem)] + [split_of(part) for part in reversed(path.parts[:-1])]
    return next((s for s in said if s and s != "unlabelled"), None)
