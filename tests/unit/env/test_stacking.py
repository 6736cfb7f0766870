"""Stacks of the last observations, at the beginning, in the middle and at the end of episodes."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv, ObservationStackWrapper, make_vector_env
from maze.errors import InvalidSpecificationError
from tests.scripted import counting


def stacked(env: Any, **config: Any) -> ObservationStackWrapper:
    return ObservationStackWrapper.wrap(env, stack_config=[{"observation": "observation", **config}])


def test_the_newest_is_last_and_the_first_fills_all_places() -> None:
    env = stacked(counting([9]), stack_steps=3)
    assert env.observation_space["observation"] == spaces.Box(-1000.0, 1000.0, (3, 2), np.float32)
    first = env.reset()["observation"]
    assert first[:, 1].tolist() == [0, 0, 0]
    times = [env.step({"action": 0})[0]["observation"][:, 1].tolist() for _ in range(3)]
    assert times == [[0, 0, 1], [0, 1, 2], [1, 2, 3]]
    assert first[:, 1].tolist() == [0, 0, 0]
    assert env.reset()["observation"].tolist() == [[1, 0]] * 3


def test_a_batch_starts_over_only_where_an_episode_ended() -> None:
    lengths = iter([[2], [9]])
    vector = make_vector_env(lambda: stacked(counting(next(lengths)), stack_steps=2), 2)
    vector.reset([0, 1])
    zeros = {"action": np.zeros(2, np.int64)}
    assert vector.step(zeros).observation["observation"].tolist() == [[[0, 0], [0, 1]], [[0, 0], [0, 1]]]
    step = vector.step(zeros)
    assert step.observation["observation"].tolist() == [[[1, 0], [1, 0]], [[0, 1], [0, 2]]]
    assert step.final_observation is not None
    assert step.final_observation["observation"][0].tolist() == [[0, 1], [0, 2]]
    assert vector.step(zeros).observation["observation"].tolist() == [[[1, 0], [1, 1]], [[0, 2], [0, 3]]]


class Mixed(gymnasium.Env[Any, Any]):
    """Kinds of observations that change with time t: an image of t squared, a class, classes, switches."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (1, 2), np.uint8),
                "one": spaces.Discrete(9, start=1),
                "some": spaces.MultiDiscrete([9, 4]),
                "switches": spaces.MultiBinary(2),
            }
        )
        self.action_space = spaces.Discrete(2)
        self.time = 0

    def now(self) -> Any:
        image = np.array([[self.time**2, 255 - self.time**2]], np.uint8)
        return {"image": image, "one": 1 + self.time, "some": [self.time, 3], "switches": [self.time % 2, 1]}

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.time = 0
        return self.now(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.time += 1
        return self.now(), 0.0, False, False, {}


def test_every_kind_of_observation_and_changes() -> None:
    config = [
        {"observation": "image", "stack_steps": 3, "delta": True, "tag": "change", "keep_original": True},
        {"observation": "one", "stack_steps": 2, "tag": "last"},
        {"observation": "some", "stack_steps": 2},
        {"observation": "switches", "stack_steps": 2},
    ]
    env = ObservationStackWrapper.wrap(GymMazeEnv(Mixed()), stack_config=config)
    assert set(env.observation_space) == {"image", "some", "switches", "image-change", "one-last"}
    assert env.observation_space["one-last"] == spaces.MultiDiscrete([9, 9], start=[1, 1])
    assert env.observation_space["image-change"].low[:, 0, 0].tolist() == [-255, -255, 0]
    observation = env.reset()
    assert env.observation_space.contains(observation)
    assert observation["image-change"].tolist() == [[[0, 0]], [[0, 0]], [[0, 255]]]
    for _ in range(3):
        observation = env.step({"action": 0})[0]
        assert env.observation_space.contains(observation)
    # squares 1 4 9: changes 3 and 5, then the newest image
    assert observation["image-change"].tolist() == [[[3, -3]], [[5, -5]], [[9, 246]]]
    assert observation["image"].tolist() == [[9, 246]]
    assert observation["one-last"].tolist() == [3, 4]
    assert observation["some"].tolist() == [[2, 3], [3, 3]]
    assert observation["switches"].tolist() == [[0, 1], [1, 1]]


def test_a_single_observation_is_seen_as_the_first_of_an_episode() -> None:
    env = stacked(counting([9]), stack_steps=2, delta=True)
    given = np.array([[0, 1], [2, 3], [4, 5]], np.float32)
    assert env.observation({"observation": given})["observation"].tolist() == [
        [[0, 0], [0, 1]],
        [[0, 0], [2, 3]],
        [[0, 0], [4, 5]],
    ]
    assert env.observation({"observation": given[1]})["observation"].tolist() == [[0, 0], [2, 3]]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([{"observation": "imgae", "stack_steps": 2}], "did you mean 'image'"),
        ([{"observation": "image", "steps": 2}], r"stack_config\.0\.steps: .*did you mean 'stack_steps'"),
        ([{"observation": "image", "stack_steps": 0}], r"stack_config\.0\.stack_steps: 0 is not accepted"),
        ([{"observation": "image"}], r"stack_config\.0\.stack_steps: missing"),
        ([{"observation": "image", "stack_steps": 2, "keep_original": True}], "needs a tag"),
        ([{"observation": "one", "stack_steps": 2, "delta": True}], r"stack_config\.0\.delta: it needs numbers"),
        ([{"observation": "image", "stack_steps": 2}, {"observation": "image", "stack_steps": 3}], "two observations"),
    ],
)
def test_wrong_configuration(config: list[dict], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ObservationStackWrapper.wrap(GymMazeEnv(Mixed()), stack_config=config)
