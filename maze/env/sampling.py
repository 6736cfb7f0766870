"""Actions that need no policy: drawn from the action space, or as close to doing nothing as it allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from maze.env.mask_keys import mask_keys
from maze.env.spaces import unsupported_space
from maze.types import Action, Array

__all__ = ["ActionSampler", "Sampler", "make_sampler", "neutral_action"]

Sampler: TypeAlias = Callable[[np.random.Generator, int], Array]
"""Draws N elements of a space, [N, *shape]."""


class ActionSampler:
    """Draws random actions that lie in the action space, and that the masks among the observations allow.

    They are uniform where the space is bounded; see `make_sampler` for what is open.

    Args:
        action_space: by head.
        observation_space: by key; its masks are obeyed, see `mask_keys`. None knows of no masks.

    Raises:
        EnvError: nothing can be drawn from a space.
        InvalidSpecificationError: an observation has the name of a mask, and cannot be one.
    """

    def __init__(self, action_space: spaces.Dict, observation_space: spaces.Dict | None = None) -> None:
        self._space = action_space
        self._samplers = {head: make_sampler(part) for head, part in action_space.spaces.items()}
        self._masks = mask_keys(observation_space, action_space) if observation_space is not None else {}

    @property
    def mask_keys(self) -> list[str]:
        """Keys of the observations that are looked at."""
        return list(self._masks.values())

    def draw(self, rng: np.random.Generator, n_rows: int, observation: Mapping[str, Array]) -> dict[str, Array]:
        """Return one action for each row, by head ``[N, *shape]``.

        Args:
            rng: the caller's generator.
            n_rows: N.
            observation: by key ``[N, *shape]``; only masks are looked at.
        """
        return {
            head: _draw_possible(self._space[head], observation[self._masks[head]], rng)
            if head in self._masks
            else sampler(rng, n_rows)
            for head, sampler in self._samplers.items()
        }

    def draw_one(self, rng: np.random.Generator, observation: Mapping[str, Array]) -> Action:
        """Return one action for a single observation, by head without batch axis."""
        masks = {key: np.asarray(observation[key])[None] for key in self._masks.values()}
        return {head: np.asarray(action[0]) for head, action in self.draw(rng, 1, masks).items()}


def _draw_possible(space: spaces.Space[Any], mask: Array, rng: np.random.Generator) -> Array:
    """Return one of the possible actions for each row of a mask ``[N, n]``, all equally likely."""
    if isinstance(space, spaces.Discrete):
        return np.asarray(_choose(mask, rng).astype(space.dtype, copy=False) + space.start)
    assert isinstance(space, spaces.MultiDiscrete)  # noqa: S101  (no other kind has masks)
    parts = np.split(mask, np.cumsum(space.nvec.ravel())[:-1], axis=-1)
    choices = np.stack([_choose(part, rng) for part in parts], -1)
    return (choices.reshape(-1, *space.shape) + space.start).astype(space.dtype, copy=False)


def _choose(mask: Array, rng: np.random.Generator) -> Array:
    """Return the number of a possible option, int64 ``[N]``; of any where none is possible."""
    possible = mask != 0
    possible |= ~possible.any(-1, keepdims=True)
    return np.asarray(np.where(possible, rng.random(mask.shape), -1.0).argmax(-1))


def make_sampler(space: spaces.Space[Any]) -> Sampler:
    """Return a function that draws batches of elements of a space, uniformly where it is bounded.

    A side of a box that is open is the tail of an exponential distribution, two open sides a standard normal one.

    Args:
        space: of one array.

    Raises:
        EnvError: nothing can be drawn from a space of this kind.
    """
    if isinstance(space, spaces.Discrete):
        low, n_actions, dtype = int(space.start), int(space.n), space.dtype
        return lambda rng, n_rows: rng.integers(low, low + n_actions, n_rows).astype(dtype, copy=False)
    if isinstance(space, spaces.MultiDiscrete):
        starts, ends, kind = space.start, space.start + space.nvec, space.dtype
        return lambda rng, n_rows: rng.integers(starts, ends, (n_rows, *starts.shape)).astype(kind, copy=False)
    if isinstance(space, spaces.MultiBinary):
        shape, bits = space.shape, space.dtype
        return lambda rng, n_rows: rng.integers(0, 2, (n_rows, *shape)).astype(bits)
    if isinstance(space, spaces.Box):
        return _sampler_of_box(space)
    raise unsupported_space(space)


def _sampler_of_box(space: spaces.Box) -> Sampler:
    dtype = space.dtype
    if dtype.kind in "iu":
        lows, highs = space.low.astype(np.int64), space.high.astype(np.int64)
        return lambda rng, n_rows: rng.integers(lows, highs, (n_rows, *lows.shape), endpoint=True).astype(dtype)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    below, above = np.isfinite(low), np.isfinite(high)
    base = np.where(below, low, np.where(above, high, 0.0))
    width = np.where(below & above, np.where(above, high, 0.0) - base, 0.0)

    def draw(rng: np.random.Generator, n_rows: int) -> Array:
        shape = (n_rows, *low.shape)
        uniform, exponential, normal = rng.random(shape), rng.exponential(size=shape), rng.normal(size=shape)
        open_sided = np.where(below, exponential, np.where(above, -exponential, normal))
        points = base + np.where(below & above, uniform * width, open_sided)
        return np.clip(points.astype(dtype), space.low, space.high)  # rounding must not leave the box

    return draw


def neutral_action(space: spaces.Dict) -> Action:
    """Return the action nearest to zero in every component, which means "do nothing" in most environments.

    Args:
        space: the action space.

    Raises:
        EnvError: a space is of a kind without numbers.
    """
    return {head: _nearest_to_zero(part) for head, part in space.spaces.items()}


def _nearest_to_zero(space: spaces.Space[Any]) -> Array:
    if isinstance(space, spaces.Discrete):
        return np.asarray(min(max(0, int(space.start)), int(space.start) + int(space.n) - 1), space.dtype)
    if isinstance(space, spaces.MultiDiscrete):
        return np.asarray(np.clip(0, space.start, space.start + space.nvec - 1), space.dtype)
    if isinstance(space, spaces.MultiBinary):
        return np.zeros(space.shape, space.dtype)
    if isinstance(space, spaces.Box):
        return np.asarray(np.clip(np.zeros(space.shape, space.dtype), space.low, space.high))
    raise unsupported_space(space)
