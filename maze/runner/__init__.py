"""The composition root: the only place where environments, models and trainers are put together."""

from __future__ import annotations

from maze.runner.agent_runner import AgentRunner
from maze.runner.threads import compute_threads

__all__ = ["AgentRunner", "compute_threads"]
