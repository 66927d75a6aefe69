"""YAML: lists by name, or a list of epochs."""

import re
from functools import lru_cache
from typing import Any

from core.histories.formats.base import Example, Reader
from core.histories.formats.json_data import interpret
from core.histories.log import Log

LOOKS = re.compile(r"^[\w /.-]{1,60}:[ \t]*\n(?:[ \t]*- *[-+\d.]|[ \t]+[\w-]{1,60}:[ \t]*\n?)|^- [\w /.-]{1,60}: *\S", re.MULTILINE)  # fmt: skip
ALIAS = re.compile(r"^[^#\n\"']*(?:: |- )[&*]\w", re.MULTILINE)  # may stand for itself many times over
LONGEST = 500_000  # characters; it is read a hundred times more slowly than JSON


def recognises(text: str, name: str) -> bool:
    """Tell whether the text is YAML with lists or rows in it."""
    return _value(text) is not None


def read(text: str, name: str) -> Log:
    """Return what the value says; see :func:`core.histories.formats.json_data.interpret`."""
    return interpret(_value(text), name)


@lru_cache(maxsize=2)
def _value(text: str) -> Any:
    import yaml

    if len(text) > LONGEST or not LOOKS.search(text) or ALIAS.search(text):
        return None
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and interpret(value, "").records else None


READER = Reader(
    "YAML",
    "Lists by metric or a list of epochs, written as YAML.",
    recognises,
    read,
    (
        Example(
            "YAML, lists by name or a list of epochs",
            "train_loss:\n- 1.12\n- 0.83\nval_loss:\n- 1.05\n- 0.91\n",
            2,
            ("loss", "val_loss"),
            "history.yaml",
        ),
    ),
)
