"""Images for workers on other machines, sent once a data set."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

from core import data
from core.engine.link import Link
from core.experiment import Experiment

SEND_SECONDS = 300.0
SHARED_VARIABLE = "THAW_SHARED_DATA"


class Images:
    """Sends images along a connection and remembers what is there."""

    def __init__(self, link: Link):
        self._link = link
        self._sent: dict[str, Any] = {}

    def of(self, experiment: Experiment) -> Any:
        """Return what a worker unpacks; None where it has the images itself, because it makes them or shares the data directory.

        Raises
        ------
        DataError
            When the images cannot be read here.
        """
        kind = experiment.data.source.partition(":")[0]
        if self._link.ours or kind in {"builtin", "drawn"} or os.environ.get(SHARED_VARIABLE) == "1":
            return None
        collection = data.catalogue(experiment.data)
        if collection.key not in self._sent:
            client, content = self._link.client, packed(collection)
            sent = self._link.within(SEND_SECONDS, lambda: client.scatter(content, hash=True, broadcast=False))
            self._sent[collection.key] = sent
        return self._sent[collection.key]

    def forget(self) -> None:
        """Send all anew: the worker that kept them may be gone."""
        self._sent.clear()


def packed(collection: data.Collection) -> bytes:
    """Return a collection of files as a ZIP with a folder a class (in a folder a split, where it came with one), the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, picture in zip(collection.names, collection.pictures, strict=True):
            if isinstance(picture, Path):
                archive.writestr(zipfile.ZipInfo(name), picture.read_bytes())
    return buffer.getvalue()
