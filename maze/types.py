"""The few types that every layer shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FLOAT", "Action", "ActorID", "AnyMapping", "Array", "Observation", "StateDict", "StepKey"]

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any dtype; shapes stand in comments where arrays are born."""

Observation: TypeAlias = dict[str, Array]
"""Observation by key, for flat environments the one key ``observation``."""

Action: TypeAlias = dict[str, Any]
"""Action by head, for flat environments the one head ``action``."""

StepKey: TypeAlias = int | str
"""Name of a sub-step of an environment; flat environments have the one key ``0``."""

StateDict: TypeAlias = dict[str, Any]
"""Nested state of an object, of arrays, numbers, strings, lists and dictionaries; never pickled objects."""


class ActorID(NamedTuple):
    """Who acts next: the sub-step and the agent within it."""

    step_key: StepKey = 0
    agent_id: int = 0


FLOAT = np.float32
"""The floating type of observations, rewards and parameters."""

AnyMapping: TypeAlias = Mapping[str, Any]
"""A read-only view of configuration values."""
