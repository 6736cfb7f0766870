"""Whether recorded arrays are those of an environment: keys, shapes, dtypes, and which actions are possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env import mask_keys
from maze.errors import InvalidSpecificationError, suggest
from maze.types import Array

__all__ = ["fit", "require_possible"]

_REMEDY = "Give the environment and the wrappers that they were recorded with, or record them again."


def fit(arrays: Mapping[str, Array], space: spaces.Dict, what: str) -> dict[str, Array]:
    """Return arrays by the keys, and in the dtypes, of a space.

    Args:
        arrays: by key, each [M, ...].
        space: what they have to fit.
        what: how messages call them.

    Raises:
        InvalidSpecificationError: a key is missing or is too many, has another shape or dtype, or is out of range.
    """
    for key in arrays:
        if key not in space.spaces:
            raise InvalidSpecificationError(
                f"trajectories: hold the {what} {key!r}, which the environment does not have; {suggest(key, space)} "
                f"{_REMEDY}"
            )
    return {key: _fit_part(arrays.get(key), part, f"{what} {key!r}") for key, part in space.spaces.items()}


def _fit_part(values: Array | None, space: spaces.Space[Any], name: str) -> Array:
    if values is None:
        raise InvalidSpecificationError(f"trajectories: lack the {name}, which the environment has. {_REMEDY}")
    if values.shape[1:] != space.shape:
        raise InvalidSpecificationError(
            f"trajectories: the {name} has the shape {values.shape[1:]}; the environment has {space.shape}. {_REMEDY}"
        )
    if space.dtype is None or not np.can_cast(values.dtype, space.dtype, "same_kind"):
        raise InvalidSpecificationError(
            f"trajectories: the {name} is of {values.dtype}; the environment has {space.dtype}. {_REMEDY}"
        )
    bounds = _bounds(space)
    if bounds is not None and ((values < bounds[0]) | (values > bounds[1])).any():
        raise InvalidSpecificationError(
            f"trajectories: the {name} lies between {values.min()} and {values.max()}; the environment accepts "
            f"{space}. {_REMEDY}"
        )
    return values.astype(space.dtype, copy=False)


def _bounds(space: spaces.Space[Any]) -> tuple[Any, Any] | None:
    """Return the smallest and the largest possible values of a discrete space; None for a box."""
    if isinstance(space, spaces.Discrete):
        return space.start, space.start + space.n - 1
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    return (0, 1) if isinstance(space, spaces.MultiBinary) else None


def require_possible(
    observation: Mapping[str, Array],
    action: Mapping[str, Array],
    observation_space: spaces.Dict,
    action_space: spaces.Dict,
) -> None:
    """Refuse actions that the mask in their observation says are impossible.

    Args:
        observation: by key, each [M, ...].
        action: by head, each [M, ...].
        observation_space: tells which observations are masks, see `maze.distributions.masking`.
        action_space: by head.

    Raises:
        InvalidSpecificationError: names the first step of such an action.
    """
    for head, key in mask_keys(observation_space, action_space).items():
        mask, space = observation[key] != 0, action_space[head]
        index = (action[head] - getattr(space, "start", 0)).reshape(len(mask), -1)  # [M, choices]
        sizes = space.nvec.reshape(-1) if isinstance(space, spaces.MultiDiscrete) else np.array([space.n])  # type: ignore[attr-defined]
        first = np.cumsum(sizes) - sizes
        free = np.stack(
            [~part.any(-1) for part in np.split(mask, first[1:], axis=-1)], -1
        )  # a mask that allows nothing
        wrong = np.flatnonzero(~(np.take_along_axis(mask, index + first, -1) | free).all(-1))
        if len(wrong):
            raise InvalidSpecificationError(
                f"trajectories: the action {head!r} of step {wrong[0]} is {action[head][wrong[0]]}, which the mask "
                f"{key!r} in its observation forbids. {_REMEDY}"
            )
