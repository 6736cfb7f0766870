"""Which observations are masks of actions: everybody who looks at masks asks here, so that all agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from maze.errors import InvalidSpecificationError
from maze.types import Array

__all__ = ["MASK_SUFFIX", "are_possible", "mask_keys", "mask_size"]

MASK_SUFFIX = "_mask"


def mask_keys(observation_space: spaces.Dict, action_space: spaces.Dict) -> dict[str, str]:
    """Return the observation that is the mask of each masked action head, by head.

    The mask of a Discrete or MultiDiscrete head is the observation ``<head>_mask``: 1 for what is possible, 0 for what
    is not, for MultiDiscrete one choice after the other. It is MultiBinary, or a box from 0 to 1 of any dtype.

    Args:
        observation_space: by observation key.
        action_space: by head.

    Raises:
        InvalidSpecificationError: an observation has the name of a mask, and cannot be one.
    """
    found = {}
    for head, space in action_space.spaces.items():
        key = f"{head}{MASK_SUFFIX}"
        mask = observation_space.spaces.get(key)
        if mask is None or not isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            continue
        size = mask_size(space)
        if not _holds_bits(mask) or mask.shape != (size,):
            raise InvalidSpecificationError(
                f"The observation {key!r} is {mask}; by its name it is the mask of the action head {head!r}, which is "
                f"{space} and needs MultiBinary({size}), or a Box from 0 to 1 of that shape. Give it another name if "
                "it is something else."
            )
        found[head] = key
    return found


def mask_size(space: spaces.Discrete | spaces.MultiDiscrete) -> int:
    """Return how many entries the mask of a head has."""
    return int(space.n) if isinstance(space, spaces.Discrete) else int(space.nvec.sum())


def are_possible(space: spaces.Space[Any], action: Array, mask: Array) -> Array:
    """Tell which actions the masks allow, bool ``[N]``; a mask that allows nothing allows everything.

    Args:
        space: of the head, Discrete or MultiDiscrete.
        action: ``[N, *shape]``, each in the space.
        mask: ``[N, n]``, see `mask_keys`.
    """
    assert isinstance(space, spaces.Discrete | spaces.MultiDiscrete)  # noqa: S101  (no other kind has masks)
    choices = (action - space.start).reshape(len(action), -1)
    sizes = [mask_size(space)] if isinstance(space, spaces.Discrete) else space.nvec.ravel().tolist()
    possible = np.ones(len(action), bool)
    for choice, part in zip(choices.T, np.split(mask != 0, np.cumsum(sizes)[:-1], axis=-1), strict=True):
        possible &= part[np.arange(len(part)), choice] | ~part.any(-1)
    return possible


def _holds_bits(mask: spaces.Space[Any]) -> bool:
    if isinstance(mask, spaces.Box):
        return bool((mask.low == 0).all() and (mask.high == 1).all())
    return isinstance(mask, spaces.MultiBinary)
