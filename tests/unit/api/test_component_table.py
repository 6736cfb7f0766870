"""Every argument in every form that it accepts takes effect; see test_component_refusals for all others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import pytest
from torch import nn

from maze import (
    A2C,
    A2CAlgorithmConfig,
    GymMazeEnv,
    LogStatsWrapper,
    ObservationNormalizationWrapper,
    RunContext,
)
from maze.api.specs import compose_arguments
from maze.config import RunnerConfig
from maze.config.describe import with_objects
from maze.config.instantiate import instantiate
from maze.launchers import JoblibLauncher, SerialLauncher
from tests.components import (
    CRITIC,
    LOG_STATS,
    MODEL,
    NORMALIZATION,
    POLICY,
    OnlyNamed,
    PolicyNet,
    cartpole,
    critic_object,
    made,
    model_object,
    policy_object,
    scaled,
)


class ShortCartPole(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A class that is its own factory."""

    def __init__(self) -> None:
        super().__init__(gymnasium.make("CartPole-v1", max_episode_steps=9))


class OwnLauncher:
    """A launcher of a user's own."""

    launched: ClassVar[list[Any]] = []

    def launch(self, jobs: Any, on_end: Any = None) -> list[Any]:
        return list(jobs)


def widths(module: nn.Module) -> list[int]:
    return [layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear)]


def steps_of_an_episode(rc: RunContext) -> int:
    env = rc.env_factory()
    env.seed(0)
    env.reset()
    done, steps = False, 0
    while not done:
        _, _, done, _ = env.step({"action": steps % 2})
        steps += 1
    return steps


def is_cartpole(rc: RunContext) -> None:
    assert rc.env_factory().observation_space["observation"].shape == (4,)


def is_cut_off(rc: RunContext) -> None:
    assert steps_of_an_episode(rc) == 9


def logs(prefix: str | None) -> Callable[[RunContext], None]:
    def check(rc: RunContext) -> None:
        env = rc.env_factory()
        assert isinstance(env, LogStatsWrapper)
        assert env.logging_prefix == prefix

    return check


def normalizes(rc: RunContext) -> None:
    assert isinstance(rc.env_factory(), ObservationNormalizationWrapper)
    assert rc.env_factory().statistics_state()


def normalizes_and_logs(rc: RunContext) -> None:
    normalizes(rc)
    assert isinstance(rc.env_factory(), LogStatsWrapper)


def learns_with_a2c(lr: float) -> Callable[[RunContext], None]:
    def check(rc: RunContext) -> None:
        assert isinstance(rc.trainer, A2C)
        assert rc.trainer.config.lr == lr

    return check


def has_widths(policy: list[int] | None = None, critic: list[int] | None = None) -> Callable[[RunContext], None]:
    def check(rc: RunContext) -> None:
        assert policy is None or widths(rc.policy) == policy
        assert critic is None or widths(rc.model.critic) == critic

    return check


def steps_side_by_side(n_envs: int) -> Callable[[RunContext], None]:
    def check(rc: RunContext) -> None:
        assert rc.trainer.collector.env.n_envs == n_envs

    return check


def is_test(rc: RunContext) -> None:
    assert (rc.config.algorithm.n_epochs, rc.config.evaluation.n_episodes) == (2, 2)


def is_small_steps(rc: RunContext) -> None:
    assert rc.trainer.config.lr == 0.0001
    normalizes(rc)


GYM_ENV = {"_target_": "maze.env.make_gym_maze_env", "name": "CartPole-v1", "max_episode_steps": 9}

