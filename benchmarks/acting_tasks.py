"""What `acting.py` measures: who acts, where, and how often. Nothing here imports a peer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ACTING_TASKS", "ActingTask", "balancing_weights"]

HIDDEN = 64
GAINS = (0.15, 0.35, 1.0, 0.6)
"""Of position, velocity, angle and angular velocity: a linear controller that balances for a whole episode."""


@dataclass(frozen=True, kw_only=True)
class ActingTask:
    """A number of whole episodes, or of steps, that a policy plays.

    Args:
        kind: ``"episodes"`` evaluates, ``"rollout"`` plays and records every step, ``"collect"`` takes the steps an
            update learns from.
        n_episodes: played each time, in ``"episodes"`` and ``"rollout"``.
        n_envs: environments side by side, for each side that has a choice.
        sb3_envs: environments of Stable-Baselines3.
        deterministic: take the most likely action instead of a sample.
        env: gymnasium's id.
    """

    kind: str
    n_episodes: int = 100
    n_envs: int = 100
    sb3_envs: int = 8
    deterministic: bool = True
    env: str = "CartPole-v1"

    def changed(self, settings: Mapping[str, Any]) -> ActingTask:
        """Return the task with other values."""
        return ActingTask(**{**self.settings, **settings})

    @property
    def settings(self) -> dict[str, Any]:
        """All values by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


ACTING_TASKS = {
    "cartpole-episodes": ActingTask(kind="episodes"),
    "cartpole-episodes-8": ActingTask(kind="episodes", n_envs=8),
    "cartpole-evaluation": ActingTask(kind="episodes", n_episodes=1000),
    "cartpole-rollout": ActingTask(kind="rollout"),
    "cartpole-collect": ActingTask(kind="collect", n_envs=8, deterministic=False),
    "cartpole-collect-64": ActingTask(kind="collect", n_envs=64, deterministic=False),
}


def balancing_weights(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weights [out, in] and biases [out] of a network of 2 x 64 tanh units that balances CartPole's pole.

    Nothing has to be trained, and all sides play the same: one unit of each layer carries a linear controller, the
    others are random and computed like any, and only the controller's reaches the logits.

    Args:
        seed: of the random weights.
    """
    rng = np.random.default_rng(seed)
    layers = [
        (rng.normal(size=shape).astype(np.float32) / np.float32(np.sqrt(shape[1])), np.zeros(shape[0], np.float32))
        for shape in ((HIDDEN, 4), (HIDDEN, HIDDEN), (2, HIDDEN))
    ]
    layers[0][0][0] = 0.2 * np.asarray(GAINS)
    layers[1][0][0] = np.eye(HIDDEN)[0]
    layers[2][0][:] = np.outer((-20.0, 20.0), np.eye(HIDDEN)[0])
    return layers
