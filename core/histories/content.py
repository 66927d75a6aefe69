"""From a file's bytes to text; what is no text is named, with the way out."""

import codecs
import pickletools
import re
from functools import lru_cache
from itertools import islice

from core.errors import HistoryError

LIMIT = 5_000_000  # bytes: a million figures, a hundred times what a long run has
MOST_LINES = 200_000
HEAD, UNREADABLE = 20_000, 0.03  # characters looked at, and the share of control characters that no text has
CONTROL = re.compile(r"[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f]")
SAVE_JSON = (
    "Save the numbers as JSON instead: `import json; json.dump({k: [float(x) for x in v] for k, v in history.history.items()}, "
    'open("history.json", "w"))`'
)
SAVE_LOADED = (
    "Where the file came from, load it and save the numbers as JSON: `import json, pickle; h = pickle.load(open({name!r}, \"rb\")); "
    'h = getattr(h, "history", h); json.dump({{k: [float(x) for x in v] for k, v in h.items()}}, open("history.json", "w"))`'
)  # fmt: skip
SIGNATURES = (
    (b"\x89HDF", "an HDF5 file (.h5): a saved Keras model or weights; the curves are not in it", "fit"),
    (b"\x93NUMPY", "a NumPy array (.npy)", "numpy"),
    (b"\x89PNG", "a picture (PNG); curves are read from numbers, not from their picture", "numbers"),
    (b"\xff\xd8\xff", "a picture (JPEG); curves are read from numbers, not from their picture", "numbers"),
    (b"%PDF", "a PDF", "numbers"),
    (b"GIF8", "a picture (GIF); curves are read from numbers, not from their picture", "numbers"),
    (b"\x1f\x8b", "a gzip archive", "unpack"),
    (b"BZh", "a bzip2 archive", "unpack"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack"),
    (b"Rar!", "a RAR archive", "unpack"),
    (b"\xfd7zXZ", "an xz archive", "unpack"),
    (b"SQLite format 3", "an SQLite database", "export"),
    (b"MATLAB 5.0 MAT", "a MATLAB .mat file", "matlab"),
    (b"PAR1", "a Parquet file", "csv"),
    (b"ARROW1", "an Arrow file", "csv"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)", "csv"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack"),
)  # fmt: skip
WAYS_OUT = {
    "fit": f"Give what fit returned. {SAVE_JSON}",
    "numpy": 'Save it as text with the names of its columns: `numpy.savetxt("history.csv", a, delimiter=",", header="loss,val_loss", comments="")`.',
    "numbers": "Give the table or the text that it was drawn from.",
    "unpack": "Unpack it, or pack the files as a ZIP.",
    "export": "Export the metrics as CSV or JSON.",
    "matlab": "Write the table as CSV: `writetable(struct2table(structfun(@(x) x(:), info, 'UniformOutput', false)), 'info.csv')`.",
    "csv": "Save it as CSV.",
}


def check_size(content: bytes | str, name: str) -> None:
    """Refuse what is larger than any history.

    Raises
    ------
    HistoryError
        Above 5 MB.
    """
    if len(content) > LIMIT:
        raise HistoryError(
            f"{name} has {len(content) / 1e6:.1f} MB; a history is read up to {LIMIT / 1e6:.0f} MB. Give one row an epoch instead of one a step."
        )


def to_text(content: bytes | str, name: str) -> str:
    """Return a file as text, with one kind of line end.

    Raises
    ------
    HistoryError
        When it is empty, or no text; pickles are never opened, since opening one runs what it says.
    """
    if isinstance(content, bytes):
        refuse_binary(content, name)
        content = _decoded(content)
    if len(CONTROL.findall(content[:HEAD])) > UNREADABLE * len(content[:HEAD]):
        raise HistoryError(f"{name} is no text: it is full of control characters. Give CSV with a header line, JSON, or what the training loop printed.")  # fmt: skip
    text = content.removeprefix("\ufeff").replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\x00", "")
    if not text.strip():
        raise HistoryError("The file is empty. Give a training history with one row an epoch.")
    if text.count("\n") + text.count("\r") > MOST_LINES:
        raise HistoryError(f"{name} has more than {MOST_LINES:,} lines. Give one row an epoch instead of one a step.")
    return text


def refuse_binary(content: bytes, name: str) -> None:
    """Refuse pickles, weights, pictures and archives, each with the line that gives what can be read."""
    if is_pickle(content):
        raise HistoryError(f"{name} is a Python pickle, which is not opened: opening one runs whatever it says. {SAVE_LOADED.format(name=name)}")  # fmt: skip
    for signature, what, way in SIGNATURES:
        if content.startswith(signature):
            raise HistoryError(f"{name} is {what}. {WAYS_OUT[way]}")


def is_pickle(content: bytes) -> bool:
    """Return whether bytes are a pickle of any protocol; its instructions are listed, never followed."""
    if content[:1] == b"\x80" and content[1:2] <= b"\x05":
        return True
    if not content.rstrip(b"\n").endswith(b"."):
        return False
    try:  # protocols 0 and 1 have no signature
        return sum(1 for _ in islice(pickletools.genops(content), 8)) > 3
    except ValueError:
        return False


def _decoded(content: bytes) -> str:
    """Decode by the byte order mark, then as UTF-16 where every other byte is zero, then as UTF-8, then as Windows-1252."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF32_BE, "utf-32")):  # fmt: skip
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    head = content[:400]
    if head.count(0) > len(head) // 4:
        return content.decode(
            "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be", errors="replace"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


@lru_cache(maxsize=1)
def without_control(text: str) -> str:
    """Return text without colours and cursor movements; what a progress bar wrote over is on lines of its own."""
    text = re.sub(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\x1b[()][A-Z0-9]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)", "", text)
    text = re.sub(r"(?<![A-Za-z0-9])\[\d{1,2}(?:;\d{1,2}){0,3}m", "", text)  # colours whose escape was lost in pasting
    return re.sub(r"[\r\x08]+", "\n", text)
