"""What is measured: the settings of every task, given in full for both sides.

Nothing here imports a peer, so that each side runs in an environment that has nothing of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["SOLVE_TASKS", "THROUGHPUT_TASKS", "Task"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One environment, one algorithm, and how each side is told the same settings.

    Args:
        algorithm: ``"ppo"``, ``"a2c"`` or ``"sac"``.
        n_envs: environments side by side.
        n_rollout_steps: steps of each environment between two updates.
        sb3: constructor arguments of Stable-Baselines3's algorithm.
        maze: values below ``algorithm.`` in maze's configuration.
        model: values below ``model.`` in maze's configuration.
        choices: further choices of maze's configuration: ``wrappers``, ``model``, ``critic``.
        own_networks: whether maze's networks are those of ``own_networks.py``, of which it knows nothing.
        pixels: whether observations are images, which both sides make grey and small, and see through convolutions.
        env: gymnasium's id.
        sb3_total_steps: length that Stable-Baselines3's schedules are stretched over.
    """

    algorithm: str
    n_envs: int
    n_rollout_steps: int
    sb3: Mapping[str, Any]
    maze: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    own_networks: bool = False
    pixels: bool = False
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
_SAC_SHARED = {"gamma": 0.99, "tau": 0.005, "batch_size": 256, "target_update_interval": 1}
_PPO_MANY = {
    "batch_size": 512,
    "gae_lambda": 0.95,
    "gamma": 0.99,
    "n_optimization_epochs": 2,
    "entropy_coef": 0.0,
    "clip_range": 0.3,
    "lr": 0.003,
}
_RELU_256 = {"hidden_units": [256, 256], "non_lin": "torch.nn.ReLU"}
_A2C_SHARED = {"gamma": 0.99, "gae_lambda": 1.0, "max_grad_norm": 0.5}
_MONITORED = {  # what people put around an environment to learn from vectors and to watch it
    "maze.ObservationNormalizationWrapper": {
        "default_strategy": "mean_zero_std_one",
        "default_strategy_config": {"clip_range": [-10.0, 10.0], "axis": 0},
    },
    "maze.MazeEnvMonitoringWrapper": {
        "observation_logging": False,
        "action_logging": True,
        "reward_logging": True,
    },
}
_GREY_AND_SMALL = {
    "maze.PreProcessingWrapper": {
        "pre_processor_mapping": [
            {"observation": "observation", "_target_": "maze.env.preprocessors.Rgb2Gray", "config": {"rgb_dim": -1}},
            {
                "observation": "observation-rgb2gray",
                "_target_": "maze.env.preprocessors.ResizeImg",
                "config": {"target_size": [84, 84], "transpose": False},
            },
            {
                "observation": "observation-rgb2gray-resize_img",
                "_target_": "maze.env.preprocessors.UnSqueeze",
                "config": {"dim": -3},
            },
        ]
    }
}
_NATURE_CNN = {  # Stable-Baselines3's CnnPolicy: Mnih et al., 2015
    "model_builder.modality_config.image.block_params.hidden_channels": [32, 64, 64],
    "model_builder.modality_config.image.block_params.hidden_kernels": [8, 4, 3],
    "model_builder.modality_config.image.block_params.hidden_strides": [4, 2, 1],
    "model_builder.modality_config.image.block_params.hidden_padding": [0, 0, 0],
    "model_builder.modality_config.hidden.block_params.hidden_units": [512],
    "model_builder.shared_embedding_keys": ["observation-rgb2gray-resize_img-unsqueeze", "observation", "hidden"],
}

THROUGHPUT_BASE = {
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
    # 1 environment, one gradient step of everything for each step, three networks of 2 x 256 ReLU and two targets.
    "sac-pendulum": Task(
        algorithm="sac",
        env="Pendulum-v1",
        n_envs=1,
        n_rollout_steps=1,
        sb3={
            **_SAC_SHARED,
            "learning_rate": 1e-3,
            "ent_coef": "auto",
            "learning_starts": 100,
            "buffer_size": 1_000_000,
            "train_freq": 1,
            "gradient_steps": 1,
        },
        maze={
            **_SAC_SHARED,
            "lr": 1e-3,
            "entropy_coef": 1.0,
            "entropy_tuning": True,
            "entropy_coef_lr": 1e-3,
            "initial_buffer_size": 100,
            "replay_buffer_size": 1_000_000,
            "num_batches_per_iter": 1,
        },
        model={
            f"{part}.networks.0.{name}": value for part in ("policy", "critic") for name, value in _RELU_256.items()
        },
    ),
}
"""Tasks of vectors, without wrappers."""

THROUGHPUT_TASKS = {
    **THROUGHPUT_BASE,
    # Images of 210 x 160 x 3 made grey and 84 x 84, three convolutions and a dense layer shared by policy and value.
    "ppo-pong": Task(
        algorithm="ppo",
        env="ALE/Pong-v5",
        n_envs=8,
        n_rollout_steps=64,
        sb3={**_PPO_SHARED, "n_epochs": 2, "learning_rate": 2.5e-4, "ent_coef": 0.01, "vf_coef": 0.5},
        maze={**_PPO_SHARED, "n_optimization_epochs": 2, "lr": 2.5e-4, "entropy_coef": 0.01, "value_loss_coef": 0.5},
        choices={"wrappers": _GREY_AND_SMALL, "model": "pixel_obs", "critic": "template_state"},
        model=_NATURE_CNN,
        pixels=True,
    ),
    "ppo-cartpole-own-networks": replace(THROUGHPUT_BASE["ppo-cartpole"], own_networks=True),
    **{
        f"{name}-monitored": replace(THROUGHPUT_BASE[name], choices={"wrappers": _MONITORED})
        for name in ("ppo-cartpole", "a2c-cartpole")
    },
    # As many environments as are good for speed, and settings that still solve CartPole (the same in SOLVE_TASKS).
    "ppo-cartpole-many": Task(algorithm="ppo", n_envs=128, n_rollout_steps=32, sb3={}, maze=_PPO_MANY),
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
    "ppo-cartpole-many": THROUGHPUT_TASKS["ppo-cartpole-many"],
    # maze: settings of its own, found on other seeds than those that are measured.
    "ppo-cartpole-wide": Task(
        algorithm="ppo",
        n_envs=32,
        n_rollout_steps=32,
        sb3={},
        maze={
            "batch_size": 512,
            "gae_lambda": 0.95,
            "gamma": 0.99,
            "n_optimization_epochs": 10,
            "entropy_coef": 0.0,
            "clip_range": 0.3,
            "lr": 0.002,
        },
    ),
    "a2c-cartpole-wide": Task(
        algorithm="a2c",
        n_envs=16,
        n_rollout_steps=16,
        sb3={},
        maze={"gamma": 0.98, "gae_lambda": 0.9, "lr": 0.003, "normalize_advantages": False, "entropy_coef": 0.0},
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
