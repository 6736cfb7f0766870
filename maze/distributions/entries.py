"""The entries of ``distribution_mapper_config``, known without torch: what they may say, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium import spaces

from maze.distributions.checks import positive
from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping

__all__ = ["DISTRIBUTIONS", "SPACES", "distribution_name", "read_entries", "space_class"]

_PACKAGE = "maze.distributions."
_FORMER_SUFFIX = "ProbabilityDistribution"

DISTRIBUTIONS: Mapping[str, str] = {
    "bernoulli": "Bernoulli",
    "beta": "Beta",
    "categorical": "Categorical",
    "gaussian": "DiagonalGaussian",
    "multi_categorical": "MultiCategorical",
    "squashed_gaussian": "SquashedGaussian",
}
"""Class of each distribution by its short name; that of its head ends with ``Head``."""

SPACES: Mapping[str, type[spaces.Space[Any]]] = {
    "Box": spaces.Box,
    "Discrete": spaces.Discrete,
    "MultiBinary": spaces.MultiBinary,
    "MultiDiscrete": spaces.MultiDiscrete,
}
"""Spaces that an action head may have."""

_KEYS = ("action_head", "action_space", "args", "distribution")
_POSITIVE = ("initial_std", "temperature")
_FLAG = "state_dependent_std"


def read_entries(
    configuration: Sequence[AnyMapping] | AnyMapping | None, path: str = "distribution_mapper_config"
) -> list[AnyMapping]:
    """Return the checked entries; an empty mapping, as older code passes, means none.

    Args:
        configuration: what was given.
        path: where it stands, for messages.

    Raises:
        InvalidSpecificationError: an entry cannot be understood.
    """
    if not configuration:
        return []
    if isinstance(configuration, Mapping):
        raise InvalidSpecificationError(
            f"{path} is the mapping {dict(configuration)!r}; accepted is a list of mappings with the keys "
            f"{', '.join(_KEYS)}. Put it into a list."
        )
    is_list = isinstance(configuration, Sequence) and not isinstance(configuration, str | bytes)
    for index, entry in enumerate(configuration if is_list else [configuration]):
        if not is_list or not isinstance(entry, Mapping):
            raise InvalidSpecificationError(
                f"{path}: {entry!r} is not accepted; accepted is a list of mappings with the keys {', '.join(_KEYS)}."
            )
        _check_entry(entry, path, index)
    return list(configuration)


def _check_entry(entry: AnyMapping, path: str, index: int) -> None:
    for key in entry:
        if key not in _KEYS:
            raise InvalidSpecificationError(f"{path} has the key {key!r}; {suggest(key, _KEYS)}")
    if "distribution" not in entry or ("action_head" in entry) == ("action_space" in entry):
        raise InvalidSpecificationError(
            f"{path} has the entry {dict(entry)!r}; accepted is 'distribution' with exactly one of 'action_head' and "
            "'action_space'."
        )
    if "action_space" in entry:
        space_class(entry["action_space"], path)
    distribution, arguments = entry["distribution"], entry.get("args")
    is_name = isinstance(distribution, str) and (distribution_name(distribution) or "." in distribution)
    if not is_name and not isinstance(distribution, type):
        raise InvalidSpecificationError(
            f"{path} names the distribution {distribution!r}; {suggest(distribution, DISTRIBUTIONS)} "
            "A dotted path or a class must be a subclass of maze.distributions.ActionHead."
        )
    if not isinstance(arguments, Mapping | None):
        raise InvalidSpecificationError(
            f"{path}.{index}.args: {arguments!r} is not accepted; accepted: a mapping, such as {{temperature: 1.0}}."
        )
    if isinstance(distribution, str) and distribution_name(distribution):
        _check_arguments(arguments or {}, f"{path}.{index}.args")


def _check_arguments(arguments: AnyMapping, path: str) -> None:
    """Check the values of arguments that maze's own heads have."""
    for name in _POSITIVE:
        if name in arguments:
            positive(f"{path}.{name}", arguments[name])
    flag = arguments.get(_FLAG, True)
    if not isinstance(flag, bool):
        raise InvalidSpecificationError(f"{path}.{_FLAG}: {flag!r} is not accepted; accepted: true or false.")


def distribution_name(name: str) -> str | None:
    """Return the short name that a distribution's name stands for.

    Args:
        name: a short name, the dotted name of a distribution of maze, or MazeRL's.

    Returns:
        The short name; None for any other name.
    """
    if not name.startswith(_PACKAGE):
        return name if name in DISTRIBUTIONS else None
    stem = name.rpartition(".")[2].removesuffix(_FORMER_SUFFIX)
    return next((short for short, class_name in DISTRIBUTIONS.items() if class_name == stem), None)


def space_class(wanted: Any, path: str = "distribution_mapper_config") -> type[Any]:
    """Return the class of spaces that an entry is about.

    Args:
        wanted: a class, or its name with or without its package.
        path: where the entries stand, for messages.

    Raises:
        InvalidSpecificationError: there is no such class.
    """
    if isinstance(wanted, type):
        return wanted
    short_name = str(wanted).removeprefix("gymnasium.spaces.").removeprefix("gym.spaces.")
    if short_name not in SPACES:
        raise InvalidSpecificationError(f"{path} names the action space {wanted!r}; {suggest(short_name, SPACES)}")
    return SPACES[short_name]
