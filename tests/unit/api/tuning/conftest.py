"""Searches whose agents train within a fraction of a second."""

from __future__ import annotations

import os
import signal
from typing import Any

import optuna.storages.journal  # noqa: F401  (what a library does on its own first import is that library's)
import pytest
import sklearn.ensemble  # noqa: F401

from maze import EnvError, GymMazeEnv
from maze.api.tuning.search import Search

TINY = {
    "tracking.mode": "off",
    "runner.concurrency": 2,
    "algorithm.n_epochs": 3,
    "algorithm.epoch_length": 2,
    "algorithm.n_rollout_steps": 8,
    "algorithm.rollout_evaluator.n_episodes": 2,
    "evaluation.n_episodes": 4,
}
SPACE = {
    "algorithm.lr": {"low": 1e-5, "high": 1e-1, "log": True},
    "algorithm.gamma": [0.9, 0.99],
}


def tiny_search(**changes: Any) -> Search:
    """Return a search over learning rate and discount; ``values`` are laid over those that make it small."""
    given: dict[str, Any] = {
        "space": SPACE,
        "choices": {"algorithm": "a2c"},
        "seeds": (0, 1),
        "n_trials": 6,
        "n_startup_trials": 2,
        **changes,
    }
    return Search(**{**given, "values": {**TINY, **changes.get("values", {})}})


def make_env(goal: str | None = None) -> GymMazeEnv:
    """Return CartPole, or fail where there is a goal: as such, by a crash of the process, or by its exit."""
    if goal == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if goal == "away" and "SERVED" not in os.environ:
        raise SystemExit("the server of the simulation is away")
    if goal not in (None, "away"):
        raise EnvError(f"there is no way to {goal}")
    return GymMazeEnv("CartPole-v1")


@pytest.fixture
def make_search() -> Any:
    return tiny_search
