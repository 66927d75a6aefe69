"""Training histories made elsewhere: a small reader a format, one way to name what was read."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from core.errors import HistoryError
from core.histories import difference
from core.histories.assemble import assemble
from core.histories.content import check_size, to_text
from core.histories.formats import READERS
from core.histories.log import Log
from core.histories.recognise import TARGETS
from core.histories.runs import apart
from core.histories.several import Part, is_zip, joined, unpacked
from core.histories.tensorboard import is_event_file, read_events
from core.histories.tidy import tidy

__all__ = ["READERS", "TARGETS", "difference", "read_histories", "read_history", "read_history_file"]


def read_history(content: bytes | str, name: str = "history", roles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return a history with columns ``epoch``, ``loss``, ``val_loss``, ``accuracy`` and ``val_accuracy``, as far as they are there.

    Takes every format of :data:`READERS`, TensorBoard event files, and a ZIP of files that belong together. Accuracies are shares. NaN in a row means
    not measured there, except in the rows that ``attrs["not_finite"]`` lists.

    Parameters
    ----------
    content
        The file's bytes, or pasted text; up to 5 MB.
    name
        File name: for its ending, and for what it says of the curves in it.
    roles
        Corrections by hand: one of :data:`TARGETS` → a column of the file, "" for none.

    Returns
    -------
    DataFrame
        Its ``attrs`` say how it was read: ``format``, ``sources`` (ours → the file's), ``unrecognised`` and ``columns`` (names of the file), ``notes``
        (sentences), ``stages`` (first row of each), ``epoch_names`` (what the file calls each row), ``begins_late``, ``not_finite`` (rows measured as NaN or
        infinite, by column), ``known`` (numbers of images).

    Raises
    ------
    HistoryError
        When the content is no history, or one that is not opened, with the way out.
    """
    (first, frame), *others = read_histories([(content, name)], roles)
    if others:
        frame.attrs["notes"].append(f"There are {len(others) + 1} histories in {name}; only the first was read, “{first}”.")  # fmt: skip
    return frame


def read_histories(
    files: Sequence[tuple[bytes | str, str]], roles: Mapping[str, str] | None = None
) -> list[tuple[str, pd.DataFrame]]:
    """Return the histories in several files with their names; files that each hold a part of one are read as one.

    Parameters
    ----------
    files
        Content and name of each.
    roles
        As for :func:`read_history`.

    Raises
    ------
    HistoryError
        As :func:`read_history`; of several files those that hold nothing are passed over as long as one can be read.
    """
    parts, refused = _parts(files)
    found: list[tuple[str, pd.DataFrame]] = []
    for part in (run for whole in joined(parts) for run in _runs(whole)):
        try:
            found.append((part.name, _framed(part, roles)))
        except HistoryError as error:
            refused.append(error)
    if not found:
        raise refused[0] if refused else HistoryError("There is no file. Give a training history.")
    for _, frame in found:
        frame.attrs["notes"] += [f"Left out: {error}" for error in refused]
    return found


def read_history_file(path: Path) -> pd.DataFrame:
    """Return the history in a file; see :func:`read_history`."""
    if not path.is_file():
        raise HistoryError(f"There is no file {path.name!r}. Give the path of a CSV or JSON file.")
    return read_history(path.read_bytes(), path.name)


def _parts(files: Sequence[tuple[bytes | str, str]]) -> tuple[list[Part], list[HistoryError]]:
    """Return what could be read of each file, and the refusals."""
    parts, refused = [], []
    for content, name in _with_members(files):
        try:
            parts.append(Part(name, _log(content, name)))
        except HistoryError as error:
            refused.append(error)
    return parts, refused


def _with_members(files: Sequence[tuple[bytes | str, str]]) -> list[tuple[bytes | str, str]]:
    out: list[tuple[bytes | str, str]] = []
    for content, name in files:
        check_size(content, name)
        if is_zip(content):
            members = unpacked(content, name)  # type: ignore[arg-type]
            if not members:
                raise HistoryError(f"{name} is empty. Pack the files of one history.")
            out += members
        else:
            out.append((content, name))
    return out


def _log(content: bytes | str, name: str) -> Log:
    """Return the records of one file, from the first reader that recognises it.

    Raises
    ------
    HistoryError
        When none does.
    """
    if isinstance(content, bytes) and is_event_file(content, name):
        return read_events(content, name)
    text = to_text(content, name)
    for reader in READERS:
        if reader.recognises(text, name):
            try:
                log = reader.read(text, name)
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
                raise HistoryError(
                    f"{name} looks like {reader.title} but could not be read ({_first_line(error)}). Give CSV with a header line, or JSON."
                ) from error
            if log.records:
                log.format = reader.title
                return log
    raise HistoryError(_what_is_missing(text, name))


def _runs(part: Part) -> list[Part]:
    """Return each run of a part under a name of its own."""
    return [Part(f"{part.name}: {run}" if run else part.name, log) for run, log in apart(part.log)]


def _framed(part: Part, roles: Mapping[str, str] | None) -> pd.DataFrame:
    frame = assemble(tidy(part.log), roles)
    frame.attrs["format"] = part.log.format
    return frame


def _what_is_missing(text: str, name: str) -> str:
    """Return why a text is no history, as far as can be told."""
    start = text.lstrip()
    if re.match(r"\{|\[\s*(?:[\[{\"'\]]|[-+.\d]+\s*,\s)", start):
        return f"{name} could not be read as a training history (it begins like JSON but holds no lists or rows of figures with a loss, or breaks off). Give CSV with a header line, or JSON."
    first = start.splitlines()[0][:80]
    return f"No loss was found in {name}; it begins with “{first}”. Name the columns loss and val_loss, one row an epoch, or paste what the training loop printed."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
