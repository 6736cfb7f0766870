"""Masks come from a method or from info, and are left alone by other wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import ActionMaskWrapper, GymMazeEnv, ObservationNormalizationWrapper, make_vector_env
from maze.errors import EnvError, InvalidSpecificationError
from tests.scripted import counting


class Gate(gymnasium.Env[Any, Any]):
    """At time t the action t modulo 3 is impossible; episodes of 3 steps; no mask is told at the end."""

    def __init__(self, space: spaces.Space[Any] | None = None) -> None:
        self.observation_space = spaces.Box(0, 9, (1,), np.float32)
        self.action_space = spaces.Discrete(3) if space is None else space
        self.time = 0

    def action_masks(self) -> Any:
        return np.arange(3) != self.time % 3

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.time = 0
        return np.zeros(1, np.float32), {"action_mask": self.action_masks()}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.time += 1
        done = self.time == 3
        info = {} if done else {"action_mask": self.action_masks()}
        return np.full(1, self.time, np.float32), 0.0, done, False, info


@pytest.mark.parametrize(("arguments", "last"), [({}, [1, 1, 1]), ({"method": "action_masks"}, [0, 1, 1])])
def test_masks_follow_the_environment(arguments: dict, last: list[int]) -> None:
    def make() -> Any:
        return ObservationNormalizationWrapper.wrap(ActionMaskWrapper.wrap(GymMazeEnv(Gate()), **arguments))

    env = make()
    assert env.observation_space["action_mask"] == spaces.MultiBinary(3)
    observations = [env.reset(), *(env.step({"action": 0})[0] for _ in range(3))]
    assert [value["action_mask"].tolist() for value in observations] == [[0, 1, 1], [1, 0, 1], [1, 1, 0], last]
    assert all(env.observation_space.contains(value) for value in observations)
    vector = make_vector_env(make, 2)
    zeros = {"action": np.zeros(2, int)}
    masks = [vector.reset([0, 1])["action_mask"][1].tolist()]
    for _ in range(3):
        step = vector.step(zeros)
        masks.append(step.observation["action_mask"][1].tolist())
    assert masks == [[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]]
    assert step.final_observation is not None
    assert step.final_observation["action_mask"][1].tolist() == last


def test_several_choices_have_one_mask() -> None:
    env = ActionMaskWrapper.wrap(GymMazeEnv(Gate(spaces.MultiDiscrete([1, 2]))), method="action_masks")
    assert env.reset()["action_mask"].tolist() == [0, 1, 1]


def test_wrong_use_is_explained() -> None:
    with pytest.raises(InvalidSpecificationError, match="no method or attribute 'action_mask'"):
        ActionMaskWrapper.wrap(counting([3]), method="action_mask")
    with pytest.raises(InvalidSpecificationError, match="did you mean 'action'"):
        ActionMaskWrapper.wrap(counting([3]), action="actoin")
    with pytest.raises(InvalidSpecificationError, match="masks are for"):
        ActionMaskWrapper.wrap(GymMazeEnv(Gate(spaces.Box(0, 1, (1,)))))
    with pytest.raises(InvalidSpecificationError, match="'action_mask' already"):
        ActionMaskWrapper.wrap(ActionMaskWrapper.wrap(GymMazeEnv(Gate())))
    with pytest.raises(EnvError, match=r"^GymMazeEnv\(.*Counting.* info has no 'action_mask', only \[\].*method= for"):
        ActionMaskWrapper.wrap(counting([3])).reset()
    with pytest.raises(EnvError, match=r"shape \(3,\); expected \(2,\)"):
        ActionMaskWrapper.wrap(GymMazeEnv(Gate(spaces.Discrete(2)))).reset()
