"""What becomes of rewards on their way out: those of the environment travel along with those that agents learn from.

A step tells them beside its reward, by name, where wrappers changed it: ``original`` as the environment paid it, and
``counted`` as an evaluation would be paid, without what moves while training goes on. Where a name is missing, its
reward is the step's. A single environment tells them in its ``info``. A wrapper that changes rewards in a `step` of its
own tells nothing of it: what it pays counts as the environment's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np

from maze.env.interface_errors import read_rewards
from maze.types import FLOAT, Array

__all__ = [
    "COUNTED",
    "INFO_KEY",
    "ORIGINAL",
    "TOLD",
    "ToldRewards",
    "add_told",
    "copy_told",
    "pass_reward",
    "told_from_info",
    "told_in_info",
]

ToldRewards: TypeAlias = Mapping[str, Array]
"""Rewards by name, each float32 of the shape of the step's reward."""

ORIGINAL, COUNTED = TOLD = ("original", "counted")

INFO_KEY = "maze.rewards"
"""Where the ``info`` of a single environment has them, as numbers."""


class _SeesReward(Protocol):
    """What a wrapper has to do with rewards."""

    training: bool

    @property
    def changes_reward(self) -> bool: ...

    @property
    def learning_only(self) -> bool: ...

    def reward(self, reward: Array) -> Array: ...

    def original_reward(self, reward: Array) -> None: ...


def pass_reward(layer: _SeesReward, reward: Array, told: ToldRewards | None) -> tuple[Array, ToldRewards | None]:
    """Let a wrapper see the original reward and change the others.

    Args:
        layer: the wrapper.
        reward: float32 ``[...]``, from inside.
        told: from inside.

    Returns:
        Both as they are outside of the wrapper.
    """
    before = {ORIGINAL: reward, **(told or {})}
    layer.original_reward(before[ORIGINAL])
    if not layer.changes_reward or (layer.learning_only and not layer.training):
        return reward, told
    if layer.learning_only:
        return _changed(layer, reward), {COUNTED: reward, **before}
    after = {name: value if name == ORIGINAL else _changed(layer, value) for name, value in before.items()}
    return _changed(layer, reward), after


def _changed(layer: _SeesReward, reward: Array) -> Array:
    """Return the rewards that a wrapper makes of these, float32 of the same shape.

    Raises:
        EnvError: it gives something else.
    """
    return np.asarray(read_rewards(layer, layer.reward(reward), reward), FLOAT)


def copy_told(told: ToldRewards | None) -> dict[str, Array] | None:
    """Return a copy that lasts beyond the next step."""
    return None if told is None else {name: value.copy() for name, value in told.items()}


def add_told(total: dict[str, Array] | None, told: ToldRewards | None, rows: Array) -> None:
    """Add the rewards of one more step where ``rows``, bool ``[N]``, is true."""
    for name, value in (told or {}).items():
        if total is not None:
            np.add(total[name], value, out=total[name], where=rows)


def told_from_info(info: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Array] | None:
    """Return what a single environment's ``info`` tells, as arrays of a shape with one element."""
    told = info.get(INFO_KEY)
    return None if told is None else {name: np.full(shape, value, FLOAT) for name, value in told.items()}


def told_in_info(info: dict[str, Any], told: ToldRewards | None) -> dict[str, Any]:
    """Return the ``info`` of a single environment that tells these rewards and no others."""
    if told is None and INFO_KEY not in info:
        return info
    kept = {key: value for key, value in info.items() if key != INFO_KEY}
    return kept if told is None else {**kept, INFO_KEY: {name: value.item() for name, value in told.items()}}
