"""Scaled, clipped and normalised rewards, on an environment that pays 1, 2, 3, ..."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze.env import (
    ReturnNormalizationRewardWrapper,
    RewardClippingWrapper,
    RewardScalingWrapper,
    SyncVectorEnv,
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
    with pytest.raises(InvalidSpecificationError, match="min_val 2 must be smaller than max_val 1"):
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
    env.step({"action": 0})
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


@pytest.mark.parametrize("arguments", [{"gamma": 1.5}, {"epsilon": 0.0}])
def test_wrong_arguments(arguments: dict) -> None:
    with pytest.raises(InvalidSpecificationError, match="must be in"):
        ReturnNormalizationRewardWrapper.wrap(counting([9]), **arguments)
