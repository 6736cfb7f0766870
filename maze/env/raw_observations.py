"""What can be wrong with observations that come from outside instead of from an environment."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from maze.errors import EnvError
from maze.types import Array, Observation

__all__ = ["check_raw_observation"]


def check_raw_observation(observation: Observation, space: spaces.Dict) -> None:
    """Refuse observations from which wrappers and networks would make something that means nothing.

    Looked at are numbers of categories, which encodings index by, and how many observations there are under each key.
    Boxes are not: what is measured may lie outside.

    Args:
        observation: by key, single ones or batches; keys that the space does not know are left alone.
        space: of a single observation, before the wrappers.

    Raises:
        EnvError: names the key and the value.
    """
    leading: dict[str, tuple[int, ...]] = {}
    for key, part in space.spaces.items():
        if key in observation:
            values = np.asarray(observation[key])
            leading[key] = values.shape[: values.ndim - len(part.shape or ())]
            _check_categories(key, values, part)
    if len(set(leading.values())) > 1:
        raise EnvError(f"observation: has the batches {leading}; accepted: as many observations under each key.")


def _check_categories(key: str, values: Array, part: spaces.Space[object]) -> None:
    """Refuse values of a discrete space that it does not hold."""
    match part:
        case spaces.Discrete():
            low, high = np.asarray(part.start), np.asarray(part.start + part.n - 1)
        case spaces.MultiDiscrete():
            low, high = part.start, part.start + part.nvec - 1
        case spaces.MultiBinary():
            low, high = np.asarray(0), np.asarray(1)
        case _:
            return
    try:
        wrong = (values < low) | (values > high) | (values != np.trunc(values))
    except (TypeError, ValueError):  # texts, or another shape, which wrappers and networks tell of
        return
    if wrong.any():
        raise EnvError(
            f"{key}: {values[wrong][0].item()!r} is not accepted; accepted: whole numbers from {low.tolist()} to "
            f"{high.tolist()}."
        )
