"""What a diagnosis says: a verdict, findings with their evidence, marks to draw."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

VERDICTS = ("good_fit", "underfitting", "overfitting", "still_improving", "unstable", "inconclusive")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
QUITE, FAIRLY = 0.9, 0.75  # probabilities from which on nearly all verdicts, and most, were right (docs/diagnosis.md)


def title_of(verdict: str) -> str:
    """Return a verdict in the words of every page."""
    return "Cannot tell yet" if verdict == "inconclusive" else verdict.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Fact:
    """A number that a finding rests on; ``low`` and ``high`` bound it where its uncertainty is known."""

    name: str
    text: str
    value: float
    low: float | None = None
    high: float | None = None


def unsaid(facts: Iterable[Fact], text: str) -> list[Fact]:
    """Return the facts that a text does not tell yet: those with a number that does not stand in it, or without any."""
    told = set(_NUMBER.findall(text))
    return [fact for fact in facts if not (found := set(_NUMBER.findall(fact.text))) or not found <= told]


@dataclass(frozen=True)
class Mark:
    """Something to draw: ``kind`` is ``epoch``, ``span``, ``gap`` or ``level``, ``panel`` is ``loss`` or ``accuracy``."""

    kind: str
    panel: str
    text: str
    x0: float
    x1: float | None = None
    y0: float | None = None
    y1: float | None = None


@dataclass(frozen=True)
class Finding:
    """One cause that was found, how much it weighs (0 to 1), and the remedies worth trying."""

    code: str
    title: str
    verdict: str
    severity: float
    explanation: str
    evidence: tuple[Fact, ...] = ()
    marks: tuple[Mark, ...] = ()
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """The verdict on a run.

    Attributes
    ----------
    verdict
        One of ``good_fit``, ``underfitting``, ``overfitting``, ``still_improving``, ``unstable``, ``inconclusive``.
    confidence
        0 to 1.
    summary
        Up to three sentences for a student, numbers included.
    findings
        The most important first.
    probabilities
        Of each verdict but ``inconclusive``; empty for runs that were judged before there were any.
    """

    verdict: str
    confidence: float
    summary: str
    findings: tuple[Finding, ...] = ()
    marks: tuple[Mark, ...] = field(default=())
    probabilities: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The verdict in words."""
        return title_of(self.verdict)

    @property
    def sureness(self) -> str:
        """The confidence in words."""
        if self.verdict == "inconclusive":
            return "not enough to go by"
        return "quite sure" if self.confidence >= QUITE else "fairly sure" if self.confidence >= FAIRLY else "a guess"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that :meth:`from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Diagnosis":
        """Return the diagnosis that :meth:`to_dict` described."""
        findings = tuple(
            Finding(
                **{
                    **f,
                    "evidence": tuple(Fact(**x) for x in f["evidence"]),
                    "marks": tuple(Mark(**m) for m in f["marks"]),
                    "remedies": tuple(f["remedies"]),
                }
            )
            for f in data["findings"]
        )
        marks = tuple(Mark(**m) for m in data["marks"])
        return cls(data["verdict"], data["confidence"], data["summary"], findings, marks, data.get("probabilities", {}))
