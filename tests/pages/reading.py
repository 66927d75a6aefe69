"""What a reader reads of a page."""

import re


def unlinked(markdown: str) -> str:
    """Return a text without the links to words of the glossary."""
    return re.sub(r'\[([^\]]+)\]\(learn\?word=[^"]+"[^"]*"\)', r"\1", markdown)
