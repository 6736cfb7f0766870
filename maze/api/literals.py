"""Checks of values that stand in a configuration as they are, and that its components would refuse only when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze.config.overrides import is_marker
from maze.config.sections import EvaluationConfig
from maze.config.source_lookup import Definition, look_up
from maze.config.targets import is_within
from maze.errors import InvalidSpecificationError

__all__ = ["check_evaluator", "check_home"]

_EVALUATOR = "maze.rollout.evaluate.RolloutEvaluator"

_HOMES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "model": (("maze.perception.models",), "a model composer, for example 'maze.perception.CustomModelComposer'"),
    "model.policy": (
        ("maze.perception.models", "maze.agents"),
        "a policy composer, for example 'maze.perception.models.policies.ProbabilisticPolicyComposer'",
    ),
    "model.critic": (
        ("maze.perception.models", "maze.agents"),
        "a critic composer, for example 'maze.perception.models.critics.StateCriticComposer'",
    ),
}
"""Modules of maze in which a part of the model can be defined, and what is accepted in words."""


def check_home(name: str, path: str) -> None:
    """Refuse a class of maze that is something else than the part of a model in whose place it stands.

    Args:
        name: what ``_target_`` names; of classes that are not maze's own nothing is known.
        path: where it stands.

    Raises:
        InvalidSpecificationError: names the place and what is accepted.
    """
    found = look_up(name)
    if path not in _HOMES or not isinstance(found, Definition) or not is_within(found.name, ("maze",)):
        return
    homes, accepted = _HOMES[path]
    if not is_within(found.name, homes):
        raise InvalidSpecificationError(f"{path}._target_: {name!r} is none; accepted: {accepted}.")


def check_evaluator(settings: Any, path: str) -> None:
    """Check the settings of maze's own evaluator, which are those of the section ``evaluation``.

    Args:
        settings: the evaluator's mapping.
        path: where it stands.

    Raises:
        InvalidSpecificationError: names the setting.
    """
    if not isinstance(settings, Mapping) or is_marker(settings):
        return
    found = look_up(str(settings.get("_target_", _EVALUATOR)))
    if not isinstance(found, Definition) or found.name != _EVALUATOR:
        return
    names = ("n_episodes", "deterministic", "max_episode_steps", "n_envs")
    given = {name: settings[name] for name in names if name in settings and not is_marker(settings[name])}
    try:
        EvaluationConfig(**given)
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{path}.{str(error).removeprefix('evaluation.')}") from error
