"""Drawn and neutral actions lie in their space."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from maze.env.sampling import draw_action, neutral_action
from maze.errors import EnvError

SPACE = spaces.Dict(
    {
        "choice": spaces.Discrete(3, start=-1),
        "choices": spaces.MultiDiscrete([2, 3], start=[4, 0]),
        "switches": spaces.MultiBinary((2, 2)),
        "levels": spaces.Box(-2, 250, (2,), np.int16),
        "range": spaces.Box(0.5, 1.0, (2,), np.float32),
        "mixed": spaces.Box(np.array([-np.inf, 3.0, -np.inf]), np.array([np.inf, np.inf, -1.0]), dtype=np.float64),
    }
)


def test_draws_fill_the_space_and_repeat() -> None:
    drawn = [draw_action(SPACE, rng) for rng in [np.random.default_rng(0)] for _ in range(400)]
    assert all(SPACE.contains(action) for action in drawn)
    assert {int(action["choice"]) for action in drawn} == {-1, 0, 1}
    assert {int(action["choices"][0]) for action in drawn} == {4, 5}
    assert {int(action["switches"][0, 1]) for action in drawn} == {0, 1}
    means = np.mean([action["range"] for action in drawn], axis=0)
    assert np.allclose(means, 0.75, atol=0.03)
    mixed = np.mean([action["mixed"] for action in drawn], axis=0)
    assert np.allclose(mixed, [0.0, 4.0, -2.0], atol=0.2)
    again = draw_action(SPACE, np.random.default_rng(0))
    assert all((again[head] == value).all() for head, value in drawn[0].items())


def test_neutral_is_nearest_to_zero() -> None:
    action = neutral_action(SPACE)
    assert SPACE.contains(action)
    assert {head: value.tolist() for head, value in action.items()} == {
        "choice": 0,
        "choices": [4, 0],
        "levels": [0, 0],
        "mixed": [0.0, 3.0, -1.0],
        "range": [0.5, 0.5],
        "switches": [[0, 0], [0, 0]],
    }


def test_kinds_without_numbers() -> None:
    space = spaces.Dict({"word": spaces.Text(3)})
    for function in (neutral_action, lambda given: draw_action(given, np.random.default_rng(0))):
        with pytest.raises(EnvError, match="not supported"):
            function(space)
