"""What an environment or a wrapper gave that its interface does not allow: whose it is, what it was, what is expected.

Who unpacks a step or keeps an observation asks here once that has failed, so that a step which is right costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.errors import EnvError
from maze.types import Array

__all__ = [
    "check_observation",
    "read_ends",
    "read_reward",
    "read_rewards",
    "space_of",
    "wrong_observation",
    "wrong_values",
]

STEP_VALUES = "observation, reward, done, info"


def wrong_values(env: object, method: str, given: Any, expected: str = STEP_VALUES) -> EnvError:
    """Return the error for a method whose result cannot be taken apart.

    Args:
        env: whose method it is.
        method: its name.
        given: what it returned.
        expected: the names of the values.
    """
    what = f"{len(given)} values" if isinstance(given, tuple | list) else repr(given)
    n_expected = expected.count(",") + 1
    return EnvError(f"{method}() of {env!r} returned {what}; expected are {n_expected}: {expected}.")


def read_reward(env: object, reward: Any) -> float:
    """Return the reward of a step as a number.

    Args:
        env: who paid it.
        reward: a number, or an array of one.

    Raises:
        EnvError: it is something else.
    """
    if isinstance(reward, int | float | np.number):
        return float(reward)
    array = np.asarray(reward)
    if array.size != 1 or array.dtype.kind not in "buif":
        raise EnvError(f"step() of {env!r} returned the reward {reward!r}; expected is one number.")
    return float(array.item())


def read_rewards(wrapper: object, reward: Any, expected: Array) -> Array:
    """Return what a wrapper made of rewards as an array of the shape of those that it got.

    Args:
        wrapper: whose method `reward` it was.
        reward: what it returned: one for each, or one for all.
        expected: those that it got, float32 ``[...]``.

    Raises:
        EnvError: they are of another shape, or no numbers.
    """
    if getattr(reward, "shape", None) == expected.shape:
        return np.asarray(reward)
    array = np.asarray(reward)
    if array.dtype.kind not in "buif" or array.shape not in (expected.shape, ()):
        what = f"shape {array.shape}" if array.dtype.kind in "buif" else repr(reward)
        raise EnvError(f"reward() of {wrapper!r} returned {what}; expected is an array of shape {expected.shape}.")
    return np.full(expected.shape, array, expected.dtype)


def read_ends(env: object, info: Any) -> tuple[bool, bool]:
    """Return whether a step terminated its episode, and whether it cut it off.

    Args:
        env: whose step it was.
        info: what it told.

    Raises:
        EnvError: it tells neither, or not both.
    """
    try:
        return bool(info["terminated"]), bool(info["truncated"])
    except KeyError as error:
        raise EnvError(f"step() of {env!r} left {error} out of its info; both flags must be there.") from error
    except TypeError as error:
        raise EnvError(f"step() of {env!r} returned the info {info!r}; expected is a dictionary.") from error


def check_observation(env: Any, method: str, observation: Any, leading: tuple[int, ...] = ()) -> None:
    """Compare an observation with the space in which its environment says that it lies.

    Args:
        env: an environment or a wrapper; one whose observations are no dictionaries is left alone.
        method: which one returned the observation, for the message.
        observation: what it returned.
        leading: the batch axes.

    Raises:
        EnvError: it is no dictionary, lacks a key, or has an array of another shape.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Dict):
        return
    start = f"{method}() of {env!r} returned"
    if not isinstance(observation, Mapping):
        raise EnvError(f"{start} {observation!r}; expected is a dictionary with the keys {sorted(space)}.")
    for key, part in space.spaces.items():
        if key not in observation:
            raise EnvError(
                f"{start} the keys {sorted(map(str, observation))}; its observation_space has {sorted(space)}. "
                "A wrapper that changes keys sets its observation_space."
            )
        shape, expected = np.shape(observation[key]), (*leading, *(part.shape or ()))
        if shape != expected:
            raise EnvError(
                f"{start} shape {shape} for {key!r}; by its observation_space it is {expected}. A wrapper that changes "
                "shapes sets its observation_space."
            )


def wrong_observation(env: Any, method: str, observation: Any, error: Exception) -> EnvError:
    """Return the error for an observation that could not be kept.

    Args:
        env: whose it is.
        method: which one returned it.
        observation: what it returned.
        error: what went wrong.
    """
    try:
        check_observation(env, method, observation)
    except EnvError as found:
        return found
    return EnvError(f"{method}() of {env!r} returned {observation!r}, which is not in its observation_space: {error}")


def space_of(engine: Any, name: str) -> spaces.Space[Any]:
    """Return a space of an engine.

    Args:
        engine: an environment of gymnasium.
        name: ``"observation_space"`` or ``"action_space"``.

    Raises:
        EnvError: it has none.
    """
    try:
        space: spaces.Space[Any] = getattr(engine, name)
    except AttributeError as error:
        raise EnvError(
            f"{type(engine).__name__} has no {name}; set one of gymnasium.spaces in its __init__."
        ) from error
    return space
