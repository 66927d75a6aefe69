"""The curves that the page Learn shows: real runs of the demonstrations, kept with the code (``tools/lessons.py`` writes them)."""

import json
from functools import cache
from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("lessons.json")
RUNS = {  # what it shows: the demonstration, and which of its runs
    "two training curves": ("few-images", 1),
    "underfitting": ("capacity", 0),
    "overfitting": ("few-images", 0),
    "early stopping": ("too-long", 0),
    "batchnorm": ("batchnorm", 0),
}


@cache
def curves() -> dict[str, pd.DataFrame]:
    """Return the curves of each of :data:`RUNS`, a row an epoch."""
    return {name: pd.DataFrame(table) for name, table in json.loads(FILE.read_text())["curves"].items()}
