"""The state of an Atari emulator, which copies itself: memory of the console, frame counts and generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from maze.types import Array

__all__ = ["ALE_ATTRIBUTES", "is_ale", "is_ale_engine", "load_ale_state", "save_ale_state"]

ALE_ATTRIBUTES = ("ale", "_np_random")
"""What changes in ale_py's environment while it runs."""


def is_ale_engine(layer: Any) -> bool:
    """Tell whether a layer is ale_py's own environment."""
    return (type(layer).__module__, type(layer).__name__) == ("ale_py.env", "AtariEnv")


def is_ale(value: Any) -> bool:
    """Tell whether a value is an emulator."""
    return type(value).__module__.partition(".")[0] == "ale_py" and type(value).__name__ == "ALEInterface"


def save_ale_state(ale: Any) -> Array:
    """Return the state of an emulator, its generator included, uint8 ``[bytes]``."""
    return np.frombuffer(ale.cloneState(include_rng=True).serialize(), np.uint8)


def load_ale_state(ale: Any, state: Array) -> None:
    """Put an emulator of the same game into a state that `save_ale_state` returned."""
    from ale_py import ALEState  # noqa: PLC0415  (there is an emulator, so that this is installed)

    ale.restoreState(ALEState(state.tobytes()))
