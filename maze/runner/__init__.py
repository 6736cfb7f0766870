"""The composition root: the only place where environments, models and trainers are put together."""

from __future__ import annotations

from maze.runner.agent_runner import AgentRunner, close_evaluator
from maze.runner.environments import EnvironmentMaker
from maze.runner.playing import play_rollout
from maze.runner.threads import compute_threads

__all__ = ["AgentRunner", "EnvironmentMaker", "close_evaluator", "compute_threads", "play_rollout"]