WORKS: list[tuple[str, str, Callable[[], Any], Callable[[RunContext], None]]] = [
    ("env", "name", lambda: "gym_env", is_cartpole),
    ("env", "mapping", lambda: GYM_ENV, is_cut_off),
    ("env", "mapping of a class", lambda: {"_target_": "maze.GymMazeEnv", "env": "CartPole-v1"}, is_cartpole),
    ("env", "mapping of gymnasium", lambda: {"_target_": "gymnasium.make", "id": "CartPole-v1"}, is_cartpole),
    ("env", "factory", lambda: cartpole, is_cartpole),
    ("env", "lambda", lambda: lambda: GymMazeEnv("CartPole-v1", max_episode_steps=9), is_cut_off),
    ("env", "factory of gymnasium", lambda: functools.partial(gymnasium.make, "CartPole-v1"), is_cartpole),
    ("env", "class without arguments", lambda: ShortCartPole, is_cut_off),
    ("wrappers", "name", lambda: "vector_obs", normalizes),
    ("wrappers", "mapping", lambda: {LOG_STATS: {"logging_prefix": "x"}}, logs("x")),
    ("wrappers", "mapping without arguments", lambda: {NORMALIZATION: None, LOG_STATS: {}}, normalizes_and_logs),
    ("wrappers", "target", lambda: {"_target_": "maze.LogStatsWrapper", "logging_prefix": "x"}, logs("x")),
    (
        "wrappers",
        "list of targets",
        lambda: [{"_target_": NORMALIZATION}, {"_target_": LOG_STATS}],
        normalizes_and_logs,
    ),
    ("wrappers", "class", lambda: LogStatsWrapper, logs(None)),
    ("wrappers", "callable", lambda: scaled, logs("scaled")),
    ("wrappers", "list of all", lambda: [ObservationNormalizationWrapper, scaled], normalizes_and_logs),
    ("algorithm", "name", lambda: "a2c", learns_with_a2c(0.001)),
    ("algorithm", "mapping", lambda: {"_target_": "maze.A2CAlgorithmConfig", "lr": 0.25}, learns_with_a2c(0.25)),
    ("algorithm", "object", lambda: A2CAlgorithmConfig(lr=0.25, epoch_length=2), learns_with_a2c(0.25)),
    ("model", "name", lambda: "flatten_concat", has_widths([64, 64, 2], [64, 64, 1])),
    ("model", "mapping", lambda: MODEL, has_widths([7, 2], [5, 1])),
    ("model", "object", model_object, has_widths([7, 2], [5, 1])),
    ("policy", "name", lambda: "flatten_concat", has_widths([64, 64, 2])),
    ("policy", "mapping", lambda: POLICY, has_widths([7, 2])),
    ("policy", "object", policy_object, has_widths([7, 2])),
    ("policy", "object with a policy", OnlyNamed, has_widths([7, 2])),
    ("policy", "finished policy", lambda: policy_object().policy, has_widths([7, 2])),
    ("policy", "network", PolicyNet, has_widths([2])),
    ("critic", "name", lambda: "flatten_concat", has_widths(critic=[64, 64, 1])),
    ("critic", "mapping", lambda: CRITIC, has_widths(critic=[5, 1])),
    ("critic", "object", critic_object, has_widths(critic=[5, 1])),
    ("critic", "finished critic", lambda: critic_object().critic, has_widths(critic=[5, 1])),
    ("runner", "name", lambda: "dev", steps_side_by_side(2)),
    ("runner", "mapping", lambda: {"concurrency": 3}, steps_side_by_side(3)),
    ("runner", "target", lambda: {"_target_": "maze.config.RunnerConfig", "concurrency": 3}, steps_side_by_side(3)),
    ("runner", "object", lambda: RunnerConfig(concurrency=3), steps_side_by_side(3)),
    ("experiment", "name", lambda: "cartpole_ppo_wrappers", is_small_steps),
    ("configuration", "name", lambda: "test", is_test),
]


@pytest.mark.parametrize(
    ("argument", "make", "check"),
    [pytest.param(argument, make, check, id=f"{argument}-{form}") for argument, form, make, check in WORKS],
)
def test_what_is_accepted_takes_effect(
    argument: str, make: Callable[[], Any], check: Callable[[RunContext], None], tmp_path: Path
) -> None:
    given = {"configuration": "test", argument: made(make)}
    overrides = {"tracking.mode": "off"}
    if argument == "algorithm" and not isinstance(given[argument], A2CAlgorithmConfig):
        overrides |= {"algorithm.epoch_length": 2}
    rc = RunContext(run_dir=tmp_path / "run", overrides=overrides, seed=1, silent=True, **given)
    rc.train(1)
    check(rc)


@pytest.mark.parametrize(
    ("launcher", "expected", "attributes"),
    [
        ("serial", SerialLauncher, {}),
        ("joblib", JoblibLauncher, {"n_jobs": -1}),
        ({"_target_": "maze.launchers.JoblibLauncher", "n_jobs": 2}, JoblibLauncher, {"n_jobs": 2}),
        (SerialLauncher(), SerialLauncher, {}),
        (JoblibLauncher(n_jobs=2), JoblibLauncher, {"n_jobs": 2}),
        (OwnLauncher(), OwnLauncher, {}),
    ],
    ids=["name", "other name", "mapping", "object without settings", "object", "user's own"],
)
def test_launchers_come_as_they_were_given(launcher: Any, expected: type, attributes: dict[str, Any]) -> None:
    config, objects = compose_arguments({"launcher": launcher})
    made = instantiate(with_objects(config.section("launcher"), objects, "launcher"))
    assert type(made) is expected
    assert vars(made) == attributes
    assert isinstance(launcher, (str, dict)) or expected is not OwnLauncher or made is launcher
    RunContext(launcher=launcher)
