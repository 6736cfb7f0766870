"""What action heads ask of their space and arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from maze.errors import InvalidSpecificationError
from maze.types import Array

__all__ = ["bounded_box", "choices_of", "floating_box", "of_class", "positive"]

_MOST_OPTIONS = 100_000


def choices_of(space: spaces.MultiDiscrete | spaces.Box, head: object) -> tuple[Array, Array]:
    """Return the number of options and the first option of every element, int64 of the space's shape.

    Args:
        space: MultiDiscrete, or a box of whole numbers.
        head: who asks, for the message.

    Raises:
        InvalidSpecificationError: it is neither, or has too many options.
    """
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.integer):
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        if (high - low + 1.0).sum() > _MOST_OPTIONS:
            raise InvalidSpecificationError(
                f"Action space {space} has more than {_MOST_OPTIONS} options, each of which needs a logit. Bound its "
                "numbers, or offer them as a Box of floats that an ActionWrapper rounds."
            )
        return (high - low).astype(np.int64) + 1, low.astype(np.int64)
    if isinstance(space, spaces.MultiDiscrete):
        return np.asarray(space.nvec, np.int64), np.asarray(space.start, np.int64)
    raise InvalidSpecificationError(
        f"{type(head).__name__} accepts MultiDiscrete spaces and boxes of whole numbers, but was given {space}. "
        "Correct the entry of distribution_mapper_config that asks for it."
    )


def of_class(space: spaces.Space, accepted: type, head: object) -> spaces.Space:  # type: ignore[type-arg]
    """Return ``space``, which has to be of a class.

    Raises:
        InvalidSpecificationError: it is of another one; the message names the class that ``head`` accepts.
    """
    if isinstance(space, accepted):
        return space
    raise InvalidSpecificationError(
        f"{type(head).__name__} accepts {accepted.__name__} spaces, but was given {space}. "
        "Correct the entry of distribution_mapper_config that asks for it."
    )


def floating_box(space: spaces.Box, head: object) -> spaces.Box:
    """Return ``space``, which has to be a box of floats.

    Raises:
        InvalidSpecificationError: it is something else.
    """
    of_class(space, spaces.Box, head)
    if not np.issubdtype(space.dtype, np.floating):
        remedy = (
            "Things that are on or off are a MultiBinary space, of which bernoulli is the default."
            if space.dtype == np.bool_
            else "Whole numbers are multi_categorical, which is the default for them."
        )
        raise InvalidSpecificationError(
            f"Action space {space} has the dtype {space.dtype}; {type(head).__name__} accepts floating boxes. {remedy}"
        )
    return space


def bounded_box(space: spaces.Box, head: object) -> tuple[Array, Array]:
    """Return the flat bounds of a box of floats.

    Args:
        space: the box.
        head: who asks, for the message.

    Returns:
        Lower and upper bounds, [n] each.

    Raises:
        InvalidSpecificationError: it is not bounded on all sides.
    """
    box = floating_box(space, head)
    low, high = box.low.reshape(-1), box.high.reshape(-1)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise InvalidSpecificationError(
            f"Action space {space} is not bounded on all sides with low < high; {type(head).__name__} accepts finite "
            "bounds only. Use the distribution 'gaussian' for it, or bound it in an ActionWrapper."
        )
    return low, high


def positive(name: str, value: Any) -> float:
    """Return ``value`` as a float.

    Args:
        name: of the argument, for the message.
        value: what was given.

    Raises:
        InvalidSpecificationError: it is not above 0.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not value > 0.0:
        raise InvalidSpecificationError(f"{name} is {value!r}; accepted are numbers > 0.")
    return float(value)
