"""Which critic goes with an algorithm: some need values of states, others values of actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze.config.targets import is_within

__all__ = ["critic_option", "fitting_critic", "kind_of_critic"]

_OF_ACTIONS = "StateActionCriticComposer"
_OF_STATES = "StateCriticComposer"


def kind_of_critic(critic: Any) -> str | None:
    """Say what a critic gives a value to.

    Args:
        critic: the section ``model.critic``.

    Returns:
        ``"states"`` or ``"actions"``; None where there is no critic, or it is a user's own, which only its code knows.
    """
    target = critic.get("_target_") if isinstance(critic, Mapping) else None
    if not isinstance(target, str) or not is_within(target, ("maze",)):
        return None
    if target.endswith(_OF_ACTIONS):
        return "actions"
    return "states" if target.endswith(_OF_STATES) else None


def fitting_critic(algorithm: Any, model: Any) -> str | None:
    """Return the critic of the package that fits an algorithm, where the model has none or one of the wrong kind.

    Args:
        algorithm: the algorithm's configuration class.
        model: the section ``model``.

    Returns:
        An option of the group ``critic``; None where the model's own may do.
    """
    target = model.get("_target_") if isinstance(model, Mapping) else None
    if not isinstance(target, str) or not is_within(target, ("maze",)) or not getattr(algorithm, "needs_critic", False):
        return None
    wanted, critic = getattr(algorithm, "critic_values", "states"), model.get("critic")
    if critic is None or kind_of_critic(critic) not in (None, wanted):
        return critic_option(wanted, model)
    return None


def critic_option(kind: str, model: Mapping[str, Any]) -> str:
    """Return the option of the group ``critic`` that gives a model a critic of a kind.

    Args:
        kind: ``"states"`` or ``"actions"``.
        model: the section ``model``.
    """
    template = "model_builder" in model
    if kind == "states":
        return "template_state" if template else "flatten_concat"
    return "template_state_action" if template else "flatten_concat_state_action"
