"""Checks that a model is what an algorithm can train: the kind of its critic, and whether it carries a state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze.config.critics import critic_option, kind_of_critic
from maze.config.source_lookup import derives_from
from maze.config.targets import is_within
from maze.errors import InvalidSpecificationError
from maze.perception.template_settings import HIDDEN, RECURRENCE
from maze.trainers.algorithm import state_refused

__all__ = ["check_critic", "check_state"]

_STATE_BLOCK = "maze.perception.blocks.stateful.StateBlock"


def check_critic(algorithm: type[Any], model: Mapping[str, Any]) -> None:
    """Refuse a model that certainly has no critic, or one of the other kind.

    Args:
        algorithm: the class of an algorithm's configuration that needs a critic.
        model: the section of the model, which is no object.

    Raises:
        InvalidSpecificationError: names the critic to choose.
    """
    kind, critic = getattr(algorithm, "critic_values", "states"), model.get("critic")
    if is_within(model["_target_"], ("maze",)) and critic is None:
        raise InvalidSpecificationError(
            f"model.critic: null is not accepted, since {algorithm.__name__} needs a critic; "
            f"pass critic={critic_option(kind, model)!r}."
        )
    if critic is not None and kind_of_critic(critic) not in (None, kind):
        raise InvalidSpecificationError(
            f"model.critic: {critic['_target_']!r} is a critic of {kind_of_critic(critic)}, and {algorithm.__name__} "
            f"needs one of {kind}; pass critic={critic_option(kind, model)!r}."
        )


def check_state(algorithm: type[Any], model: Mapping[str, Any]) -> None:
    """Refuse a template whose networks certainly carry a state that an algorithm cannot train.

    Args:
        algorithm: the class of its configuration.
        model: the section of the model, which is no object.

    Raises:
        InvalidSpecificationError: says which algorithms train it.
    """
    builder, policy = model.get("model_builder"), model.get("policy")
    blocks = builder.get("modality_config") if isinstance(builder, Mapping) else None
    is_template = isinstance(policy, Mapping) and policy.get("networks", ()) is None
    if getattr(algorithm, "trains_state", False) or not is_template or not isinstance(blocks, Mapping):
        return
    for modality in (HIDDEN, RECURRENCE):
        entry = blocks.get(modality)
        block_type = entry.get("block_type") if isinstance(entry, Mapping) else None
        if isinstance(block_type, str) and derives_from(block_type, _STATE_BLOCK):
            raise state_refused(algorithm)
