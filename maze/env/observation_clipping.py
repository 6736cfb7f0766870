"""Bounds for numeric observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.mask_keys import mask_keys
from maze.env.maze_env import MazeEnv
from maze.env.wrapper_arguments import Bound, check_order
from maze.env.wrappers import ObservationWrapper
from maze.errors import InvalidSpecificationError, suggest
from maze.types import Observation

__all__ = ["ObservationClippingWrapper"]


class ObservationClippingWrapper(ObservationWrapper):
    """Cuts numeric observations off at bounds.

    Args:
        env: the environment inside.
        min_val: least value.
        max_val: greatest value.
        observations: keys of those that are clipped; None for every Box but masks of actions.

    Raises:
        InvalidSpecificationError: the bounds are in the wrong order, or a key does not name a Box.
    """

    def __init__(self, env: MazeEnv, min_val: Bound, max_val: Bound, observations: Sequence[str] | None = None) -> None:
        super().__init__(env)
        boxes = {key: space for key, space in env.observation_space.spaces.items() if isinstance(space, spaces.Box)}
        for key in observations or ():
            if key not in boxes:
                raise InvalidSpecificationError(f"observations: {key!r} does not name a Box; {suggest(key, boxes)}")
        self._bounds = {}
        parts = dict(env.observation_space.spaces)
        masks = mask_keys(env.observation_space, env.action_space).values()
        for key in [key for key in boxes if key not in masks] if observations is None else observations:
            low, high = (np.asarray(bound, boxes[key].dtype) for bound in (min_val, max_val))
            self._bounds[key] = low, high
            lowest, highest = (np.asarray(np.clip(bound, low, high)) for bound in (boxes[key].low, boxes[key].high))
            parts[key] = spaces.Box(lowest, highest, dtype=boxes[key].dtype.type)
        self.observation_space = spaces.Dict(list(parts.items()))

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse bounds in the wrong order; see `Wrapper.check_values`."""
        check_order(arguments.get("min_val"), arguments.get("max_val"), ("min_val", "max_val"), path)

    def observation(self, observation: Observation) -> Observation:
        """Return the observations ``[..., *shape]`` within the bounds."""
        result = dict(observation)
        for key, (low, high) in self._bounds.items():
            result[key] = np.asarray(np.clip(observation[key], low, high))
        return result
