"""maze's side of `acting.py`: evaluation, recorded rollouts and collecting, as users call them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from acting_tasks import HIDDEN, ActingTask, balancing_weights

from maze import GymMazeEnv, RunContext
from maze.env import make_vector_env
from maze.rollout import Collector
from maze.seeding import numpy_generator

__all__ = ["player"]

N_COLLECTED = 128


def player(task: ActingTask, *, seed: int, n_threads: int) -> Callable[[], tuple[int, int]]:
    """Return what plays once, and returns the steps that count and the number of episodes."""
    context = _context(task, seed, n_threads)
    if task.kind == "collect":
        return _collecting(task, context, seed)
    settings = {"n_episodes": task.n_episodes, "n_envs": task.n_envs, "deterministic": task.deterministic}

    def play() -> tuple[int, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the policy is untrained, and meant to be
            if task.kind == "episodes":
                episodes = context.evaluate(**settings)
            else:
                episodes = context.rollout(n_episodes=task.n_episodes, deterministic=task.deterministic).episodes
        return int(episodes.lengths.sum()), len(episodes)

    return play


def _collecting(task: ActingTask, context: RunContext, seed: int) -> Callable[[], tuple[int, int]]:
    env = make_vector_env(lambda: GymMazeEnv(task.env), task.n_envs)
    generator = numpy_generator(seed, "actions")
    collector = Collector(env, context.policy, N_COLLECTED, generator, seeds=list(range(task.n_envs)))

    def play() -> tuple[int, int]:
        rollout = collector.collect()
        return rollout.n_steps, int(np.count_nonzero(rollout.terminated | rollout.truncated))

    return play


def _context(task: ActingTask, seed: int, n_threads: int) -> RunContext:
    """Return a context whose policy has the weights of all sides."""
    context = RunContext(
        env="gym_env",
        algorithm="ppo",
        model="flatten_concat",
        overrides={
            "env.name": task.env,
            "policy.networks.0.hidden_units": [HIDDEN, HIDDEN],
            "runner.torch_threads": n_threads,
        },
        run_dir=Path(mkdtemp()) / "run",
        silent=True,
        seed=seed,
    )
    linear = [module for module in context.policy.modules() if isinstance(module, torch.nn.Linear)]
    with torch.no_grad():
        for module, (weight, bias) in zip(linear, balancing_weights(seed), strict=True):
            module.weight.copy_(torch.from_numpy(weight))
            module.bias.copy_(torch.from_numpy(bias))
    return context
