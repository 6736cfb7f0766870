"""Drawn and neutral actions lie in their space."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from maze.env.sampling import ActionSampler, neutral_action
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
    sampler = ActionSampler(SPACE)
    drawn = [sampler.draw_one(rng, {}) for rng in [np.random.default_rng(0)] for _ in range(400)]
    assert all(SPACE.contains(action) for action in drawn)
    assert {int(action["choice"]) for action in drawn} == {-1, 0, 1}
    assert {int(action["choices"][0]) for action in drawn} == {4, 5}
    assert {int(action["switches"][0, 1]) for action in drawn} == {0, 1}
    means = np.mean([action["range"] for action in drawn], axis=0)
    assert np.allclose(means, 0.75, atol=0.03)
    mixed = np.mean([action["mixed"] for action in drawn], axis=0)
    assert np.allclose(mixed, [0.0, 4.0, -2.0], atol=0.2)
    again = sampler.draw_one(np.random.default_rng(0), {})
    assert all((again[head] == value).all() for head, value in drawn[0].items())


MASKED = spaces.Dict({"pick": spaces.Discrete(3, start=5), "picks": spaces.MultiDiscrete([2, 3], start=[1, 0])})
MASKS = spaces.Dict({"pick_mask": spaces.MultiBinary(3), "picks_mask": spaces.Box(0, 1, (5,), np.float32)})


def test_masked_draws_are_possible_and_equally_likely() -> None:
    sampler, rng = ActionSampler(MASKED, MASKS), np.random.default_rng(0)
    masks = {"pick_mask": np.tile(np.int8([1, 0, 1]), (600, 1)), "picks_mask": np.tile([1.0, 0, 0, 1, 1], (600, 1))}
    drawn = sampler.draw(rng, 600, masks)
    assert all(MASKED["pick"].contains(value) for value in drawn["pick"])
    counts = np.bincount(drawn["pick"])
    assert counts[6] == 0
    assert counts[5] == pytest.approx(300, abs=60)
    assert set(drawn["picks"][:, 0].tolist()) == {1}
    assert set(drawn["picks"][:, 1].tolist()) == {1, 2}
    one = sampler.draw_one(rng, {"pick_mask": np.int8([0, 0, 1]), "picks_mask": np.float32([0, 1, 1, 0, 0])})
    assert (int(one["pick"]), one["picks"].tolist()) == (7, [2, 0])


def test_a_mask_that_allows_nothing_allows_everything() -> None:
    masks = {"pick_mask": np.zeros((300, 3), np.int8), "picks_mask": np.zeros((300, 5), np.float32)}
    drawn = ActionSampler(MASKED, MASKS).draw(np.random.default_rng(0), 300, masks)
    assert set(drawn["pick"].tolist()) == {5, 6, 7}


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
    for function in (neutral_action, ActionSampler):
        with pytest.raises(EnvError, match="not supported"):
            function(space)
