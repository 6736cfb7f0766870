"""Checks at the border to the engine: what it gives and what it takes is of the declared shape and dtype, or an error.

Each reader is made once for a space, so that a step does no more than it must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import index
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from maze.errors import EnvError, suggest
from maze.types import Array

__all__ = [
    "ActionReader",
    "ObservationReader",
    "make_action_reader",
    "make_observation_reader",
    "wrong_action",
    "wrong_heads",
]

ActionReader: TypeAlias = Callable[[Any], Any]
"""Checks the action of one head and turns it into what the engine takes."""

ObservationReader: TypeAlias = Callable[[Any], Array]
"""Copies one value of the engine into an array of the space's shape and dtype."""

ROUNDING_TOLERANCE = 1e-4
"""Share of a Box's range by which an action may be outside; float32 squashing rounds to just beyond the bounds."""


def make_observation_reader(space: spaces.Space[Any], key: str) -> ObservationReader:
    """Return a function that copies an engine's value, so that its own buffers never leak out.

    Args:
        space: the leaf of the Dict space.
        key: its key, for messages.
    """
    dtype, shape = np.dtype(space.dtype), space.shape

    def read(value: Any) -> Array:
        array = np.array(value)
        if array.dtype != dtype:
            if array.dtype.kind not in "buif" or (array.dtype.kind == "f" and dtype.kind != "f"):
                raise EnvError(f"The environment returned {array.dtype} for {key!r}; its space says {dtype}.")
            array = array.astype(dtype)
        if array.shape != shape:
            raise EnvError(f"The environment returned shape {array.shape} for {key!r}; its space says {shape}.")
        return array

    return read


def make_action_reader(space: spaces.Space[Any], key: str) -> ActionReader:
    """Return a function that checks an action of one leaf and copies it into the engine's dtype.

    Args:
        space: the engine's own leaf space.
        key: name of the action head, for messages.
    """
    if isinstance(space, spaces.Discrete):
        return _discrete_reader(space, key)
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        return _box_reader(space, key)

    def read(value: Any) -> Array:
        given = np.asarray(value)
        array = given.astype(space.dtype)
        if given.dtype.kind not in "bui" or not space.contains(array):
            raise wrong_action(key, space, value)
        return array

    return read


def _discrete_reader(space: spaces.Discrete, key: str) -> ActionReader:
    low, high = int(space.start), int(space.start) + int(space.n)

    def read(value: Any) -> int:
        try:
            number = index(value)  # integers and integer arrays without axes, and nothing else
        except TypeError:
            raise wrong_action(key, space, value) from None
        if not low <= number < high:
            raise wrong_action(key, space, value)
        return number

    return read


def _box_reader(space: spaces.Box, key: str) -> ActionReader:
    low, high, dtype = space.low, space.high, space.dtype
    spread = np.where(np.isfinite(low) & np.isfinite(high), high.astype(np.float64) - low.astype(np.float64), 1.0)
    largest = np.maximum(*(np.abs(np.where(np.isfinite(bound), bound, 0.0)) for bound in (low, high)))
    slack = ROUNDING_TOLERANCE * spread + np.finfo(np.float32).eps * largest  # bounds of float64 are rounded, too

    def read(value: Any) -> Array:
        array = np.array(value)
        if array.shape != space.shape or array.dtype.kind not in "buif":
            raise wrong_action(key, space, value)
        array = array.astype(dtype, copy=False)
        if not ((array >= low) & (array <= high)).all():
            if not ((array >= low - slack) & (array <= high + slack)).all():
                raise wrong_action(key, space, value)
            array = np.clip(array, low, high)
        return array

    return read


def wrong_action(key: str, space: spaces.Space[Any], value: Any) -> EnvError:
    """Return the error for an action that is not in its space."""
    array = np.asarray(value)
    given = f"{value!r} (shape {array.shape}, {array.dtype})"
    return EnvError(f"The action for {key!r} is not in its space: expected {space}, given {given}.")


def wrong_heads(action: Any, heads: Iterable[str]) -> EnvError:
    """Return the error for an action that is not a dictionary with exactly these heads."""
    known = list(heads)
    expected = ", ".join(repr(key) for key in known)
    if not isinstance(action, Mapping):
        return EnvError(f"An action is a dictionary with the heads {expected}; given {action!r}.")
    unknown = [key for key in action if key not in known]
    hint = f" Unknown head {unknown[0]!r}: {suggest(unknown[0], known)}" if unknown else ""
    return EnvError(f"An action needs exactly the heads {expected}; given {sorted(map(str, action))}.{hint}")
