"""A snapshot is either complete or not made."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv
from maze.env.snapshot import restore_snapshot, take_snapshot


class Rich(gymnasium.Env[Any, Any]):
    """Keeps its state in every kind of plain container."""

    def __init__(self, **extra: Any) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = spaces.Discrete(2)
        self.path: list[tuple[int, float]] = []
        self.recent: deque[int] = deque(maxlen=2)
        self.visits: dict[Any, Any] = {(0, 0): np.zeros(2), "n": np.int64(0)}
        self.nothing = ()
        self.nothing_either = ()
        for name, value in extra.items():
            setattr(self, name, value)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.path.clear()
        return np.zeros(3), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        draw = float(self.np_random.normal())
        self.path.append((action, draw))
        self.recent.append(action)
        self.visits[0, 0][action] += 1
        self.visits["n"] += 1
        observation = np.array([draw, len(self.path), sum(self.recent)]) + self.visits[0, 0].sum() + self.visits["n"]
        return observation, draw, False, False, {}


def test_plain_state_is_restored_exactly() -> None:
    first, second = GymMazeEnv(Rich()), GymMazeEnv(Rich())
    first.seed(3)
    first.reset()
    for t in range(5):
        first.step({"action": t % 2})
    snapshot = take_snapshot(first)
    assert snapshot is not None
    expected = [first.step({"action": 1})[:2] for _ in range(5)]
    restore_snapshot(second, snapshot)
    assert second.env.recent.maxlen == 2  # type: ignore[attr-defined]
    given = [second.step({"action": 1})[:2] for _ in range(5)]
    for (left, left_reward), (right, right_reward) in zip(expected, given, strict=True):
        assert (left["observation"] == right["observation"]).all()
        assert left_reward == right_reward


def function_of(thing: Any) -> Callable[[], Any]:
    return lambda: thing


SHARED = [1, 2]
BUFFER = np.zeros(4)


@pytest.mark.parametrize(
    "extra",
    [
        {"engine": object()},
        {"stream": iter([1])},
        {"objects": np.array([object()])},
        {"a": SHARED, "b": SHARED},
        {"a": BUFFER, "b": BUFFER[:2]},
        {"nested": {"deep": [object()]}},
        {"function": function_of(object())},
    ],
    ids="-".join,
)
def test_anything_else_means_no_snapshot(extra: dict[str, Any]) -> None:
    assert take_snapshot(GymMazeEnv(Rich(**extra))) is None
    assert take_snapshot(GymMazeEnv(Rich())) is not None


class Drawing(Rich):
    """Draws from generators of every kind, two of them under two names, and from a function with a variable."""

    def __init__(self) -> None:
        super().__init__()
        self.rng: Any = None
        self.python = random.Random(0)
        self.legacy = np.random.RandomState(0)
        self.count = counter()

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        result = super().reset(seed=seed)
        self.rng = self.np_random
        self.observation_space.seed(seed)
        return result

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        drawn = [self.rng.random() + self.np_random.random(), self.python.random() + self.legacy.random(), self.count()]
        return np.array(drawn), float(self.observation_space.sample()[0]), False, False, {}


def counter() -> Callable[[], int]:
    n = 0

    def count() -> int:
        nonlocal n
        n += 1
        return n

    return count


def test_generators_of_every_kind_and_variables_of_functions_go_on() -> None:
    first, second = GymMazeEnv(Drawing()), GymMazeEnv(Drawing())
    first.seed(3)
    first.reset()
    for _ in range(5):
        first.step({"action": 0})
    snapshot = take_snapshot(first)
    assert snapshot is not None
    restore_snapshot(second, snapshot)
    assert second.env.rng is second.env.np_random  # type: ignore[attr-defined]
    for _ in range(5):
        (left, left_reward, *_), (right, right_reward, *_) = first.step({"action": 1}), second.step({"action": 1})
        assert left["observation"].tolist() == right["observation"].tolist()
        assert left_reward == right_reward


def test_functions_that_know_their_environment_are_no_obstacle() -> None:
    clipped = GymMazeEnv(gymnasium.wrappers.ClipReward(gymnasium.make("Pendulum-v1"), -1.0, 1.0))
    assert take_snapshot(clipped) is not None
    actions = GymMazeEnv(gymnasium.wrappers.ClipAction(gymnasium.make("Pendulum-v1")))
    assert take_snapshot(actions) is not None
