"""When CartPole counts as solved, the same for every peer, and the clocks that stop while it is checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from record import process_age

__all__ = ["Check", "SolveWatch", "mean_return"]

THRESHOLD = 475.0
STREAK = 3
N_EPISODES = 100


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Args:
        steps: environment steps learned from so far.
        mean_return: of 100 deterministic episodes.
        training_seconds: spent learning so far.
        start_seconds: since the process was started, all checks left out.
    """

    steps: int
    mean_return: float
    training_seconds: float
    start_seconds: float


class SolveWatch:
    """Counts training time, stands still during checks, and says when three checks in a row passed.

    Args:
        env: gymnasium's id of an environment with a native vector version.
        seed: of the evaluation episodes; each check plays other ones.
    """

    def __init__(self, env: str, seed: int) -> None:
        self.checks: list[Check] = []
        self._env = env
        self._seed = seed
        self._training = 0.0
        self._checking = 0.0
        self._resumed: float | None = None

    def resume(self) -> None:
        """Let training time run."""
        if self._resumed is None:
            self._resumed = time.perf_counter()

    def pause(self) -> None:
        """Stop training time."""
        if self._resumed is not None:
            self._training += time.perf_counter() - self._resumed
            self._resumed = None

    def check(self, act: Callable[[Any], Any], steps: int) -> bool:
        """Evaluate with the clocks stopped; return whether the last three checks passed.

        Args:
            act: observations [N, ...] to deterministic actions [N].
            steps: environment steps learned from so far.
        """
        was_running = self._resumed is not None
        self.pause()
        age, start = process_age(), time.perf_counter()
        score = mean_return(self._env, act, seed=self._seed + len(self.checks))
        self.checks.append(Check(steps, score, self._training, age - self._checking))
        self._checking += time.perf_counter() - start
        if was_running:
            self.resume()
        return self.solved

    @property
    def checking_seconds(self) -> float:
        """Seconds spent in checks so far."""
        return self._checking

    @property
    def solved(self) -> bool:
        """Whether the last three checks passed."""
        return len(self.checks) >= STREAK and all(check.mean_return >= THRESHOLD for check in self.checks[-STREAK:])


def mean_return(env: str, act: Callable[[Any], Any], *, seed: int) -> float:
    """Play 100 episodes side by side, each environment its first one, and return their mean return."""
    envs = gymnasium.make_vec(env, num_envs=N_EPISODES, vectorization_mode="vector_entry_point")
    observation, _ = envs.reset(seed=seed)
    returns = np.zeros(N_EPISODES)
    playing = np.ones(N_EPISODES, dtype=bool)
    while playing.any():
        observation, reward, terminated, truncated, _ = envs.step(np.asarray(act(observation)))
        returns += reward * playing
        playing &= ~(terminated | truncated)
    envs.close()
    return float(returns.mean())
