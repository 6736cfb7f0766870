"""What `learning.py` measures: presets, what the RL zoo published of the same tasks, and the zoo's settings.

Published numbers: ``benchmark.md`` of rl-baselines3-zoo, one training each, mean return of deterministic episodes.
Settings: ``hyperparams/ppo.yml``, ``a2c.yml`` and ``sac.yml`` of the same repository. Nothing here imports a peer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["LEARNING_TASKS", "LearningTask"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """One preset, and what others have reached on its task with the same algorithm.

    Args:
        env: gymnasium's id.
        algorithm: name of the algorithm.
        budget: steps of the environment that the preset may take: those of the zoo, or our own choice where the zoo has
            no such algorithm; for a clone, steps that are demonstrated to it.
        random_mean: mean return of actions drawn evenly from the action space.
        zoo_mean: mean return that the zoo published.
        zoo_std: standard deviation over its evaluation episodes.
        zoo_env: id that the zoo measured, where it was an older one.
        zoo_algorithm: what the zoo trained, where it has no such algorithm for this task.
        expert: preset that is trained first, with the same seed, and demonstrates episodes; None for no demonstrations.
        sb3: arguments of Stable-Baselines3's algorithm, with ``n_envs``; empty where it is not measured here.
    """

    env: str
    algorithm: str
    budget: int
    random_mean: float
    zoo_mean: float
    zoo_std: float
    zoo_env: str | None = None
    zoo_algorithm: str | None = None
    expert: str | None = None
    sb3: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def normalised(self, mean_return: float) -> float:
        """Return 0 for random play, 1 for the zoo's mean, and what lies on that line otherwise."""
        return (mean_return - self.random_mean) / (self.zoo_mean - self.random_mean)


LEARNING_TASKS: Mapping[str, LearningTask] = {
    "cartpole_ppo": LearningTask(
        env="CartPole-v1",
        algorithm="ppo",
        budget=100_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        sb3={
            "n_envs": 8,
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "ent_coef": 0.0,
            "learning_rate": "lin_0.001",
            "clip_range": "lin_0.2",
        },
    ),
    "cartpole_a2c": LearningTask(
        env="CartPole-v1",
        algorithm="a2c",
        budget=500_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        sb3={"n_envs": 8, "ent_coef": 0.0},
    ),
    "cartpole_impala": LearningTask(
        env="CartPole-v1",
        algorithm="impala",
        budget=500_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        zoo_algorithm="A2C",
    ),
    "cartpole_es": LearningTask(
        env="CartPole-v1",
        algorithm="es",
        budget=500_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        zoo_algorithm="ARS, 50,000 steps",
    ),
    "cartpole_sac": LearningTask(
        env="CartPole-v1",
        algorithm="sac",
        budget=50_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        zoo_algorithm="DQN",
    ),
    "cartpole_bc": LearningTask(
        env="CartPole-v1",
        algorithm="bc",
        budget=5_000,
        random_mean=22.9,
        zoo_mean=500.0,
        zoo_std=0.0,
        zoo_algorithm="PPO",
        expert="cartpole_ppo",
    ),
    "pendulum_ppo": LearningTask(
        env="Pendulum-v1",
        algorithm="ppo",
        budget=100_000,
        random_mean=-1238.2,
        zoo_mean=-172.225,
        zoo_std=104.159,
        sb3={
            "n_envs": 4,
            "n_steps": 1024,
            "gae_lambda": 0.95,
            "gamma": 0.9,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "learning_rate": 1e-3,
            "clip_range": 0.2,
            "use_sde": True,
            "sde_sample_freq": 4,
        },
    ),
    "acrobot_ppo": LearningTask(
        env="Acrobot-v1", algorithm="ppo", budget=1_000_000, random_mean=-486.5, zoo_mean=-73.506, zoo_std=18.201
    ),
    "mountaincar_continuous_ppo": LearningTask(
        env="MountainCarContinuous-v0",
        algorithm="ppo",
        budget=20_000,
        random_mean=-33.1,
        zoo_mean=88.343,
        zoo_std=2.572,
    ),
    "pendulum_sac": LearningTask(
        env="Pendulum-v1",
        algorithm="sac",
        budget=20_000,
        random_mean=-1238.2,
        zoo_mean=-156.995,
        zoo_std=88.714,
        sb3={"learning_rate": 1e-3},
    ),
    "mountaincar_continuous_sac": LearningTask(
        env="MountainCarContinuous-v0",
        algorithm="sac",
        budget=50_000,
        random_mean=-33.1,
        zoo_mean=94.679,
        zoo_std=1.134,
    ),
    "lunarlander_ppo": LearningTask(
        env="LunarLander-v3",
        algorithm="ppo",
        budget=1_000_000,
        random_mean=-223.3,
        zoo_mean=242.119,
        zoo_std=31.823,
        zoo_env="LunarLander-v2",
    ),
}
"""By the name of the preset in ``conf/experiment``, in the order in which they are run."""
