"""Scaled, clipped and normalised rewards, on an environment that pays 1, 2, 3, ..."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze.env import (
    MazeEnv,
    ObservationStackWrapper,
    ReturnNormalizationRewardWrapper,
    RewardClippingWrapper,
    RewardScalingWrapper,
    RewardWrapper,
    StepSkipWrapper,
    SyncVectorEnv,
    TimeLimitWrapper,
    Wrapper,
    make_vector_env,
)
from maze.errors import InvalidSpecificationError
from tests.scripted import counting

NAME = "ReturnNormalizationRewardWrapper.0"
ZEROS = {"action": np.zeros(2, np.int64)}


def rewards(kind: Any, n_steps: int, **arguments: Any) -> list[float]:
    env = kind.wrap(counting([9]), **arguments)
    env.reset()
    single = [env.step({"action": 0})[1] for _ in range(n_steps)]
    vector = make_vector_env(lambda: kind.wrap(counting([9]), **arguments), 2)
    vector.reset([0, 1])
    batched = [vector.step(ZEROS).reward.tolist() for _ in range(n_steps)]
    assert batched == [[reward, reward] for reward in single]
    return single


def test_scaling() -> None:
    assert rewards(RewardScalingWrapper, 3, scale=0.5) == [0.5, 1.0, 1.5]


def test_clipping() -> None:
    assert rewards(RewardClippingWrapper, 4, min_val=1.5, max_val=3) == [1.5, 2.0, 3.0, 3.0]
    assert rewards(RewardClippingWrapper, 3, max_val=2) == [1.0, 2.0, 2.0]
    with pytest.raises(
        InvalidSpecificationError, match=r"^RewardClippingWrapper\.min_val: 2 must be smaller than max_val 1"
    ):
        RewardClippingWrapper.wrap(counting([9]), min_val=2, max_val=1)


def test_returns_are_normalised_by_the_spread_of_the_running_return() -> None:
    # episodes of 2 steps pay 1, 2; with gamma 0.5 the running returns are 1, 2.5, 1, 2.5
    # their mean is 1.75 and their standard deviation 0.75; rewards become 1 / 0.75 and 2 / 0.75
    env = ReturnNormalizationRewardWrapper.wrap(counting([2]), gamma=0.5)
    env.training = True
    for _ in range(2):
        env.reset()
        assert [env.step({"action": 0})[1] for _ in range(2)] == [1.0, 2.0]  # as they are, before any data
    env.reset()
    env.update_statistics()
    state = env.statistics_state()
    assert (state[f"{NAME}.count"], state[f"{NAME}.mean"], state[f"{NAME}.squared_deviations"]) == (4, 1.75, 4 * 0.5625)
    assert [env.step({"action": 0})[1] for _ in range(2)] == pytest.approx([4 / 3, 8 / 3])
    env.training = False
    env.reset()
    assert [env.step({"action": 0})[1] for _ in range(2)] == [1.0, 2.0]  # as they are, where nobody learns
    env.training = True
    env.update_statistics()  # of the two steps while training
    assert env.statistics_state()[f"{NAME}.count"] == 6


@pytest.mark.parametrize("batched", [True, False])
def test_each_environment_has_a_return_of_its_own(batched: bool) -> None:
    lengths = iter([[2], [3]])

    def make() -> Any:
        return ReturnNormalizationRewardWrapper.wrap(counting(next(lengths)), gamma=1.0)

    vector = make_vector_env(make, 2) if batched else SyncVectorEnv([make(), make()])
    vector.training = True
    vector.reset([0, 1])
    for _ in range(4):
        vector.step(ZEROS)
    vector.update_statistics()
    # running returns: 1 3 1 3 and 1 3 6 1, in sum 19 with squares 67
    state = vector.statistics_state()
    assert (state[f"{NAME}.count"], state[f"{NAME}.mean"]) == (8, 19 / 8)
    assert state[f"{NAME}.squared_deviations"] == pytest.approx(67 - 19 * 19 / 8)
    other = ReturnNormalizationRewardWrapper.wrap(counting([9]))
    other.load_statistics(state)
    other.training = True
    other.reset()
    assert other.step({"action": 0})[1] == pytest.approx(1 / np.sqrt((67 - 19 * 19 / 8) / 8))


def test_constant_returns_are_bounded_by_epsilon() -> None:
    env = ReturnNormalizationRewardWrapper.wrap(counting([1]), epsilon=0.25)
    env.training = True
    for _ in range(3):
        env.reset()
        env.step({"action": 0})
    env.update_statistics()
    env.reset()
    assert env.step({"action": 0})[1] == 1 / np.sqrt(0.25)


def changed(skipped: bool) -> MazeEnv:
    """Halve, perhaps of three steps at once, normalise (to 1 at most), and take off what is beyond 4."""
    env: MazeEnv = RewardScalingWrapper.wrap(counting([2]), scale=0.5)
    if skipped:
        env = StepSkipWrapper.wrap(env, n_steps=3)
    env = ReturnNormalizationRewardWrapper.wrap(env, gamma=0.0, clip_range=(-1.0, 1.0))
    env = ObservationStackWrapper.wrap(env, stack_config=[{"observation": "observation", "stack_steps": 2}])
    return RewardClippingWrapper.wrap(TimeLimitWrapper.wrap(env, max_episode_steps=9), max_val=0.75)


class Alone(Wrapper):
    """Is stepped by itself, for it overrides `step`."""

    def step(self, action: Any) -> Any:
        return super().step(action)


@pytest.mark.parametrize("n_processes", [0, 2])
@pytest.mark.parametrize("outermost", [True, False])
def test_a_step_tells_what_the_environment_paid_and_what_an_evaluation_would_be_paid(
    n_processes: int, outermost: bool
) -> None:
    # 0.5 and 1.0 have the deviation 0.25 and become 2 and 4, cut to 1 and then to 0.75; of the others, 1.0 is cut
    def make() -> MazeEnv:
        return Alone.wrap(changed(False)) if outermost else changed(False)

    vector = make_vector_env(make, 2, n_processes=n_processes)
    vector.training = True
    vector.reset([0, 1])
    for _ in range(2):
        vector.step(ZEROS)
    vector.update_statistics()
    for original, counted in ((1.0, 0.5), (2.0, 0.75)):
        step = vector.step(ZEROS)
        assert step.told_rewards is not None
        assert step.reward.tolist() == [0.75, 0.75]
        assert {name: value.tolist() for name, value in step.told_rewards.items()} == {
            "original": [original] * 2,
            "counted": [counted] * 2,
        }
    vector.training = False
    assert [vector.step(ZEROS).reward.tolist() for _ in range(2)] == [[0.5, 0.5], [0.75, 0.75]]
    vector.close()


class Bonus(RewardWrapper):
    """Pays one more, to whoever learns."""

    learning_only = True

    def reward(self, reward: Any) -> Any:
        return reward + np.float32(1.0)


@pytest.mark.parametrize("alone", [True, False])
def test_a_wrapper_of_ones_own_may_be_for_learning_alone(alone: bool) -> None:
    def make() -> MazeEnv:
        env = RewardScalingWrapper.wrap(Bonus.wrap(RewardScalingWrapper.wrap(counting([9]), scale=2.0)), scale=10.0)
        return Alone.wrap(env) if alone else env

    vector = make_vector_env(make, 2)
    vector.reset([0, 1])
    assert vector.step(ZEROS).reward.tolist() == [20.0, 20.0]
    vector.training = True
    step = vector.step(ZEROS)
    assert step.told_rewards is not None
    assert step.reward.tolist() == [50.0, 50.0]
    assert {name: value.tolist() for name, value in step.told_rewards.items()} == {
        "original": [2.0, 2.0],
        "counted": [40.0, 40.0],
    }


def test_skipped_steps_tell_their_sums() -> None:
    env = changed(True)
    env.training = True
    for _ in range(2):
        env.reset()
        assert env.step({"action": 0})[3]["maze.rewards"] == {"original": 3.0, "counted": 0.75}
    vector = make_vector_env(lambda: changed(True), 2)
    vector.training = True
    vector.reset([0, 1])
    told = vector.step(ZEROS).told_rewards
    assert told is not None
    assert {name: value.tolist() for name, value in told.items()} == {"original": [3.0] * 2, "counted": [0.75] * 2}


def test_unchanged_rewards_are_not_told() -> None:
    env = StepSkipWrapper.wrap(counting([2]), n_steps=2)
    env.reset()
    assert "maze.rewards" not in env.step({"action": 0})[3]
    vector = make_vector_env(lambda: StepSkipWrapper.wrap(counting([2]), n_steps=2), 2)
    vector.reset([0, 1])
    assert vector.step(ZEROS).told_rewards is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": 1.5}, r"gamma: 1\.5 is not accepted; accepted: number >= 0 and <= 1"),
        ({"epsilon": 0.0}, r"epsilon: 0\.0 is not accepted; accepted: number > 0 and < 1"),
        ({"clip_range": [1, -1]}, r"clip_range\.0: 1 must be smaller than clip_range\.1 -1"),
    ],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=f"^{NAME[:-2]}.{message}"):
        ReturnNormalizationRewardWrapper.wrap(counting([9]), **arguments)
