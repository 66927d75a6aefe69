"""TensorBoard event files, read record by record without TensorFlow."""

import struct
from collections.abc import Iterator
from typing import Any

from core.errors import HistoryError
from core.histories.log import Log, guard

HEADER, FOOTER = (
    12,
    4,
)  # bytes around a record: its length (8) and that one's checksum (4) before, the checksum of its bytes after


def is_event_file(content: bytes, name: str) -> bool:
    """Return whether bytes are an event file, by name or by their first record."""
    return "tfevents" in name or b"brain.Event" in content[:200]


def read_events(content: bytes, name: str) -> Log:
    """Return a record a step with the scalars of an event file.

    TensorBoard's own accumulator would import TensorFlow, and its reader takes whatever memory a damaged length asks for.

    Raises
    ------
    HistoryError
        When the package tensorboard is not there.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError as error:
        raise HistoryError(
            "Reading TensorBoard files needs the package tensorboard. Export the scalars as CSV instead."
        ) from error
    records: dict[int, dict[str, float | str]] = {}
    for record in _records(content):
        try:
            event = Event.FromString(record)
        except Exception:  # DecodeError: the rest of a damaged file
            break
        for value in event.summary.value:
            number = _scalar(value)
            if number is not None:
                records.setdefault(event.step, {"step": float(event.step)})[value.tag] = number
        guard(len(records))
    return Log(list(records.values()), by_step=True, notes=_half(records, name), format="TensorBoard event file")


def _records(content: bytes) -> Iterator[bytes]:
    """Yield records until the end; a file that is still written, or damaged, ends earlier."""
    at = 0
    while at + HEADER <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        end = at + HEADER + length
        if end + FOOTER > len(content):
            return
        yield content[at + HEADER : end]
        at = end + FOOTER


def _scalar(value: Any) -> float | None:
    """Return the number of a summary value; None for pictures, histograms and tensors of any other size.

    The size is taken from the shape before anything is allocated: a shape of a hundred thousand by itself fits in 79 bytes.
    """
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    if value.WhichOneof("value") != "tensor":
        return None
    tensor = value.tensor
    if any(dim.size != 1 for dim in tensor.tensor_shape.dim) or len(tensor.tensor_content) > 16:
        return None
    from tensorboard.util.tensor_util import make_ndarray

    try:
        number = make_ndarray(tensor)
    except (ValueError, TypeError, KeyError):
        return None
    return float(number.item()) if number.size == 1 and number.dtype.kind in "fiu" else None


def _half(records: dict[int, dict], name: str) -> list[str]:
    """Return what to say of one half of a pair that Keras writes: the same tags in ``train/`` and in ``validation/``."""
    tags = {tag for record in records.values() for tag in record}
    if not {"epoch_loss", "epoch_accuracy", "epoch_acc"} & tags or any(
        "val" in t for t in tags if t.startswith("epoch_")
    ):
        return []
    lower = name.lower().replace("\\", "/")
    if "validation" in lower:
        return ["This is the validation half of a TensorBoard pair; the training half lies in the folder train/ beside it. Give both files, or a ZIP of the folder."]  # fmt: skip
    return ["This is probably the training half of a TensorBoard pair; Keras writes the validation half to the folder validation/ beside it. Give both files, or a ZIP of the folder."]  # fmt: skip
