"""Split and discretised actions reach the environment as the whole vectors that it knows."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import DiscretizeActionsWrapper, GymMazeEnv, SplitActionsWrapper, make_vector_env
from maze.errors import EnvError, InvalidSpecificationError


class Told(gymnasium.Env[Any, Any]):
    """Observes the last action."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = spaces.Box(-100, 100, space.shape, np.float32)
        self.action_space = space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        return np.zeros(self.action_space.shape or (), np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        return np.asarray(action, np.float32), 0.0, False, False, {}


def configured(kind: Any, space: spaces.Space[Any], config: Any) -> Any:
    name = "split_config" if kind is SplitActionsWrapper else "discretization_config"
    return kind.wrap(GymMazeEnv(Told(space)), **{name: config})


def told(kind: Any, space: spaces.Space[Any], config: Any, action: dict[str, Any]) -> tuple[Any, spaces.Dict]:
    """Return what the environment got, singly and in a batch, and the agent's action space."""
    env = configured(kind, space, config)
    env.reset()
    single = env.step(action)[0]["observation"].tolist()
    vector = make_vector_env(lambda: configured(kind, space, config), 2)
    vector.reset([0, 1])
    batch = {head: np.stack([value, value]) for head, value in action.items()}
    assert vector.step(batch).observation["observation"].tolist() == [single, single]
    return single, env.action_space


def test_split_boxes_keep_their_bounds() -> None:
    space = spaces.Box(np.array([0, 1, 2], np.float32), np.array([1, 2, 3], np.float32))
    config = {"action": {"side": {"indices": [2, 0]}, "up": [1]}}
    action = {"side": np.array([2.5, 0.25], np.float32), "up": np.array([1.5], np.float32)}
    got, heads = told(SplitActionsWrapper, space, config, action)
    assert got == [0.25, 1.5, 2.5]
    assert heads["side"] == spaces.Box(np.array([2, 0], np.float32), np.array([3, 1], np.float32))
    assert heads["up"] == spaces.Box(1.0, 2.0, (1,), np.float32)


def test_split_choices() -> None:
    space = spaces.MultiDiscrete([3, 4, 5], start=[0, 10, 0])
    config = {"action": {"one": {"indices": [1]}, "two": {"indices": [0, 2]}}}
    got, heads = told(SplitActionsWrapper, space, config, {"one": np.int64(12), "two": np.array([2, 4])})
    assert got == [2, 12, 4]
    assert heads == spaces.Dict({"one": spaces.Discrete(4, start=10), "two": spaces.MultiDiscrete([3, 5])})
    config = {"action": {"a": [0, 1], "b": [2]}}
    action = {"a": np.array([1, 0], np.int8), "b": np.array([1], np.int8)}
    got, heads = told(SplitActionsWrapper, spaces.MultiBinary(3), config, action)
    assert (got, heads["a"]) == ([1, 0, 1], spaces.MultiBinary(2))


def test_discretised_values_are_evenly_spaced() -> None:
    got, heads = told(
        DiscretizeActionsWrapper, spaces.Box(-2.0, 2.0, (1,)), {"action": {"num_bins": 5}}, {"action": np.int64(3)}
    )
    assert (got, heads["action"]) == ([1.0], spaces.Discrete(5))
    # -1 0 1 and 0 4 8 12 16 of an open range
    space = spaces.Box(np.array([[-1.0], [0.0]]), np.array([[1.0], [np.inf]]), dtype=np.float64)
    config = {"action": {"num_bins": [3, 5], "high": [[1.0], [16.0]]}}
    got, heads = told(DiscretizeActionsWrapper, space, config, {"action": np.array([0, 3])})
    assert (got, heads["action"]) == ([[-1.0], [12.0]], spaces.MultiDiscrete([3, 5]))


@pytest.mark.parametrize("chosen", [-1, 5, 1.0])
def test_choices_outside_are_refused(chosen: Any) -> None:
    env = configured(DiscretizeActionsWrapper, spaces.Box(-2, 2, (1,)), {"action": {"num_bins": 5}})
    env.reset()
    with pytest.raises(EnvError, match="not in its space"):
        env.step({"action": chosen})


VECTOR = spaces.Box(-1, 1, (2,))


@pytest.mark.parametrize(
    ("kind", "space", "config", "message"),
    [
        (SplitActionsWrapper, VECTOR, {"acton": {}}, "did you mean 'action'"),
        (SplitActionsWrapper, VECTOR, {"action": {"a": [0]}}, r"name the indices \[0\]; each of 0 to 1 once"),
        (SplitActionsWrapper, VECTOR, {"action": {"a": [0], "b": [0, 1]}}, "once"),
        (SplitActionsWrapper, VECTOR, {"action": {"a": {"index": [0]}}}, "give indices"),
        (SplitActionsWrapper, VECTOR, {"action": {"a": ["0", 1]}}, "not whole numbers"),
        (SplitActionsWrapper, spaces.Discrete(3), {"action": {"a": [0]}}, "only vectors can be split"),
        (DiscretizeActionsWrapper, spaces.Discrete(3), {"action": {"num_bins": 3}}, "not a Box"),
        (
            DiscretizeActionsWrapper,
            VECTOR,
            {"action": {"num_bins": 1}},
            r"action\.num_bins: 1 is not accepted; accepted: whole number >= 2",
        ),
        (DiscretizeActionsWrapper, VECTOR, {"action": {}}, r"action\.num_bins: missing"),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"num_bins": [2, 3, 4]}}, "does not fit a head of 2"),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"bins": 3}}, "did you mean 'num_bins'"),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"num_bins": 3, "low": -2}}, r"action\.low: -2 is outside of"),
        (
            DiscretizeActionsWrapper,
            VECTOR,
            {"action": {"num_bins": 3, "high": [1, 1.5]}},
            r"high: \[1, 1.5\] is outside",
        ),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"num_bins": 3, "low": None}}, r"low: None is not accepted"),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"num_bins": 3, "high": "a"}}, r"high: 'a' is not accepted"),
        (DiscretizeActionsWrapper, VECTOR, {"action": {"num_bins": 3, "low": 1, "high": 0}}, "low the smaller"),
        (DiscretizeActionsWrapper, spaces.Box(0, np.inf, (1,)), {"action": {"num_bins": 3}}, "give low and high"),
    ],
)
def test_wrong_configuration(kind: Any, space: Any, config: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        configured(kind, space, config)
