"""What a reader is."""

from collections.abc import Callable
from dataclasses import dataclass

from core.histories.log import Log


@dataclass(frozen=True)
class Example:
    """What a format looks like: a file of a few lines, what writes it, and what it holds."""

    title: str
    text: str
    epochs: int
    columns: tuple[str, ...]
    name: str = "pasted"


@dataclass(frozen=True)
class Reader:
    """A format.

    Attributes
    ----------
    title
        Its name for people.
    about
        What is recognised and how it is read, in one sentence for people; shown on the page and in the document.
    recognises
        Whether a text (and file name) is of this format.
    read
        From text and file name to the records in it; a log without records passes it on to the next reader.
    examples
        What is shown on the page and in the document, and read in the tests.
    """

    title: str
    about: str
    recognises: Callable[[str, str], bool]
    read: Callable[[str, str], Log]
    examples: tuple[Example, ...] = ()
