"""Observations of people and of other programs, checked and brought into the form in which networks take them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from maze.errors import MazeError
from maze.types import FLOAT, Array, Observation

__all__ = ["as_batch"]


def as_batch(
    observation: Observation, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Array], tuple[int, ...]]:
    """Return an observation with one batch axis [B, ...], and the leading axes that it had.

    Args:
        observation: by key; not written to. Keys without a shape are ignored.
        shapes: of a single observation, by key.

    Raises:
        MazeError: where a key is missing, or an array is of another kind or shape.
    """
    _check_keys(observation, shapes)
    batch: dict[str, Array] = {}
    leading: tuple[int, ...] | None = None
    for key, shape in shapes.items():
        value = np.asarray(observation[key])
        if value.dtype.kind not in "fiub":
            raise MazeError(f"The observation {key!r} is {observation[key]!r}; expected is an array of numbers.")
        n_leading = value.ndim - len(shape)
        if n_leading < 0 or value.shape[n_leading:] != shape:
            raise MazeError(
                f"The observation {key!r} has the shape {value.shape}; expected is {shape}, or {('N', *shape)} "
                "for a batch."
            )
        if leading not in (None, value.shape[:n_leading]):
            raise MazeError(f"The observation {key!r} has the batch axes {value.shape[:n_leading]}, others {leading}.")
        leading = value.shape[:n_leading]
        if np.issubdtype(value.dtype, np.floating):
            value = value.astype(FLOAT, copy=False)
        batch[key] = value.reshape(-1, *shape) if value.size else value.reshape(int(np.prod(leading)), *shape)
    return batch, leading or ()


def _check_keys(observation: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse what is no observation by key, and name the keys that it needs."""
    if not isinstance(observation, Mapping):
        wanted = ", ".join(f"{key!r}: array of shape {shape}" for key, shape in shapes.items())
        raise MazeError(f"The observation is a {type(observation).__name__}; expected is a dictionary {{{wanted}}}.")
    for key in shapes:
        if key not in observation:
            raise MazeError(f"The observation has no key {key!r}; given: {', '.join(map(repr, observation))}.")
