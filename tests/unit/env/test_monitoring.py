"""Monitoring tells what agents see, do and earn, the same numbers however environments are stepped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze.env import (
    GymMazeEnv,
    MazeEnv,
    MazeEnvMonitoringWrapper,
    ReturnNormalizationRewardWrapper,
    RewardClippingWrapper,
    StepSkipWrapper,
    VectorEnv,
    Wrapper,
    make_vector_env,
)
from maze.statistics import EpochStatistics
from tests.probes import DelayedRewardProbe
from tests.scripted import counting


def watched(env: MazeEnv | VectorEnv) -> tuple[dict[str, float], EpochStatistics]:
    epoch = EpochStatistics()
    return epoch.reduce(env.drain_event_stats()), epoch


def play(env: VectorEnv, n_steps: int) -> None:
    env.training = True
    env.reset([5, 6, 7])
    rng = np.random.default_rng(0)
    for _ in range(n_steps):
        env.step({"action": rng.integers(2, size=3)})


def test_one_environment_by_hand() -> None:
    env = MazeEnvMonitoringWrapper.wrap(GymMazeEnv(DelayedRewardProbe()))  # rewards 0, 1
    env.training = True
    for actions in ([0, 1], [1, 1]):
        env.reset()
        for action in actions:
            env.step({"action": action})
        env.step({"action": 0})  # after the end
    numbers, epoch = watched(env)
    assert numbers["RewardEvents/reward_original/mean"] == 1.0
    spread = {name: value.to_json() for name, value in epoch.distributions.items()}
    assert spread["ActionEvents/discrete_action/distribution/action"] == {"categories": [0, 1], "counts": [1, 3]}
    assert epoch.distributions["RewardEvents/reward_original/distribution"].n_values == 4
    assert epoch.distributions["ObservationEvents/observation/distribution/observation"].n_values == 4
    assert watched(env)[0] == {}, "an epoch begins anew"


def test_nothing_is_watched_outside_training_or_when_turned_off() -> None:
    off = MazeEnvMonitoringWrapper.wrap(GymMazeEnv("CartPole-v1"))
    off.reset()
    off.step({"action": 0})
    assert watched(off)[0] == {}
    settings: dict[str, Any] = {"observation_logging": False, "reward_logging": False}
    actions = MazeEnvMonitoringWrapper.wrap(GymMazeEnv("Pendulum-v1"), **settings)
    actions.training = True
    actions.reset()
    for torque in (-1.0, 2.0):
        actions.step({"action": np.array([torque], np.float32)})
    numbers, epoch = watched(actions)
    assert numbers == {
        "ActionEvents/continuous_action/mean/action": 0.5,
        "ActionEvents/continuous_action/std/action": 1.5,
        "ActionEvents/continuous_action/min/action": -1.0,
        "ActionEvents/continuous_action/max/action": 2.0,
    }
    assert list(epoch.distributions) == ["ActionEvents/continuous_action/distribution/action"]


class Slow(Wrapper):
    """Steps one environment after the other, for it overrides `step`."""

    def step(self, action: Any) -> Any:
        return self.env.step(action)


def changed(env: MazeEnv) -> MazeEnv:
    return ReturnNormalizationRewardWrapper.wrap(RewardClippingWrapper.wrap(env, max_val=1.5), gamma=0.0)


@pytest.mark.parametrize(
    "order",
    [
        [changed, MazeEnvMonitoringWrapper.wrap],
        [MazeEnvMonitoringWrapper.wrap, changed],
        [changed, Slow.wrap, MazeEnvMonitoringWrapper.wrap],
        [changed, MazeEnvMonitoringWrapper.wrap, Slow.wrap],
        [changed, lambda env: StepSkipWrapper.wrap(env, n_steps=2), MazeEnvMonitoringWrapper.wrap],
    ],
)
def test_it_sees_the_original_rewards_wherever_it_stands(order: list[Any]) -> None:
    def factory() -> MazeEnv:
        env: MazeEnv = counting([4])  # pays 1, 2, 3, 4
        for wrap in order:
            env = wrap(env)
        return env

    env = make_vector_env(factory, 3)
    for _ in range(2):
        play(env, 8)
        numbers, epoch = watched(env)
        assert numbers["RewardEvents/reward_original/min"] == numbers["RewardEvents/reward_original/max"] == 10.0
        distribution = epoch.distributions["RewardEvents/reward_original/distribution"]
        assert distribution.n_values == 24
        env.update_statistics()  # from now on rewards are normalised
    single = factory()
    single.training = True
    single.reset()
    while not single.step({"action": 0})[2]:
        pass
    assert watched(single)[0]["RewardEvents/reward_original/mean"] == 10.0


def test_all_ways_of_stepping_tell_the_same() -> None:
    def native() -> MazeEnv:
        return MazeEnvMonitoringWrapper.wrap(GymMazeEnv("CartPole-v1"))

    results = []
    for factory, is_native in ((native, True), (native, False), (lambda: Slow.wrap(native()), False)):
        env = make_vector_env(factory, 3, native=is_native)
        play(env, 100)
        numbers, epoch = watched(env)
        spread = {name: value.to_json() for name, value in epoch.distributions.items()}
        results.append((numbers, spread))
    for numbers, spread in results[1:]:
        assert spread == results[0][1]
        assert numbers == pytest.approx(results[0][0])


def test_environments_that_wait_are_not_watched() -> None:
    def factory() -> MazeEnv:
        return StepSkipWrapper.wrap(MazeEnvMonitoringWrapper.wrap(GymMazeEnv("CartPole-v1")), n_steps=3)

    env = make_vector_env(factory, 3)
    play(env, 60)
    numbers, epoch = watched(env)
    n_steps = epoch.distributions["RewardEvents/reward_original/distribution"].n_values
    assert epoch.distributions["ActionEvents/discrete_action/distribution/action"].n_values == n_steps
    singles = make_vector_env(lambda: Slow.wrap(factory()), 3)
    play(singles, 60)
    other_numbers, other = watched(singles)
    assert other.distributions["RewardEvents/reward_original/distribution"].n_values == n_steps
    assert numbers == pytest.approx(other_numbers)


def test_it_goes_on_from_its_state() -> None:
    def factory() -> MazeEnv:
        return MazeEnvMonitoringWrapper.wrap(GymMazeEnv("CartPole-v1"))

    one, other = make_vector_env(factory, 3), make_vector_env(factory, 3)
    play(one, 40)
    other.training = True
    other.load_state_dict(one.state_dict())
    for env in (one, other):
        for _ in range(20):
            env.step({"action": np.ones(3, np.int64)})
    assert watched(one)[0] == watched(other)[0]
