"""What a template is told: which block reads which observation, and what is shared; known without torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping

__all__ = ["HIDDEN", "RECURRENCE", "check_template", "modality_entry"]

HIDDEN, RECURRENCE = "hidden", "recurrence"
"""Modalities that follow the concatenation."""

_ENTRY_KEYS = ("block_params", "block_type")


def check_template(modality_config: Any, observation_modality_mapping: Any, shared_embedding_keys: Any) -> None:
    """Check that the settings of a template are of the right kinds and fit together.

    Args:
        modality_config: blocks by modality.
        observation_modality_mapping: modality by observation key.
        shared_embedding_keys: what the critic shares with the policy; None for nothing.

    Raises:
        InvalidSpecificationError: names the setting, with the nearest match.
    """
    if not isinstance(modality_config, Mapping):
        raise InvalidSpecificationError(
            f"modality_config: {modality_config!r} is not accepted; accepted: a mapping from modalities to "
            "{block_type: ..., block_params: {...}}."
        )
    if not isinstance(observation_modality_mapping, Mapping):
        raise InvalidSpecificationError(
            f"observation_modality_mapping: {observation_modality_mapping!r} is not accepted; accepted: a mapping from "
            "observation keys to modalities, such as {observation: feature}."
        )
    for modality in modality_config:
        modality_entry(modality_config, modality)
    for key, modality in observation_modality_mapping.items():
        if modality not in modality_config:
            raise InvalidSpecificationError(
                f"observation_modality_mapping.{key}: there is no modality {modality!r}; "
                f"{suggest(modality, modality_config)}"
            )
    _check_used(modality_config, observation_modality_mapping)
    _check_shared(modality_config, observation_modality_mapping, shared_embedding_keys)


def modality_entry(modality_config: Mapping[str, Any], modality: str) -> AnyMapping:
    """Return what is configured for a modality, empty where nothing is.

    Args:
        modality_config: blocks by modality.
        modality: one of them.

    Raises:
        InvalidSpecificationError: the entry is no mapping, has unknown keys, or names no block.
    """
    entry, path = modality_config.get(modality) or {}, f"modality_config.{modality}"
    if not isinstance(entry, Mapping):
        raise InvalidSpecificationError(
            f"{path}: {entry!r} is not accepted; accepted: a mapping with block_type and block_params."
        )
    for key in entry:
        if key not in _ENTRY_KEYS:
            raise InvalidSpecificationError(f"{path}.{key}: there is no such key; {suggest(key, _ENTRY_KEYS)}")
    if entry and entry.get("block_type") is None:
        raise InvalidSpecificationError(
            f"{path}.block_type is missing; accepted: a dotted path such as 'maze.perception.blocks.DenseBlock'."
        )
    if not isinstance(entry.get("block_params") or {}, Mapping):
        raise InvalidSpecificationError(
            f"{path}.block_params: {entry['block_params']!r} is not accepted; accepted: a mapping of the block's "
            "parameters."
        )
    return entry


def _check_used(modalities: Mapping[str, Any], mapping: Mapping[str, str]) -> None:
    """Refuse a misspelt ``hidden`` or ``recurrence``, whose block nothing would use."""
    for modality in modalities:
        if modality in mapping.values() or modality in (HIDDEN, RECURRENCE):
            continue
        meant = difflib.get_close_matches(str(modality), (HIDDEN, RECURRENCE), n=1, cutoff=0.7)
        if meant:
            raise InvalidSpecificationError(
                f"modality_config.{modality}: no observation has this modality, so that its block would not be used; "
                f"did you mean {meant[0]!r}?"
            )


def _check_shared(modalities: Mapping[str, Any], mapping: Mapping[str, str], shared: Any) -> None:
    """Check that what is shared is known, and shared together with everything in front of it."""
    if shared is None:
        return
    accepted = [*mapping, HIDDEN, RECURRENCE]
    if isinstance(shared, str | bytes) or not isinstance(shared, Sequence):
        alone = f" One key is a list, too: [{shared!r}]." if isinstance(shared, str) else ""
        raise InvalidSpecificationError(
            f"shared_embedding_keys: {shared!r} is not accepted; accepted: null, or a list of {', '.join(accepted)}."
            f"{alone}"
        )
    for key in shared:
        if key not in accepted:
            raise InvalidSpecificationError(f"shared_embedding_keys: {key!r} is unknown; {suggest(key, accepted)}")
    for key in (HIDDEN, RECURRENCE):
        needed = {*mapping} | ({HIDDEN} if key == RECURRENCE and modalities.get(HIDDEN) else set())
        if key in shared and not needed.issubset(shared):
            raise InvalidSpecificationError(
                f"shared_embedding_keys: sharing {key!r} needs everything in front of it to be shared; add "
                f"{', '.join(sorted(needed - set(shared)))}."
            )
