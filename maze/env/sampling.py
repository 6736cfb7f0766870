"""Actions that need no policy: drawn from the action space, or as close to doing nothing as it allows."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.spaces import unsupported_space
from maze.types import Action, Array

__all__ = ["draw_action", "neutral_action"]


def draw_action(space: spaces.Dict, rng: np.random.Generator) -> Action:
    """Return one action drawn from an action space, uniformly where it is bounded.

    A side of a box that is open is the tail of an exponential distribution, two open sides a standard normal one.

    Args:
        space: the action space.
        rng: every draw comes from it.

    Raises:
        EnvError: nothing can be drawn from a space of this kind.
    """
    return {head: _draw(part, rng) for head, part in space.spaces.items()}


def _draw(space: spaces.Space[Any], rng: np.random.Generator) -> Array:
    if isinstance(space, spaces.Discrete):
        return np.asarray(rng.integers(int(space.start), int(space.start) + int(space.n)), space.dtype)
    if isinstance(space, spaces.MultiDiscrete):
        return np.asarray(rng.integers(space.start, space.start + space.nvec), space.dtype)
    if isinstance(space, spaces.MultiBinary):
        return rng.integers(0, 2, space.shape).astype(space.dtype)
    if not isinstance(space, spaces.Box):
        raise unsupported_space(space)
    if space.dtype.kind in "iu":
        drawn = rng.integers(space.low.astype(np.int64), space.high.astype(np.int64), endpoint=True)
        return np.asarray(drawn, space.dtype)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    below, above = np.isfinite(low), np.isfinite(high)
    base = np.where(below, low, np.where(above, high, 0.0))
    width = np.where(below & above, high, base) - base
    uniform, exponential, normal = rng.random(low.shape), rng.exponential(size=low.shape), rng.normal(size=low.shape)
    open_sided = np.where(below, exponential, np.where(above, -exponential, normal))
    points = base + np.where(below & above, uniform * width, open_sided)
    return np.asarray(np.clip(points.astype(space.dtype), space.low, space.high))  # rounding must not leave the box


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
