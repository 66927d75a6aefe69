"""What is kept: every run's description, progress, curves and results."""

from core.runs.recorder import RunRecorder
from core.runs.run import Run, RunProgress
from core.runs.store import RunStore

__all__ = ["Run", "RunProgress", "RunRecorder", "RunStore"]
