"""Who carries runs out: workers of an embedded or an existing cluster."""

from core.engine.engine import Engine
from core.engine.watch import EngineState

__all__ = ["Engine", "EngineState"]
