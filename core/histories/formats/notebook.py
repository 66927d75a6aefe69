"""A Jupyter notebook: what its cells have printed."""

import json
from collections.abc import Iterator

from core.errors import HistoryError
from core.histories.formats.base import Reader
from core.histories.log import Log


def recognises(text: str, name: str) -> bool:
    """Tell whether the text is a notebook."""
    return text.lstrip().startswith("{") and '"nbformat"' in text and '"cells"' in text


def read(text: str, name: str) -> Log:
    """Return the records of the cell that printed most.

    Raises
    ------
    HistoryError
        When no cell has printed a history.
    """
    from core.histories.formats import READERS

    best = Log([])
    for printed in _outputs(json.loads(text)):
        for reader in READERS[1:]:
            log = reader.read(printed, name) if reader.recognises(printed, name) else Log([])
            if log.records:
                best = max(best, log, key=lambda x: len(x.records))
                break
    if not best.records:
        raise HistoryError(
            "No cell of this notebook has printed a training history. Run it and save it with its outputs."
        )
    best.notes.append("Read from what the notebook's cells have printed.")
    return best


def _outputs(notebook: dict) -> Iterator[str]:
    for cell in notebook.get("cells", []):
        streams = ""
        for output in cell.get("outputs", []) if isinstance(cell, dict) else []:
            data = output.get("data", {})
            streams += _text(output.get("text", ""))
            yield from (found for kind in ("text/html", "text/plain") if (found := _text(data.get(kind, ""))))
        if streams:
            yield streams


def _text(lines: object) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")


READER = Reader(
    "Jupyter notebook with its outputs",
    "A saved notebook (.ipynb): what its cells printed is read like any other output; of several trainings the cell that printed most counts.",
    recognises,
    read,
)
