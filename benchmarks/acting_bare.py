"""The bare loop of `acting.py`: maze's vector environment, the network's forward pass, and nothing else.

For a recorded rollout it keeps observations, actions and rewards in arrays, which is the least that recording can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from acting_tasks import ActingTask, balancing_weights

from maze import GymMazeEnv
from maze.env import make_vector_env

__all__ = ["player"]

N_STEPS = 500


def player(task: ActingTask, *, seed: int, n_threads: int) -> Callable[[], tuple[int, int]]:
    """Return what steps all environments for the length of an episode, and returns the steps and episodes.

    Args:
        task: what is played; only its environments and whether actions are drawn matter.
        seed: of environments, weights and actions.
        n_threads: unused; NumPy was told already.
    """
    del n_threads
    env = make_vector_env(partial(GymMazeEnv, task.env), task.n_envs)
    layers = [(np.ascontiguousarray(weight.T), bias) for weight, bias in balancing_weights(seed)]
    rng = np.random.default_rng(seed)
    n_rounds = math.ceil(task.n_episodes / task.n_envs)
    kept = _Kept(task.n_envs) if task.kind == "rollout" else None

    def play() -> tuple[int, int]:
        for _ in range(n_rounds):
            observation = env.reset(range(task.n_envs))["observation"]
            for t in range(N_STEPS):
                logits = _forward(observation, layers)
                if task.deterministic:
                    action = logits.argmax(axis=1)
                else:
                    action = (rng.random(task.n_envs) * (1.0 + np.exp(logits[:, 0] - logits[:, 1])) < 1.0).astype(int)
                if kept is not None:
                    kept.observation[t] = observation
                step = env.step({"action": action})
                if kept is not None:
                    kept.action[t], kept.reward[t] = action, step.reward
                observation = step.observation["observation"]
        return n_rounds * N_STEPS * task.n_envs, n_rounds * task.n_envs

    return play


class _Kept:
    """What a round played."""

    def __init__(self, n_envs: int) -> None:
        self.observation = np.zeros((N_STEPS, n_envs, 4), np.float32)
        self.action = np.zeros((N_STEPS, n_envs), np.int64)
        self.reward = np.zeros((N_STEPS, n_envs), np.float32)


def _forward(observation: Any, layers: list[tuple[Any, Any]]) -> Any:
    """Return the logits [N, 2] of observations [N, 4]."""
    hidden = observation
    for weight, bias in layers[:-1]:
        hidden = hidden @ weight
        hidden += bias
        np.tanh(hidden, hidden)
    weight, bias = layers[-1]
    return hidden @ weight + bias
