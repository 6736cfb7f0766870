"""Environments, policies and contexts whose every number can be written down in advance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from maze import GymMazeEnv, RunContext

__all__ = ["Bright", "ConstantPolicy", "CountingEnv", "counting", "tiny_context", "weights_of"]


class Bright(gymnasium.Env[Any, Any]):
    """Colour images that are as bright as the number of steps; pays 1 for three steps."""

    observation_space = spaces.Box(0, 255, (60, 50, 3), np.uint8)
    action_space = spaces.Discrete(2)
    n_steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.n_steps = 0
        return np.zeros((60, 50, 3), np.uint8), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.n_steps += 1
        return np.full((60, 50, 3), 80 * self.n_steps, np.uint8), 1.0, self.n_steps == 3, False, {}


class CountingEnv(gymnasium.Env[Any, Any]):
    """Observes ``[episode, step]`` and pays 1, 2, 3, ... so that an episode of L steps returns L * (L + 1) / 2.

    Args:
        lengths: steps of the episodes, over and over; None draws 1 to 9 from the episode's seed.
        terminates: episodes reach an end of their own.
        truncates: episodes are cut off.
        nan_after: rewards are no numbers after so many steps of this environment's life.
    """

    def __init__(
        self,
        lengths: Sequence[int] | None = None,
        *,
        terminates: bool = True,
        truncates: bool = False,
        nan_after: int | None = None,
    ) -> None:
        self.observation_space = spaces.Box(-1000.0, 1000.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.lengths = lengths
        self.terminates, self.truncates, self.nan_after = terminates, truncates, nan_after
        self.episode, self.count, self.length, self.life = -1, 0, 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.episode, self.count = self.episode + 1, 0
        if self.lengths is None:
            self.length = 1 + int(self.np_random.integers(9))
        else:
            self.length = self.lengths[self.episode % len(self.lengths)]
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count += 1
        self.life += 1
        ended = self.count >= self.length
        worn = self.nan_after is not None and self.life > self.nan_after
        reward = float("nan") if worn else float(self.count)
        return self.observe(), reward, ended and self.terminates, ended and self.truncates, {}

    def observe(self) -> Any:
        """Return the present observation."""
        return np.array([self.episode, self.count], np.float32)


def counting(lengths: Sequence[int] | None = None, **settings: Any) -> GymMazeEnv:
    """Return a :class:`CountingEnv` as a MazeEnv."""
    return GymMazeEnv(CountingEnv(lengths, **settings))


class ConstantPolicy:
    """Always takes one action."""

    def __init__(self, action: int = 0) -> None:
        self.action = action

    def act(self, observation: Mapping[str, Any], rng: Any, deterministic: bool = False) -> dict[str, Any]:
        rows = len(next(iter(observation.values())))
        return {"action": np.full(rows, self.action, np.int64)}


def tiny_context(run_dir: Path, overrides: Mapping[str, Any] | None = None, **arguments: Any) -> RunContext:
    """Return a context that trains within a fraction of a second and tracks nothing."""
    given = dict(overrides or {})
    values: dict[str, Any] = {
        "tracking.mode": "off",
        "runner.concurrency": 2,
        "algorithm.n_epochs": 2,
        "algorithm.epoch_length": 3,
        "algorithm.n_rollout_steps": 8,
    }
    if "algorithm.rollout_evaluator" not in given:
        values["algorithm.rollout_evaluator.n_episodes"] = 2
    if arguments.get("algorithm") == "sac":
        values |= {"algorithm.initial_buffer_size": 1, "algorithm.batch_size": 16}
    if arguments.get("algorithm") is not None and not isinstance(arguments["algorithm"], str):
        values = {path: value for path, value in values.items() if not path.startswith("algorithm.")}
    arguments = {"algorithm": "a2c", "seed": 1, "silent": True, **arguments}
    return RunContext(run_dir=run_dir, overrides={**values, **given}, **arguments)


def weights_of(rc: RunContext) -> Any:
    """Return a copy of all weights of the agent that acts, [P]."""
    return rc.model.snapshot()["parameters"].numpy().copy()
