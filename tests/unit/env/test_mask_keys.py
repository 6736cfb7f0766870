"""Masks are known by name, and have the shape of their head."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from maze.env import mask_keys
from maze.env.mask_keys import are_possible
from maze.errors import InvalidSpecificationError

ACTIONS = spaces.Dict(
    {"move": spaces.Discrete(4, start=2), "aim": spaces.MultiDiscrete([2, 3]), "push": spaces.Box(0, 1)}
)


def test_what_a_mask_allows_by_hand() -> None:
    mask = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]])
    discrete = are_possible(spaces.Discrete(3, start=2), np.array([2, 2, 4]), mask)
    assert discrete.tolist() == [True, False, True]  # the last mask allows nothing, and so everything
    choices = spaces.MultiDiscrete([2, 3])
    masks = np.array([[1, 0, 0, 1, 1], [1, 0, 0, 1, 1], [0, 0, 0, 1, 0], [0, 0, 0, 1, 0]])
    actions = np.array([[0, 2], [0, 0], [1, 1], [1, 2]])
    assert are_possible(choices, actions, masks).tolist() == [True, False, True, False]


def test_masks_of_every_kind_are_found() -> None:
    observed = spaces.Dict(
        {
            "move_mask": spaces.Box(0, 1, (4,), np.int8),
            "aim_mask": spaces.Box(0.0, 1.0, (5,), np.float32),
            "push_mask": spaces.MultiBinary(1),
            "segmentation_mask": spaces.Box(0, 255, (8, 8), np.uint8),
        }
    )
    assert mask_keys(observed, ACTIONS) == {"move": "move_mask", "aim": "aim_mask"}


@pytest.mark.parametrize(
    "mask", [spaces.MultiBinary(3), spaces.Box(-1, 1, (4,), np.float32), spaces.Discrete(4), spaces.MultiBinary((4, 1))]
)
def test_what_cannot_be_the_mask_that_it_is_named_after_is_refused(mask: spaces.Space) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'move_mask' is .*needs MultiBinary\(4\).*another name"):
        mask_keys(spaces.Dict({"move_mask": mask}), ACTIONS)
