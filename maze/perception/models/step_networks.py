"""Which network belongs to which step key; known without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maze.errors import InvalidSpecificationError, suggest
from maze.types import StepKey

__all__ = ["by_step_key", "specifications_by_step_key"]


def by_step_key(mapping: Mapping[Any, Any]) -> dict[StepKey, Any]:
    """Return a copy whose keys are step keys: ``"0"``, as JSON and some YAML tools write it, becomes ``0``."""
    return {int(key) if isinstance(key, str) and key.isdigit() else key: value for key, value in mapping.items()}


def specifications_by_step_key(networks: object, step_keys: Sequence[StepKey], owner: str) -> dict[StepKey, Any]:
    """Return the network specification of every step key.

    Args:
        networks: a list in the order of the step keys, or a mapping by step key.
        step_keys: the environment's step keys.
        owner: whose networks they are, for messages.

    Raises:
        InvalidSpecificationError: where there is not exactly one specification per step key.
    """
    if isinstance(networks, Mapping) and "_target_" not in networks:
        named = by_step_key(networks)
        for key in named:
            if key not in step_keys:
                raise InvalidSpecificationError(
                    f"{owner}.networks has the step key {key!r}, which the environment has not; "
                    f"{suggest(key, step_keys)}"
                )
    elif isinstance(networks, Sequence) and not isinstance(networks, str):
        if len(networks) > len(step_keys):
            raise InvalidSpecificationError(
                f"{owner}.networks has {len(networks)} entries, but the environment has the step keys "
                f"{list(step_keys)}; give one network per step key."
            )
        named = dict(zip(step_keys, networks, strict=False))
    else:
        raise InvalidSpecificationError(
            f"{owner}.networks is {networks!r}; accepted: a list with one network per step key, or a mapping by step "
            "key. A template (model=vector_obs) fills it in where it is null."
        )
    missing = [key for key in step_keys if key not in named]
    if missing:
        raise InvalidSpecificationError(f"{owner}.networks lacks the step key {missing[0]!r}; give it a network too.")
    return named
