"""A name and a list of figures on each line."""

import re
from functools import lru_cache

from core.histories.formats.base import Example, Reader
from core.histories.formats.literal import numbers
from core.histories.lists import from_lists
from core.histories.log import Log
from core.histories.names import parse

LIST = re.compile(r"([A-Za-z_][\w /.@-]{0,60}?)['\"]?\s{0,5}(?::|=|\+=)?\s{0,5}(?:np\.|numpy\.|torch\.)?(?:array|asarray|tensor)?\(?\s{0,5}[\[(]([^\[\]]{1,1000000})[\])]")  # fmt: skip

LISTED = re.compile(
    r"[\[(]\s{0,5}[^\[\](),\s]{0,20}[\[(]?\s{0,5}[-+]?[\d.]{1,30}[^\[\](,\s]{0,20}\)?(?:\s{0,5},|\s{1,5})\s{0,5}[^\[\](),\s]{0,20}\(?[-+]?[\d.]"
)  # two figures in brackets
APART = re.compile(r"\s{3}|\t")  # names of columns, not one name


def recognises(text: str, _name: str) -> bool:
    """Tell whether there is a loss with a list behind it: ``val_loss = [0.9, 0.7]``."""
    return bool(LISTED.search(text)) and any(
        parse(n).quantity in ("loss", "accuracy", "error") and len(v) > 1 for n, v in _lists(text).items()
    )


def read(text: str, _name: str) -> Log:
    """Return the lists side by side; how shorter ones are placed is said in :mod:`core.histories.lists`."""
    return from_lists(dict(_lists(text)))


@lru_cache(maxsize=1)
def _lists(text: str) -> dict[str, list]:
    return {
        name.strip(): found for name, body in LIST.findall(text) if not APART.search(name) and (found := numbers(body))
    }


READER = Reader(
    "Lists by name",
    "Several lists, each behind its name: printed, or copied from the Python code that plots them.",
    recognises,
    read,
    (
        Example(
            "Lists by name, as printed or as Python code",
            "train_losses = [1.12, 0.83, 0.64]\nval_losses = [1.05, 0.91, 0.86]\ntrain_accs: [0.48, 0.66, 0.75]\nval_accs: [0.51, 0.60, 0.63]\n",
            3,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
        ),
    ),
)
