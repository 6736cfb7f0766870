"""Which actions are possible now, as a part of the observation."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.mask_keys import MASK_SUFFIX, mask_size
from maze.env.maze_env import MazeEnv
from maze.env.wrappers import Wrapper
from maze.errors import EnvError, InvalidSpecificationError, suggest
from maze.types import Action, AnyMapping, Array, Observation

__all__ = ["ActionMaskWrapper"]


class ActionMaskWrapper(Wrapper):
    """Adds the environment's action mask to the observation, int8 with 1 for what is possible, under ``<head>_mask``.

    An environment whose observations have such a key already needs no wrapper; neither normalisation nor clipping
    touches masks. It reads what each environment says of itself, so they are stepped one by one.

    Args:
        env: the environment inside.
        action: the head that is masked, Discrete or MultiDiscrete; masks of the latter are one after the other.
        method: name of the environment's method without arguments, or attribute, that has the mask, such as
            ``"action_masks"``; None takes ``info[info_key]``.
        info_key: where ``info`` has the mask, if there is no method.

    Raises:
        InvalidSpecificationError: the head cannot be masked, or the environment has no such method.
    """

    def __init__(
        self, env: MazeEnv, action: str = "action", method: str | None = None, info_key: str = "action_mask"
    ) -> None:
        super().__init__(env)
        if action not in env.action_space.spaces:
            raise InvalidSpecificationError(
                f"Unknown action head {action!r}: {suggest(action, env.action_space.spaces)}"
            )
        space = env.action_space[action]
        if not isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            raise InvalidSpecificationError(
                f"The head {action!r} is {space}; masks are for Discrete and MultiDiscrete."
            )
        size = mask_size(space)
        self.key = f"{action}{MASK_SUFFIX}"
        if self.key in env.observation_space.spaces:
            raise InvalidSpecificationError(f"The observation has {self.key!r} already; leave this wrapper out.")
        self.observation_space = spaces.Dict(
            [*env.observation_space.spaces.items(), (self.key, spaces.MultiBinary(size))]
        )
        self._size, self._method, self._info_key = size, method, info_key
        self._owner = _owner_of(env, method) if method is not None else None

    def reset(self) -> Observation:
        """Begin an episode; see `MazeEnv.reset`."""
        observation = super().reset()
        info = {} if self._owner is not None else getattr(self.env, "reset_info", {})
        return {**observation, self.key: self._mask(info, done=False)}

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        observation, reward, done, info = super().step(action)
        return {**observation, self.key: self._mask(info, done)}, reward, done, info

    def _mask(self, info: AnyMapping, done: bool) -> Array:
        if self._owner is not None:
            found = getattr(self._owner, str(self._method))
            mask = found() if callable(found) else found
        elif done and self._info_key not in info:  # nobody acts any more
            mask = np.ones(self._size)
        elif self._info_key in info:
            mask = info[self._info_key]
        else:
            raise EnvError(
                f"{self.env!r} tells no action mask: its info has no {self._info_key!r}, only {sorted(info)}. Let "
                "reset() and step() put it there, or say where it is: info_key=, or method= for a method or an "
                "attribute of the environment, such as 'action_masks'."
            )
        result = np.asarray(mask).astype(np.int8)
        if result.shape != (self._size,):
            raise EnvError(f"The action mask has shape {result.shape}; expected ({self._size},).")
        return result


def _owner_of(env: MazeEnv, method: str) -> Any:
    """Return the layer of an environment, maze's or its engine's, that has a method."""
    layer: Any = env
    while layer is not None:
        if any(method in vars(kind) for kind in type(layer).__mro__) or method in getattr(layer, "__dict__", {}):
            return layer
        layer = getattr(layer, "__dict__", {}).get("env")
    raise InvalidSpecificationError(f"{env!r} has no method or attribute {method!r} that could tell the mask.")
