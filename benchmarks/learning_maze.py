"""maze's side of `learning.py`: trains a preset through its public API and plays unscaled episodes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium
import numpy as np
from learning_tasks import LearningTask

from maze import RunContext
from maze.config import canonical
from maze.env import StepSkipWrapper, make_vector_env
from maze.report.curves import read_curve
from maze.rollout import play_episodes

__all__ = ["identity", "learn"]


_DEMONSTRATED = 10
"""Episodes that an expert plays for its clone."""


def identity(preset: str, task: LearningTask, settings: Mapping[str, Any]) -> str:
    """Return a hash of everything that is configured, without the seed; of an expert as well, where there is one."""
    own = _context(preset, settings, 0, None).config.digest()
    return own[:8] + _context(task.expert, {}, 0, None).config.digest()[:8] if task.expert else own[:16]


def learn(
    preset: str, task: LearningTask, *, seed: int, settings: Mapping[str, Any], episode_seeds: Sequence[int]
) -> dict[str, Any]:
    """Train a preset once; evaluate the policy that it keeps and the last one on episodes that it has not seen.

    Args:
        preset: name of the experiment.
        task: what is known of its task.
        seed: of the run.
        settings: values by dotted path that are laid over the preset.
        episode_seeds: of the evaluation.

    Returns:
        ``steps`` of the environment (of a clone: those that were demonstrated to it), ``seconds`` of training with the
        preset's own evaluations, returns of the ``best`` and the ``last`` policy, the learning ``curve`` in steps of
        the environment (of a clone: those that it has learned from, again and again) and unscaled returns.
    """
    with TemporaryDirectory() as folder:
        shown, n_shown = _demonstrations(task, seed, Path(folder))
        context = _context(preset, {**settings, **shown}, seed, Path(folder) / "run")
        start = time.perf_counter()
        context.train()
        seconds = time.perf_counter() - start
        curve = read_curve(Path(folder) / "run" / "curve.csv")
        skipped, scale = _steps_and_scale(context)
        trainer = context.trainer
        last_statistics = trainer.collector.env.statistics_state()
        trainer.model.eval()
        best = _returns(task, preset, settings, context.policy, trainer.best_state["statistics"], episode_seeds)
        last = _returns(task, preset, settings, trainer.model.policy, last_statistics, episode_seeds)
        return {
            "steps": n_shown or trainer.n_steps * skipped,
            "seconds": seconds,
            "best": best,
            "last": last,
            "best_steps": int(trainer.best_epoch * trainer.n_steps * skipped / max(trainer.epoch, 1)),
            "curve": [
                [int(step) * skipped, value / scale]
                for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
            ],
            "settings": canonical.flat(_context(preset, settings, seed, None).config.section("algorithm")),
        }


def _demonstrations(task: LearningTask, seed: int, folder: Path) -> tuple[dict[str, str], int]:
    """Train an expert, and return the setting that names its recorded episodes, and their steps; 0 for no expert."""
    if task.expert is None:
        return {}, 0
    expert = _context(task.expert, {}, seed, folder / "expert")
    expert.train()
    played = expert.rollout(_DEMONSTRATED, record_trajectory=True, deterministic=True, output_dir=folder / "shown")
    return {"algorithm.demonstrations": str(folder / "shown")}, int(played.lengths.sum())


def _context(preset: str, settings: Mapping[str, Any], seed: int, run_dir: Path | None, env: Any = None) -> RunContext:
    return RunContext(
        run_dir=run_dir,
        env=env,
        experiment=preset,
        overrides={"tracking.mode": "off", "runner.torch_threads": 1, **settings},
        seed=seed,
        silent=True,
    )


def _steps_and_scale(context: RunContext) -> tuple[int, float]:
    """Return steps of the environment for one of the agent, and the factor of the rewards that training sees."""
    skipped, scale = 1, 1.0
    for wrapper in context.config.section("wrappers"):
        if wrapper["_target_"].endswith(StepSkipWrapper.__name__):
            skipped *= wrapper["n_steps"]
        if wrapper["_target_"].endswith("RewardScalingWrapper"):
            scale *= wrapper["scale"]
    return skipped, scale


class _UnscaledReturns(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps the return of each episode, as the environment itself counts it, by the episode's seed."""

    def __init__(self, env: gymnasium.Env[Any, Any], returns: dict[int, float]) -> None:
        super().__init__(env)
        self._returns = returns
        self._seed: int | None = None

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        self._seed = arguments.get("seed")
        if self._seed is not None:
            self._returns[self._seed] = 0.0
        return super().reset(**arguments)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        if self._seed is not None:
            self._returns[self._seed] += float(reward)
        return observation, reward, terminated, truncated, info


def _returns(
    task: LearningTask,
    preset: str,
    settings: Mapping[str, Any],
    policy: Any,
    statistics: Mapping[str, Any],
    episode_seeds: Sequence[int],
) -> list[float]:
    """Play one deterministic episode for each seed, and return what the environment itself counted."""
    returns: dict[int, float] = {}
    settings = {key: value for key, value in settings.items() if key != "env.name"}
    context = _context(preset, settings, 0, None, env=lambda: _UnscaledReturns(gymnasium.make(task.env), returns))
    env = make_vector_env(context.env_factory, len(episode_seeds))
    try:
        env.load_statistics(dict(statistics))
        play_episodes(policy, env, list(episode_seeds), np.random.default_rng(0), deterministic=True)
    finally:
        env.close()
    return [returns[seed] for seed in episode_seeds]
