"""What is kept: every run's description, progress, curves and results."""

from core.runs.store import Run, RunProgress, RunRecorder, RunStore

__all__ = ["Run", "RunProgress", "RunRecorder", "RunStore"]
