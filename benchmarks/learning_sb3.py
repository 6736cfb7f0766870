"""Stable-Baselines3's side of `learning.py`: the RL zoo's settings, evaluated like maze's."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env

if TYPE_CHECKING:
    from learning_tasks import LearningTask

__all__ = ["identity", "learn"]

_ALGORITHMS = {"ppo": PPO, "a2c": A2C, "sac": SAC}
_N_EVALUATIONS = 40
"""Evaluations while training, from which the best policy is chosen, as many as maze's presets have or fewer."""


def identity(preset: str, task: LearningTask, settings: Mapping[str, Any]) -> str:
    """Return a hash of the settings, without the seed."""
    text = json.dumps([preset, task.env, task.budget, {**task.sb3, **settings}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def learn(
    preset: str,  # noqa: ARG001 - every peer's form
    task: LearningTask,
    *,
    seed: int,
    settings: Mapping[str, Any],
    episode_seeds: Sequence[int],
) -> dict[str, Any]:
    """Train once for the zoo's budget; evaluate the best policy and the last one; see `learning_maze.learn`."""
    torch.set_num_threads(1)
    arguments = {**task.sb3, **settings}
    n_envs = int(arguments.pop("n_envs", 1))
    algorithm = _ALGORITHMS[task.algorithm]
    env = make_vec_env(task.env, n_envs=n_envs, seed=seed)
    made = {name: _schedule(value) for name, value in arguments.items()}
    model = algorithm("MlpPolicy", env, seed=seed, device="cpu", **made)
    with TemporaryDirectory() as folder:
        watch = EvalCallback(
            make_vec_env(task.env, n_envs=20, seed=10_000 + seed),
            n_eval_episodes=20,
            eval_freq=max(task.budget // _N_EVALUATIONS // n_envs, 1),
            best_model_save_path=folder,
            log_path=folder,
            verbose=0,
        )
        start = time.perf_counter()
        model.learn(total_timesteps=task.budget, callback=watch)
        seconds = time.perf_counter() - start
        best = algorithm.load(f"{folder}/best_model.zip", device="cpu")
    curve = [
        [step, float(np.mean(row))]
        for step, row in zip(watch.evaluations_timesteps, watch.evaluations_results, strict=True)
    ]
    return {
        "steps": model.num_timesteps,
        "seconds": seconds,
        "best": _returns(task, best.predict, episode_seeds),
        "last": _returns(task, model.predict, episode_seeds),
        "best_steps": best.num_timesteps,
        "curve": curve,
        "settings": {**task.sb3, **settings},
    }


def _schedule(value: Any) -> Any:
    """Return ``lin_x`` as the function that falls from x to 0 with the remaining progress."""
    if not (isinstance(value, str) and value.startswith("lin_")):
        return value
    first = float(value.removeprefix("lin_"))
    return lambda remaining: remaining * first


def _returns(task: LearningTask, predict: Callable[..., Any], episode_seeds: Sequence[int]) -> list[float]:
    """Play one deterministic episode for each seed, side by side."""
    envs = [gymnasium.make(task.env) for _ in episode_seeds]
    observations = np.stack([env.reset(seed=seed)[0] for env, seed in zip(envs, episode_seeds, strict=True)])
    returns = np.zeros(len(envs))
    playing = list(range(len(envs)))
    while playing:
        actions = predict(observations[playing], deterministic=True)[0]
        ended = []
        for row, action in zip(playing, actions, strict=True):
            observations[row], reward, terminated, truncated, _ = envs[row].step(action)
            returns[row] += float(reward)
            if terminated or truncated:
                ended.append(row)
        playing = [row for row in playing if row not in ended]
    for env in envs:
        env.close()
    return [float(value) for value in returns]
