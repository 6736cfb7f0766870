"""Stable-Baselines3's side of `acting.py`: `evaluate_policy` with several environments."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from acting_tasks import ActingTask, balancing_weights
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

__all__ = ["player"]


def player(task: ActingTask, *, seed: int, n_threads: int) -> Callable[[], tuple[int, int]]:
    """Return what evaluates once, and returns the steps that count and the number of episodes."""
    if task.kind != "episodes":
        raise SystemExit(f"sb3: {task.kind!r} is not measured; give a task whose kind is 'episodes'")
    torch.set_num_threads(n_threads)
    env = make_vec_env(task.env, n_envs=task.sb3_envs, seed=seed)
    model = PPO("MlpPolicy", env, seed=seed, device="cpu")
    linear = [module for module in model.policy.mlp_extractor.policy_net if isinstance(module, torch.nn.Linear)]
    with torch.no_grad():
        for module, (weight, bias) in zip([*linear, model.policy.action_net], balancing_weights(seed), strict=True):
            module.weight.copy_(torch.from_numpy(weight))
            module.bias.copy_(torch.from_numpy(bias))

    def play() -> tuple[int, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it prefers to be told of episodes by a monitor, which make_vec_env adds
            _, lengths = evaluate_policy(
                model,
                env,
                n_eval_episodes=task.n_episodes,
                deterministic=task.deterministic,
                return_episode_rewards=True,
            )
        return int(np.sum(lengths)), len(lengths)

    return play
