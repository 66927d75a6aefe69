"""Write docs/histories.md from the readers: ``python -m tools.history_formats``."""

from pathlib import Path

from core.histories import READERS
from core.histories.content import LIMIT

PAGE = Path(__file__).resolve().parents[1] / "docs" / "histories.md"
HEAD = f"""# Histories that can be read

Generated from the readers in `core/histories/formats/`, in the order in which they are tried; each example is read in the tests.
Dropped as a file, pasted as text, several at once or in a ZIP; up to {LIMIT // 1_000_000} MB each. Beside these: TensorBoard event files (`train/` and
`validation/` together), and notebooks with their outputs. Pickles and checkpoints are never opened; the refusal says what to save instead.

What is read is said: which column as what, what was not used, what was left out as no epoch. A figure that is not there was *not measured*; NaN is
*measured as NaN*. Epochs are called what the file calls them; where they start again another stage begins. Columns can be corrected by hand.
"""


def page() -> str:
    """Return the document."""
    parts = [HEAD]
    for reader in READERS:
        parts.append(f"## {reader.title}\n\n{reader.about}\n")
        parts += [f"{example.title}:\n\n```text\n{example.text.rstrip()}\n```\n" for example in reader.examples]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
