"""What is measured: the settings of every task, given in full for both sides.

Nothing here imports a peer, so that each side runs in an environment that has nothing of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SOLVE_TASKS", "THROUGHPUT_TASKS", "Task"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One environment, one algorithm, and how each side is told the same settings.

    Args:
        algorithm: ``"ppo"`` or ``"a2c"``.
        n_envs: environments side by side.
        n_rollout_steps: steps of each environment between two updates.
        sb3: constructor arguments of Stable-Baselines3's algorithm.
        maze: values below ``algorithm.`` in maze's configuration.
        env: gymnasium's id.
        sb3_total_steps: length that Stable-Baselines3's schedules are stretched over.
    """

    algorithm: str
    n_envs: int
    n_rollout_steps: int
    sb3: Mapping[str, Any]
    maze: Mapping[str, Any]
    env: str = "CartPole-v1"
    sb3_total_steps: int = 100_000

    @property
    def steps_per_update(self) -> int:
        """Environment steps that one update learns from."""
        return self.n_envs * self.n_rollout_steps

    def updates_for(self, n_steps: int) -> int:
        """Return the fewest updates that take at least ``n_steps`` environment steps."""
        return max(1, math.ceil(n_steps / self.steps_per_update))


_PPO_SHARED = {"gamma": 0.99, "gae_lambda": 0.95, "clip_range": 0.2, "batch_size": 256, "max_grad_norm": 0.5}
_A2C_SHARED = {"gamma": 0.99, "gae_lambda": 1.0, "max_grad_norm": 0.5}

THROUGHPUT_TASKS = {
    # 8 environments x 128 steps, 4 epochs x 4 minibatches, two networks of 2 x 64 tanh.
    "ppo-cartpole": Task(
        algorithm="ppo",
        n_envs=8,
        n_rollout_steps=128,
        sb3={**_PPO_SHARED, "n_epochs": 4, "learning_rate": 3e-4, "ent_coef": 0.0, "vf_coef": 0.5},
        maze={**_PPO_SHARED, "n_optimization_epochs": 4, "lr": 3e-4, "entropy_coef": 0.0, "value_loss_coef": 0.5},
    ),
    # 8 environments x 5 steps, one gradient step an update.
    "a2c-cartpole": Task(
        algorithm="a2c",
        n_envs=8,
        n_rollout_steps=5,
        sb3={**_A2C_SHARED, "learning_rate": 7e-4, "ent_coef": 0.0, "vf_coef": 0.5},
        maze={
            **_A2C_SHARED,
            "lr": 7e-4,
            "entropy_coef": 0.0,
            "value_loss_coef": 0.5,
            "normalize_advantages": False,
        },
    ),
}
"""Tasks of ``throughput.py``: both sides do the same work."""

SOLVE_TASKS = {
    # Stable-Baselines3: the RL zoo's settings; lin_x falls from x to 0 over the zoo's 100,000 steps.
    "ppo-cartpole": Task(
        algorithm="ppo",
        n_envs=8,
        n_rollout_steps=32,
        sb3={
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "ent_coef": 0.0,
            "learning_rate": "lin_0.001",
            "clip_range": "lin_0.2",
        },
        maze={
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_optimization_epochs": 20,
            "entropy_coef": 0.0,
            "lr": 0.001,
        },
    ),
    # Stable-Baselines3: the RL zoo's settings, which are its defaults but for the number of environments.
    "a2c-cartpole": Task(
        algorithm="a2c",
        n_envs=8,
        n_rollout_steps=5,
        sb3={"ent_coef": 0.0},
        maze={"entropy_coef": 0.0},
        sb3_total_steps=500_000,
    ),
}
"""Tasks of ``solve_time.py``: each side may use its own good settings."""
