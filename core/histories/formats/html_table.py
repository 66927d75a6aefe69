"""A table of a web page or a notebook."""

from html.parser import HTMLParser

from core.histories.formats import table
from core.histories.formats.base import Reader
from core.histories.log import Log


class _Cells(HTMLParser):
    """Collects the rows of all tables."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Begin a row or a cell."""
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th") or (self.inside and tag not in ("tr", "table"))
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in ("td", "th", "tr"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        """Add to the open cell."""
        if self.inside and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def recognises(text: str, _name: str) -> bool:
    """Tell whether there is an HTML table."""
    lower = text[:2_000_000].lower()
    return "<table" in lower and "</td>" in lower


def read(text: str, name: str) -> Log:
    """Return a record a row of the tables, read as :mod:`core.histories.formats.table` does."""
    cells = _Cells()
    cells.feed(text)
    lines = ("\t".join(" ".join(c.split()) for c in row) for row in cells.rows if row)
    return table.read("\n".join(lines), name)


READER = Reader(
    "HTML table",
    "A table in a web page, as Hugging Face and fastai show in notebooks, or a page saved from a browser.",
    recognises,
    read,
)
