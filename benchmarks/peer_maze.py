"""maze's side of the benchmarks, through its public API alone and with its normal tracking on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from own_networks import OwnPolicy, OwnValue
from record import timed

from maze import Episodes, GymMazeEnv, RolloutEvaluator, RunContext

if TYPE_CHECKING:
    from solving import SolveWatch
    from tasks import Task

__all__ = ["measure_throughput", "solve"]


def measure_throughput(
    task: Task, *, n_steps: int, seed: int, n_threads: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Train one epoch to warm up, then time eight more of the same length.

    The time is that of the whole second ``train()``, with tracking and with writing its results; evaluation is off, as
    it is for the peers.
    """
    torch.set_num_threads(n_threads)
    epoch_length = task.updates_for(n_steps // 8)
    overrides = {**_overrides(task, epoch_length, n_threads), **settings}
    with TemporaryDirectory() as folder:
        context = _build(task, overrides, seed, folder)
        context.train(n_epochs=1)
        _, seconds = timed(lambda: context.train(n_epochs=8))
    return {"seconds": seconds, "steps": 8 * epoch_length * task.steps_per_update, "settings": overrides}


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
    """Train in one go, with the watch in the evaluator's place, until it has seen enough or for ``max_steps``."""
    torch.set_num_threads(n_threads)
    epoch_length = task.updates_for(check_every)
    epoch_steps = epoch_length * task.steps_per_update
    recorded = {**_overrides(task, epoch_length, n_threads), "algorithm.patience": 1, **settings}
    recorded["algorithm.n_epochs"] = max(1, max_steps // epoch_steps)
    overrides = {**recorded, "algorithm.rollout_evaluator": _CheckingEvaluator(task, watch, epoch_steps)}
    with TemporaryDirectory() as folder:
        context = _build(task, overrides, seed, folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the weights are untrained, and meant to be
            watch.check(_deterministic(context.policy), 0)
        watch.resume()
        context.train()
        watch.pause()
    return {**recorded, "algorithm.rollout_evaluator": "the checks"}


class _CheckingEvaluator(RolloutEvaluator):
    """Checks after every epoch; its scores rise until the task is solved and then fall, which uses up patience.

    Training thus ends one epoch after it was solved, and the state that solved it is the best one.
    """

    def __init__(self, task: Task, watch: SolveWatch, epoch_steps: int) -> None:
        super().__init__(GymMazeEnv(task.env))
        self._watch = watch
        self._epoch_steps = epoch_steps
        self._n_epochs = 0

    def evaluate(self, policy: Any) -> Episodes:
        """Check the policy, unless an earlier check was the last one needed."""
        self._n_epochs += 1
        if not self._watch.solved:
            self._watch.check(_deterministic(policy), self._n_epochs * self._epoch_steps)
            return _episode(float(self._n_epochs))
        return _episode(-1.0)


def _episode(score: float) -> Episodes:
    one = np.ones(1, dtype=np.int64)
    return Episodes(np.full(1, score), one, one.astype(bool), ~one.astype(bool), one)


def _deterministic(policy: Any) -> Callable[[Any], Any]:
    """Return the policy as a function of plain observations; it needs no randomness."""
    unused = np.random.default_rng(0)
    return lambda observation: policy.act({"observation": observation}, unused, deterministic=True)["action"]


def _build(task: Task, overrides: Mapping[str, Any], seed: int, folder: str) -> RunContext:
    if task.own_networks:
        overrides = {**overrides, "model.policy.networks": [OwnPolicy], "model.critic.networks": [OwnValue]}
    return RunContext(
        env="gym_env",
        algorithm=task.algorithm,
        **{"model": "flatten_concat", **task.choices},
        overrides=dict(overrides),
        run_dir=Path(folder) / "run",
        silent=True,
        seed=seed,
    )


def _overrides(task: Task, epoch_length: int, n_threads: int) -> dict[str, Any]:
    algorithm = {
        **task.maze,
        "n_rollout_steps": task.n_rollout_steps,
        "epoch_length": epoch_length,
        "n_epochs": 1,
        "patience": None,
        "rollout_evaluator": None,  # nothing is evaluated, and the last state is the one that acts
    }
    named = {f"algorithm.{name}": value for name, value in algorithm.items()}
    return {
        "env.name": task.env,
        "runner.concurrency": task.n_envs,
        "runner.torch_threads": n_threads,
        **named,
        **{f"model.{name}": value for name, value in task.model.items()},
    }
