"""Checks of values that stand in a configuration as they are, and that its components would refuse only when made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from maze.config.overrides import OBJECT_KEY, is_marker
from maze.config.sections import EvaluationConfig
from maze.config.source_lookup import Definition, look_up
from maze.config.targets import is_within
from maze.errors import InvalidSpecificationError

__all__ = ["check_evaluator", "check_home", "check_networks"]

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


def check_networks(model: Mapping[Any, Any], check_class: Callable[[str, str], None]) -> None:
    """Check that networks are listed, and widths and non-linearities of maze's own networks and blocks.

    Args:
        model: the section of the model.
        check_class: checks that a name at a path can be imported as a class.

    Raises:
        InvalidSpecificationError: names the value.
    """
    for part in ("policy", "critic"):
        _check_one_for_each_step(model.get(part), f"model.{part}")
    for path, key, value in _values_by_key(model, "model"):
        if value is None or is_marker(value):
            continue
        if key == "hidden_units":
            _check_widths(value, path)
        elif isinstance(value, str):
            check_class(value, path)
        else:
            raise InvalidSpecificationError(
                f"{path}: {value!r} is not accepted; accepted: the dotted name of a class, for example 'torch.nn.Tanh'."
            )


def _check_one_for_each_step(part: Any, path: str) -> None:
    """Refuse a network where a list of them stands, in the composers that are maze's own."""
    if not isinstance(part, Mapping) or is_marker(part) or not is_within(str(part.get("_target_")), ("maze",)):
        return
    networks = part.get("networks")
    if not isinstance(networks, Mapping) or not is_marker(networks):
        return
    shown = networks[OBJECT_KEY]
    raise InvalidSpecificationError(
        f"{path}.networks: {shown} is not accepted; accepted: a list with one network for each step key, or a mapping "
        f"by step key. One network alone is a list, too: "
        f"overrides={{'{path}.networks': [{shown.rpartition('.')[2]}]}}."
    )


def _check_widths(widths: Any, path: str) -> None:
    listed = widths if isinstance(widths, list) else [None]
    if not all(isinstance(width, int) and not isinstance(width, bool) and width >= 1 for width in listed):
        raise InvalidSpecificationError(
            f"{path}: {widths!r} is not accepted; accepted: a list of whole numbers above 0, such as [64]."
        )


def _values_by_key(node: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Yield widths and non-linearities with their paths, not those of classes that are not maze's own."""
    if isinstance(node, Mapping):
        if is_marker(node) or not is_within(str(node.get("_target_", "maze")), ("maze",)):
            return
        for key, value in node.items():
            if key in ("hidden_units", "non_lin"):
                yield f"{path}.{key}", str(key), value
            else:
                yield from _values_by_key(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _values_by_key(value, f"{path}.{index}")
