"""Real runs of the built-in digits, made once a session; those that take long were recorded by the same benchmark."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from benchmarks import recording
from benchmarks.cases import Case, base, ill, sensible
from benchmarks.diagnosis import make
from core.diagnosis import Observations
from core.experiment import BackboneSpec, DataSpec

RECORDED = Path(__file__).parents[2] / "data" / "diagnosis"
DIGITS = DataSpec(source="builtin:digits", images_per_class=30, validation_fraction=0.15, test_fraction=0.05)
BACKBONE = BackboneSpec(alpha=1.0, size=96, weights="builtin")


def file_name(case: str) -> str:
    """Return the name of the recording of a case."""
    return "".join(c if c.isalnum() or c == "." else "-" for c in case) + ".json"


def cases() -> dict[str, Case]:
    """Return every case on the digits by its name."""
    start = base(DIGITS, BACKBONE)
    return {c.name: c for c in [*sensible(start), *ill(start)]}


@pytest.fixture(scope="session")
def seen() -> Callable[[str], Observations]:
    """Give what a diagnosis may see of a case: from its recording, else from a run made now."""
    known = cases()

    @cache
    def get(name: str) -> Observations:
        path = RECORDED / file_name(name)
        return recording.load(path) if path.exists() else make(known[name], "digits", "test").seen

    return get
