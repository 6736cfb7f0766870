"""A snapshot is either complete or not made."""

from __future__ import annotations

from collections import deque
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
    ],
    ids="-".join,
)
def test_anything_else_means_no_snapshot(extra: dict[str, Any]) -> None:
    assert take_snapshot(GymMazeEnv(Rich(**extra))) is None
    assert take_snapshot(GymMazeEnv(Rich())) is not None
