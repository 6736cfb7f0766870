"""Evolution strategies: what is played, counted and kept, however many workers there are."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from maze import ESAlgorithmConfig, GymMazeEnv, RunContext, TrainingError
from maze.env import VectorEnv
from maze.functional import centered_ranks
from maze.rollout import LocalWorkers
from maze.runner import AgentRunner
from maze.runner.threads import compute_threads
from maze.trainers import ES, Schedule
from maze.trainers.pair_player import draw_noise
from tests.components import NORMALIZATION
from tests.scripted import counting, tiny_context, weights_of
from tests.unit.env.test_core_maze_env import WalkEnv
from tests.unit.trainers.test_base import Weights, same
from tests.unit.trainers.test_interruption import Reports, after

TINY = {"algorithm.n_rollouts_per_update": 6, "algorithm.max_steps": 30}


def context(run_dir: Path, overrides: Any = None, **arguments: Any) -> RunContext:
    return tiny_context(run_dir, {**TINY, **(overrides or {})}, **{"algorithm": "es", **arguments})


def es(tmp_path: Path, overrides: Any = None, *, n_workers: int = 1, **arguments: Any) -> ES:
    """Return the trainer alone, with its own number of workers."""
    objects = {"env": arguments["env"]} if "env" in arguments else {}
    trainer = AgentRunner(context(tmp_path / "unused", overrides, **arguments).config, objects).trainer
    assert isinstance(trainer, ES)
    player = trainer._make_workers.args[0]  # type: ignore[attr-defined]
    trainer._make_workers = partial(LocalWorkers, player, n_workers)
    return trainer


def trained(tmp_path: Path, n_workers: int, overrides: Any = None, **arguments: Any) -> tuple[Any, Any]:
    """Return the state after two epochs, and what was reported of them."""
    trainer, reports = es(tmp_path, overrides, n_workers=n_workers, **arguments), Reports()
    with compute_threads(1):
        trainer.train(2, listeners=[reports])
    trainer.close()
    return trainer.state_dict(), reports.seen


def pendulum() -> GymMazeEnv:
    return GymMazeEnv("Pendulum-v1")


# --- the number of workers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"wrappers": "vector_obs"},
        {"overrides": {"algorithm.deterministic": False}},
        {"env": pendulum, "overrides": {"algorithm.deterministic": False}},
        {"wrappers": "vector_obs_rnn", "model": "vector_obs_rnn", "overrides": {"algorithm.max_steps": 3}},
        {"env": WalkEnv, "overrides": {"algorithm.n_timesteps_per_update": 50}},
    ],
    ids=["plain", "normalised", "sampled", "boxes", "recurrent", "events"],
)
def test_results_are_the_same_bits_with_any_number_of_workers(arguments: Any, tmp_path: Path) -> None:
    states, reports = zip(*(trained(tmp_path, n, **arguments) for n in (1, 3)), strict=True)
    assert same(*states)
    assert reports[0] == reports[1]


def test_more_members_than_environments_play_one_after_another(tmp_path: Path, monkeypatch: Any) -> None:
    expected = trained(tmp_path, 1)
    monkeypatch.setattr("maze.rollout.MAX_ENVS", 4, raising=False)
    given = trained(tmp_path, 1)
    assert same(given[0], expected[0])
    assert given[1] == expected[1]


# --- what is played and counted -------------------------------------------------------------------------------------


def counted(lengths: list[int]) -> Callable[[], GymMazeEnv]:
    return lambda: counting(lengths)


def test_pairs_and_steps_are_counted(tmp_path: Path) -> None:
    trainer = es(tmp_path, {"algorithm.n_rollouts_per_update": 5, "algorithm.max_steps": 0}, env=counted([4]))
    weights = Weights(trainer)
    trainer.train(1, listeners=[weights])
    (report,) = weights.reports
    # three pairs an update, three updates an epoch, four steps an episode that pays 1 + 2 + 3 + 4
    assert (report.n_steps, report.epoch_steps) == (3 * 6 * 4, 3 * 6 * 4)
    wanted = {"train/n_episodes": 18.0, "train/mean_return": 10.0, "train/mean_length": 4.0, "loss/policy": -10.0}
    assert {name: report.metrics[name] for name in wanted} == wanted


def test_rounds_are_played_until_there_are_steps_enough(tmp_path: Path) -> None:
    values = {"algorithm.n_rollouts_per_update": 2, "algorithm.n_timesteps_per_update": 17, "algorithm.max_steps": 0}
    trainer = es(tmp_path, values, env=counted([4]))
    trainer.update()
    assert trainer.steps_of_update() == 24  # eight steps a round
    assert trainer.drain_episodes().lengths.tolist() == [4] * 6
    assert len(trainer.drain_episodes()) == 0


def test_episodes_are_cut_off(tmp_path: Path) -> None:
    trainer = es(tmp_path, {"algorithm.max_steps": 3}, env=counted([40]))
    trainer.update()
    assert trainer.steps_of_update() == 6 * 3


def test_wrappers_gather_from_the_policy_itself(tmp_path: Path) -> None:
    trainer = es(tmp_path, wrappers={NORMALIZATION: {}})
    count = "ObservationNormalizationWrapper.0.observation.count"
    assert float(trainer.collector.env.statistics_state()[count]) == 0
    trainer.update()
    statistics = trainer.collector.env.statistics_state()
    assert 8 * 2 <= float(statistics[count]) <= 9 * 2  # of steps of two environments, and of their first observations
    assert trainer.steps_of_update() == sum(trainer._lengths) + 8 * 2
    assert len(trainer.drain_episodes()) >= 6
    trainer.update()
    assert trainer._workers is not None
    played_in = trainer._workers._workers[0].env  # type: ignore[attr-defined]
    assert not played_in.training
    assert same(played_in.statistics_state(), statistics)  # those of the update before


def test_plain_environments_take_no_further_steps(tmp_path: Path) -> None:
    trainer = es(tmp_path)
    trainer.update()
    assert not trainer.collector.env.gathers
    assert trainer.steps_of_update() == trainer.drain_episodes().lengths.sum()


def test_events_of_the_population_are_told(tmp_path: Path) -> None:
    trainer = es(tmp_path, {"algorithm.max_steps": 0}, env=WalkEnv)
    weights = Weights(trainer)
    trainer.train(1, listeners=[weights])
    metrics = weights.reports[0].metrics
    assert metrics["train/n_episodes"] == 18.0
    assert 0.0 <= metrics["train/BaseEnvEvents/kpi/mean/speed"] <= 2.0
    assert "train/BaseEnvEvents/kpi/mean/end" in metrics


# --- learning -------------------------------------------------------------------------------------------------------


def test_one_update_by_hand(tmp_path: Path) -> None:
    values = {"algorithm.optimizer": "sgd", "algorithm.lr": 0.5, "algorithm.noise_stddev": 0.3}
    trainer = es(tmp_path, values)
    before = trainer.parameters.numpy().copy()
    seed = int(copy.deepcopy(trainer.generator).integers(2**31 - 1))
    trainer.update()
    episodes = trainer.drain_episodes()
    ranks = centered_ranks(episodes.returns)
    noise = draw_noise(seed, [0, 1, 2], np.zeros(len(before), bool))
    gradient = sum((ranks[2 * k] - ranks[2 * k + 1]) * noise[k] for k in range(3)) / (2 * 3 * 0.3) - 0.005 * before
    np.testing.assert_allclose(trainer.parameters.numpy(), before + 0.5 * gradient, rtol=1e-4, atol=1e-6)


def test_both_episodes_of_a_pair_begin_alike(tmp_path: Path) -> None:
    seen: list[list[int]] = []

    class Noted(GymMazeEnv):
        def seed(self, seed: int) -> None:
            seen.append([seed])
            super().seed(seed)

    trainer = es(tmp_path, env=lambda: Noted("Acrobot-v1"))
    trainer.update()
    seeds = [seed for (seed,) in seen[-6:]]
    assert seeds[0::2] == seeds[1::2]
    assert len(set(seeds)) == 3


def test_noise_differs_by_pair_and_update_and_leaves_frozen_parameters_alone() -> None:
    frozen = np.array([False, True, False])
    first, other = draw_noise(5, [0, 1], frozen), draw_noise(6, [0, 1], frozen)
    np.testing.assert_array_equal(draw_noise(5, [1], frozen)[0], first[1])
    assert len({value for value in np.concatenate([first, other]).ravel().tolist() if value}) == 8
    assert not first[:, 1].any()


def test_frozen_parameters_and_the_critic_stay_as_they_were(tmp_path: Path) -> None:
    runner = AgentRunner(context(tmp_path / "unused").config)
    name, parameter = next(iter(runner.model.named_parameters()))
    parameter.requires_grad_(False)
    trainer = runner.trainer
    assert trainer.model.critic is not None
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.update()
    changed = {key for key, value in trainer.model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {key for key in before if key.startswith("policy.")} - {name}


def test_models_without_a_critic_are_enough(tmp_path: Path) -> None:
    rc = context(tmp_path / "run", model="vector_obs")
    rc.train(1)
    assert rc.model.critic is None
    assert np.isfinite(weights_of(rc)).all()


@pytest.mark.parametrize("setting", ["lr", "noise_stddev"])
def test_settings_follow_schedules(setting: str, tmp_path: Path) -> None:
    values = {f"algorithm.{setting}": {"start": 0.1, "end": 0.01}, "algorithm.rollout_evaluator": None}
    trainer = es(tmp_path, values)
    trainer.train(2)
    assert trainer.present(getattr(trainer.config, setting)) == pytest.approx(0.01)
    assert isinstance(getattr(trainer.config, setting), Schedule)


# --- continuing and ending --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrappers", "n_updates"),  # an epoch has three updates
    [("no_wrappers", 4), ("vector_obs", 1), ("vector_obs", 3), ("vector_obs", 4)],
)
def test_stopping_anywhere_and_going_on_changes_nothing(wrappers: str, n_updates: int, tmp_path: Path) -> None:
    whole, broken, fresh = (es(tmp_path, wrappers=wrappers) for _ in range(3))
    expected, given = Reports(), Reports()
    whole.train(2, listeners=[expected])
    stopped = broken.train(2, listeners=[given], should_stop=after(n_updates))
    fresh.load_state_dict(broken.state_dict())
    for trainer in (broken, fresh):
        reports = Reports()
        trainer.train(2 - stopped.n_epochs, listeners=[reports])
        assert given.seen + reports.seen == expected.seen
        assert same(trainer.state_dict(), whole.state_dict())


def test_two_calls_equal_one_and_seeds_decide(tmp_path: Path) -> None:
    halves, whole, other = (context(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    halves.train(1)
    halves.train(1)
    whole.train(2)
    other.train(2)
    assert weights_of(halves).tobytes() == weights_of(whole).tobytes() != weights_of(other).tobytes()
    assert same(halves.trainer.state_dict(), whole.trainer.state_dict())
    assert (tmp_path / "a" / "curve.csv").read_text() == (tmp_path / "b" / "curve.csv").read_text()


def test_a_run_is_continued_from_its_files(tmp_path: Path) -> None:
    for name, parts in (("whole", [2]), ("half", [1, 1])):
        for number, n_epochs in enumerate(parts):
            with context(tmp_path / name, wrappers="vector_obs", resume=number > 0) as rc:
                rc.train(n_epochs)
    for file in ("agent/weights.safetensors", "agent/statistics.npz", "curve.csv", "checkpoint/state.npz"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "half" / file).read_bytes()


def test_closing_closes_the_workers_and_training_can_begin_anew(tmp_path: Path) -> None:
    trainer = es(tmp_path)
    trainer.update()
    assert trainer._workers is not None
    trainer.close()
    assert trainer._workers is None


def test_a_reward_that_is_no_number_ends_training(tmp_path: Path) -> None:
    rc = context(tmp_path / "run", {"algorithm.max_steps": 0}, env=lambda: counting([4], nan_after=14))
    with pytest.raises(TrainingError, match=r"loss/policy is nan in epoch 2; .* the environment's rewards: mend"):
        rc.train(2)
    assert np.isfinite(weights_of(rc)).all()


def test_a_huge_learning_rate_ends_training_and_keeps_a_usable_state(tmp_path: Path) -> None:
    rc = context(tmp_path / "run", {"algorithm.lr": 1e36})
    with pytest.raises(TrainingError, match="Lower the learning rate"):
        rc.train(2)
    assert np.isfinite(weights_of(rc)).all()
    assert rc.evaluate(n_episodes=1).returns[0] >= 1.0


# --- solving ----------------------------------------------------------------------------------------------------


class Target(gymnasium.Env[Any, Any]):
    """Pays least for what is farthest from 0.5 in a box."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        return np.ones(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.ones(1, np.float32), -abs(float(action[0]) - 0.5), True, False, {}


