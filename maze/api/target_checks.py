"""Checks of the classes and functions that a configuration names, by their source where importing them is slow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from maze.config.offered import meant_by
from maze.config.source_lookup import Absent, Definition, look_up
from maze.config.targets import check_target, is_within, resolve_target
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["check_source", "components", "known_target", "split_component"]

_LIGHT = ("maze.config", "maze.env", "maze.launchers", "maze.trainers", "gymnasium", "gym")
"""Modules that load fast, so that what they hold is looked at itself."""

_READABLE = ("maze", "torch")
"""Packages whose source tells everything: what is not written there does not exist."""


def split_component(component: Mapping[Any, Any], path: str) -> tuple[str, dict[str, Any]]:
    """Split a component into the name of its target and its arguments.

    Args:
        component: a mapping.
        path: where it stands.

    Raises:
        InvalidSpecificationError: it has no ``_target_``.
    """
    if "_target_" not in component:
        raise InvalidSpecificationError(
            f"{path}: {dict(component)!r} is not accepted; a mapping needs _target_, the dotted name of a class."
        )
    return component["_target_"], {str(key): value for key, value in component.items() if key != "_target_"}


def known_target(name: str, path: str) -> Callable[..., Any] | None:
    """Return what a target names, where that is loaded already or loads fast; else None.

    Args:
        name: the dotted name.
        path: where the component stands.

    Raises:
        InvalidSpecificationError: configurations may not name it.
    """
    name = check_target(name, f"{path}._target_")
    found = look_up(name)
    home = found.name if isinstance(found, Definition) else name
    if is_within(home, _LIGHT) or _is_loaded(home):
        target: Callable[..., Any] = resolve_target(name, f"{path}._target_")
        return target
    return None


def _is_loaded(home: str) -> bool:
    """Say whether a user's module is loaded; those of maze and torch are always read, so that both ways are one."""
    return not is_within(home, _READABLE) and home.rpartition(".")[0] in sys.modules


def check_source(
    name: str, arguments: Mapping[str, Any], path: str, key: str = "._target_", given: tuple[str, ...] = ()
) -> None:
    """Check that a target exists, and the names of its arguments, by its source.

    Args:
        name: the dotted name.
        arguments: what stands beside it, by name.
        path: where the arguments stand.
        key: what follows the path to where the name stands.
        given: arguments that it gets from elsewhere, which are not suggested.

    Raises:
        InvalidSpecificationError: there is no such target, or it does not accept an argument.
    """
    name = check_target(name, path + key)
    found = look_up(name)
    if isinstance(found, Absent):
        if is_within(name, _READABLE):
            meant = meant_by(name) or f" {found.reason}"
            raise InvalidSpecificationError(f"{path}{key}: {name!r} was not found:{meant}")
        resolve_target(name, path + key)  # a user's module may make names while it is imported
    if isinstance(found, Definition) and found.arguments is not None:
        accepted = [argument for argument in found.arguments if argument not in given]
        for argument in arguments:
            if argument not in accepted:
                raise InvalidSpecificationError(
                    f"{path}.{argument}: {name} has no such argument; {suggest(argument, accepted)}"
                )


def components(node: Any, path: str) -> Iterator[tuple[Mapping[Any, Any], str]]:
    """Yield every mapping with ``_target_`` and its path.

    Args:
        node: a section of the configuration, or a part of one.
        path: where it stands.
    """
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node, path
        for key, value in node.items():
            yield from components(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from components(value, f"{path}.{index}")
