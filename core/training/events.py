"""What a training run tells while it goes on, and what it leaves behind."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from core.evaluation import Evaluation

if TYPE_CHECKING:  # pages may read this file
    import keras


class Events(Protocol):
    """What a trainer tells whoever listens."""

    def phase(self, name: str, *, detail: str = "") -> None:
        """A part of the work begins."""

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        """A batch is done."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """An epoch is done."""

    def stop_requested(self) -> bool:
        """Tell whether somebody asked to stop."""
        ...


class Stopped(Exception):
    """Somebody asked to stop before the first epoch: there is nothing to keep."""


class Silent:
    """Listens to nothing and never stops."""

    def phase(self, name: str, *, detail: str = "") -> None:
        """Ignore it."""

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        """Ignore it."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Ignore it."""

    def stop_requested(self) -> bool:
        """Never stop."""
        return False


class StageBefore(Silent):
    """Passes on what a stage trained before the run tells, but for its epochs, which are not the run's."""

    def __init__(self, events: Events):
        self.events = events

    def phase(self, name: str, *, detail: str = "") -> None:
        """Say that it is about the stage before."""
        self.events.phase(f"the stage before: {name}", detail=detail)

    def stop_requested(self) -> bool:
        """Stop when the run is to stop."""
        return self.events.stop_requested()


@dataclass
class Outcome:
    """What a training run leaves behind."""

    history: pd.DataFrame
    evaluation: Evaluation
    probes: dict
    model: "keras.Model"
    frontier: dict
    stopped: bool
    best_epoch: int
    note: str = ""