@pytest.mark.parametrize("deterministic", [True, False])
def test_continuous_actions_are_learnt(deterministic: bool, tmp_path: Path) -> None:
    values = {"epoch_length": 60, "n_rollouts_per_update": 40, "rollout_evaluator": None, "n_epochs": 1}
    config = ESAlgorithmConfig(**values, patience=None, deterministic=deterministic)  # type: ignore[arg-type]
    overrides = {"tracking.mode": "off"}
    rc = RunContext(env=Target, algorithm=config, overrides=overrides, seed=1, silent=True, run_dir=tmp_path / "run")
    rc.train()
    action = rc.compute_action({"observation": np.ones(1, np.float32)}, deterministic=True)["action"]
    assert float(action[0]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_cart_pole_is_solved_by_the_defaults(tmp_path: Path) -> None:
    overrides = {"tracking.mode": "off", "algorithm.n_epochs": 6}
    rc = RunContext(algorithm="es", overrides=overrides, seed=1, silent=True, run_dir=tmp_path / "run")
    started = time.perf_counter()
    rc.train()
    assert rc.evaluate(n_episodes=100).mean_return >= 475.0
    assert time.perf_counter() - started < 60.0


def test_a_vector_environment_that_says_nothing_is_taken_to_gather() -> None:
    assert VectorEnv.gathers.fget(None) is True  # type: ignore[attr-defined]
