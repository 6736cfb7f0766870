"""Wrappers are transparent, composable, and say by themselves whether they work on batches."""

from __future__ import annotations

import copy
from typing import Any

import cloudpickle
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionWrapper,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    ObservationNormalizationWrapper,
    ObservationWrapper,
    RewardWrapper,
    Wrapper,
)
from maze.env.wrappers import wrapper_layers
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.types import Action, Array, Observation
from tests.probes import ActionRewardProbe


class Doubled(ObservationWrapper):
    def observation(self, observation: Observation) -> Observation:
        return {key: value * 2 for key, value in observation.items()}


class PlusOne(ObservationWrapper):
    def observation(self, observation: Observation) -> Observation:
        return {key: value + 1 for key, value in observation.items()}


class Flipped(ActionWrapper):
    def action(self, action: Action) -> Action:
        return {"action": 1 - action["action"]}


class Tenth(RewardWrapper):
    def reward(self, reward: Array) -> Array:
        return reward * 0.1


class Counting(Wrapper):
    n_resets = 0

    def reset(self) -> Observation:
        self.n_resets += 1
        return super().reset()


class Explicit(Counting):
    batchable = True


class ForBatches(Doubled):
    batchable = True


class Inherits(ForBatches):
    """Says nothing of its own."""


class SaysMore(ForBatches):
    def reward(self, reward: Array) -> Array:
        return reward * 0.1


class Renamed(ObservationNormalizationWrapper):
    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env, default_strategy="range_zero_one")


def test_isinstance_sees_every_layer_and_nothing_else() -> None:
    env = LogStatsWrapper.wrap(Doubled.wrap(Doubled.wrap(GymMazeEnv("CartPole-v1"))), logging_prefix="eval")
    for kind in (LogStatsWrapper, Doubled, ObservationWrapper, Wrapper, GymMazeEnv, MazeEnv):
        assert isinstance(env, kind)
    for other in (RewardWrapper, ObservationNormalizationWrapper, Counting):
        assert not isinstance(env, other)
    assert type(env) is LogStatsWrapper
    assert [type(layer) for layer in wrapper_layers(env)] == [Doubled, Doubled, LogStatsWrapper]


def test_a_base_class_around_its_subclass() -> None:
    assert isinstance(Wrapper.wrap(Doubled.wrap(GymMazeEnv("CartPole-v1"))), Doubled)


def test_attributes_come_from_inside() -> None:
    env = Doubled.wrap(LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"), logging_prefix="x"))
    assert env.logging_prefix == "x"
    assert env.made_plainly is True
    assert env.observation_space is env.env.env.observation_space
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = env.no_such_thing


def test_hooks_apply_from_inside_to_outside() -> None:
    env = PlusOne.wrap(Doubled.wrap(GymMazeEnv("CartPole-v1")))
    bare = GymMazeEnv("CartPole-v1")
    for each in (env, bare):
        each.seed(1)
    assert (env.reset()["observation"] == bare.reset()["observation"] * 2 + 1).all()
    given, expected = env.step({"action": 1}), bare.step({"action": 1})
    assert (given[0]["observation"] == expected[0]["observation"] * 2 + 1).all()


def test_action_and_reward_hooks() -> None:
    env = Tenth.wrap(Flipped.wrap(GymMazeEnv(ActionRewardProbe())))
    env.reset()
    action = {"action": 0}
    _, reward, done, info = env.step(action)
    assert reward == float(np.float32(0.1))
    assert type(reward) is float
    assert (done, info["terminated"], action) == (True, True, {"action": 0})


@pytest.mark.parametrize(
    ("kind", "batchable"),
    [
        (Wrapper, True),
        (Doubled, False),
        (ForBatches, True),
        (Inherits, True),
        (SaysMore, False),
        (Renamed, True),
        (LogStatsWrapper, True),
        (ObservationNormalizationWrapper, True),
        (Counting, False),
        (Explicit, True),
    ],
)
def test_batchable_is_found_out(kind: type[Wrapper], batchable: bool) -> None:
    assert kind.batchable is batchable


def test_a_subclass_of_a_wrapper_that_is_not_batchable_is_not_either() -> None:
    class Sub(Counting):
        def observation(self, observation: Observation) -> Observation:
            return observation

    assert Sub.batchable is False


def test_only_maze_environments_can_be_wrapped() -> None:
    with pytest.raises(InvalidSpecificationError, match="wraps a MazeEnv, given 3"):
        Wrapper.wrap(3)  # type: ignore[arg-type]


def test_training_reaches_every_layer() -> None:
    env = Doubled.wrap(ObservationNormalizationWrapper.wrap(GymMazeEnv("CartPole-v1")))
    env.training = True
    assert [layer.training for layer in (env, env.env, env.env.env)] == [True] * 3


def test_statistics_of_equal_layers_are_kept_apart_and_extra_wrappers_do_not_matter() -> None:
    def make(*outer: Any) -> MazeEnv:
        env: MazeEnv = GymMazeEnv("CartPole-v1")
        for kind in (ObservationNormalizationWrapper, Doubled, ObservationNormalizationWrapper, *outer):
            env = kind.wrap(env)
        return env

    env = make()
    env.training = True
    env.seed(2)
    env.reset()
    env.step({"action": 1})
    env.update_statistics()
    state = env.statistics_state()
    inner = state["ObservationNormalizationWrapper.0.observation.mean"]
    assert np.allclose(state["ObservationNormalizationWrapper.1.observation.mean"], 2 * inner, atol=1e-7)
    other = make(LogStatsWrapper)
    other.load_statistics(state)
    assert {key: value.tobytes() for key, value in other.statistics_state().items()} == {
        key: value.tobytes() for key, value in state.items()
    }


def test_statistics_of_other_wrappers_are_refused() -> None:
    env = ObservationNormalizationWrapper.wrap(GymMazeEnv("CartPole-v1"))
    with pytest.raises(ArtifactError, match=r"missing .*mean.*unknown .*'x'"):
        env.load_statistics({"x": np.zeros(1)})


def test_wrapping_can_change_the_space() -> None:
    class First(ObservationWrapper):
        def __init__(self, env: MazeEnv) -> None:
            super().__init__(env)
            self.observation_space = spaces.Dict({"first": spaces.Box(-5, 5, (1,), np.float32)})

        def observation(self, observation: Observation) -> Observation:
            return {"first": observation["observation"][..., :1]}

    env = First.wrap(GymMazeEnv("CartPole-v1"))
    assert env.observation_space.contains(env.reset())
    assert env.observation_spaces_dict[0] == env.observation_space


def test_wrong_heads_are_refused_before_a_hook_sees_them() -> None:
    env = Flipped.wrap(GymMazeEnv(ActionRewardProbe()))
    env.reset()
    for action in ({"actoin": 0}, 0):
        with pytest.raises(EnvError, match="heads 'action'; given"):
            env.step(action)  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: cloudpickle.loads(cloudpickle.dumps(env))])
def test_copies_keep_their_class_and_go_their_own_way(copied: Any) -> None:
    env = LogStatsWrapper.wrap(Doubled.wrap(GymMazeEnv("CartPole-v1")), logging_prefix="eval")
    env.seed(1)
    env.reset()
    other = copied(env)
    assert type(other).__name__ == "LogStatsWrapper"
    assert isinstance(other, GymMazeEnv)
    assert other.logging_prefix == "eval"
    first, second = env.step({"action": 0})[0], other.step({"action": 0})[0]
    assert (first["observation"] == second["observation"]).all()
    other.reset()
    assert env.step({"action": 0})[1] == 1.0
