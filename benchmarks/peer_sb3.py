"""Stable-Baselines3's side of the benchmarks."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import gymnasium
import torch
from gymnasium.wrappers import GrayscaleObservation, ResizeObservation
from record import timed
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

if TYPE_CHECKING:
    from solving import SolveWatch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from tasks import Task

__all__ = ["measure_throughput", "solve"]


def measure_throughput(
    task: Task, *, n_steps: int, seed: int, n_threads: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Learn for a while to warm up, then time learning for at least ``n_steps``."""
    torch.set_num_threads(n_threads)
    model = _build(task, seed, settings)
    n_updates = task.updates_for(n_steps)
    model.learn(total_timesteps=task.updates_for(n_steps // 8) * task.steps_per_update)
    before = model.num_timesteps
    n_steps = n_updates * task.steps_per_update
    _, seconds = timed(lambda: model.learn(total_timesteps=n_steps, reset_num_timesteps=False))
    return {
        "seconds": seconds,
        "steps": model.num_timesteps - before,
        "settings": _settings(task, settings),
    }


def solve(
    task: Task,
    watch: SolveWatch,
    *,
    max_steps: int,
    check_every: int,
    seed: int,
    n_threads: int,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Learn until the watch has seen enough, or ``max_steps``."""
    torch.set_num_threads(n_threads)
    model = _build(task, seed, settings)

    def act(observation: Any) -> Any:
        return model.predict(observation, deterministic=True)[0]

    check_steps = task.updates_for(check_every) * task.steps_per_update
    watch.check(act, 0)
    watch.resume()
    model.learn(total_timesteps=task.sb3_total_steps, callback=_Checks(watch, act, check_steps, max_steps))
    watch.pause()
    return _settings(task, settings)


class _Checks(BaseCallback):
    """Checks the policy between an update and the next rollout, and stops learning when it is solved."""

    def __init__(self, watch: SolveWatch, act: Callable[[Any], Any], check_steps: int, max_steps: int) -> None:
        super().__init__()
        self._watch = watch
        self._act = act
        self._check_steps = check_steps
        self._max_steps = max_steps
        self._going = True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps and self.num_timesteps % self._check_steps == 0:
            solved = self._watch.check(self._act, self.num_timesteps)
            self._going = not solved and self.num_timesteps < self._max_steps

    def _on_step(self) -> bool:
        return self._going


def _build(task: Task, seed: int, settings: Mapping[str, Any]) -> BaseAlgorithm:
    algorithm = {"ppo": PPO, "a2c": A2C, "sac": SAC}[task.algorithm]
    rollout = {} if task.algorithm == "sac" else {"n_steps": task.n_rollout_steps}
    if task.env.startswith("ALE/"):
        gymnasium.register_envs(importlib.import_module("ale_py"))
    env = make_vec_env(task.env, n_envs=task.n_envs, seed=seed, wrapper_class=_grey_and_small if task.pixels else None)
    arguments = {name: _schedule(value) for name, value in {**task.sb3, **settings}.items()}
    policy = "CnnPolicy" if task.pixels else "MlpPolicy"
    return algorithm(policy, env, seed=seed, device="cpu", **rollout, **arguments)


def _grey_and_small(env: gymnasium.Env) -> gymnasium.Env:
    """Return an environment whose images are grey, [84, 84, 1], by gymnasium's own wrappers."""
    return GrayscaleObservation(ResizeObservation(env, (84, 84)), keep_dim=True)


def _schedule(value: Any) -> Any:
    """Return ``lin_x`` as the function that falls from x to 0 with the remaining progress."""
    if not (isinstance(value, str) and value.startswith("lin_")):
        return value
    first = float(value.removeprefix("lin_"))
    return lambda remaining: remaining * first


def _settings(task: Task, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"env": task.env, "n_envs": task.n_envs, "n_steps": task.n_rollout_steps, **task.sb3, **settings}
