"""What a rule is: a bad pattern with a code, a page, and a function that looks for it in the evidence."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from core.diagnosis.evidence import Evidence
from core.diagnosis.report import Finding

SECTIONS = ("What it looks like", "Why it happens", "Evidence", "What to try", "References")


@dataclass(frozen=True)
class Rule:
    """A bad pattern; ``verdicts`` are the verdicts it can explain (all of them when empty)."""

    code: str
    title: str
    verdicts: tuple[str, ...]
    check: Callable[[Evidence], Finding | None]

    @property
    def page(self) -> str:
        """The rule's page as Markdown, from the docstring of its check."""
        text = inspect.getdoc(self.check) or ""
        for section in SECTIONS:
            before, _, after = text.partition(f"{section}:")
            after = after.lstrip()
            text = f"{before}## {section}\n\n{after[:1].upper()}{after[1:]}"
        return f"# {self.title}\n\n`{self.code}`\n\n{text}\n"


RULES: dict[str, Rule] = {}


def rule(code: str, title: str, *verdicts: str) -> Callable:
    """Register a check under a code; the title names the bad pattern."""

    def register(check: Callable[[Evidence], Finding | None]) -> Callable[[Evidence], Finding | None]:
        RULES[code] = Rule(code, title, verdicts, check)
        return check

    return register


def finding(code: str, severity: float, explanation: str, **more: object) -> Finding:
    """Return a finding of the rule ``code``; severity is clipped to 0..1."""
    known = RULES[code]
    verdict = known.verdicts[0] if known.verdicts else ""
    return Finding(code, known.title, verdict, float(min(max(severity, 0.0), 1.0)), explanation, **more)  # type: ignore[arg-type]


def rule_page(code: str) -> str:
    """Return the page of a rule as Markdown.

    Raises
    ------
    KeyError
        When there is no such rule.
    """
    return RULES[code].page
