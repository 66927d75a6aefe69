"""One execution of an Experiment, as the store knows it."""

from dataclasses import dataclass, field
from datetime import datetime

from core.experiment import Experiment
from core.network.layers import describe_mask

ACTIVE = ("queued", "running")
ENDED = ("finished", "stopped", "failed")
PASSING = (
    "live",
    "ahead",
)  # groups of runs that nobody asked to keep: no list shows them, and no model of theirs is kept
# How groups of runs begin that train another run's experiment once a fold, that try a remedy on another run, and that do both.
FOLDS, TRIAL, FOLDED_TRIAL = "folds", "trial", "trial-folds"
TRIAL_FOLDS = (
    3  # as many models as trials on seeds have, so that it takes no longer; each leaves a third of the images out
)
BASELINE = "baseline"  # the trial that changes nothing


@dataclass(frozen=True)
class RunProgress:
    """How far a run is."""

    phase: str = "waiting for a worker"
    detail: str = ""
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """Share of the training that is done, 0 to 1."""
        if not self.epochs or not self.batches or not self.epoch:
            return 0.0
        return min(1.0, (self.epoch - 1 + self.batch / self.batches) / self.epochs)


@dataclass(frozen=True)
class Run:
    """One execution of an Experiment, as the store knows it."""

    id: str
    name: str
    status: str
    experiment: Experiment
    created: datetime
    ended: datetime | None = None
    note: str = ""
    group: str = "lab"
    baseline_id: str | None = None
    owner: str = ""
    error: str = ""
    message: str = ""
    progress: RunProgress = field(default_factory=RunProgress)
    metrics: dict[str, float] = field(default_factory=dict)
    verdict: str = ""

    @property
    def active(self) -> bool:
        """Whether it waits or trains."""
        return self.status in ACTIVE

    @property
    def title(self) -> str:
        """Its name, or its mask where it has none."""
        return self.name or describe_mask(self.experiment.freeze)
