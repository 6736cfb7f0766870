"""Making the objects that component mappings describe."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from maze.config.constants import CONSTANTS_KEY, without_constants
from maze.config.describe import class_to_target, describe_object, with_objects
from maze.config.overrides import OBJECT_KEY, is_marker, to_plain
from maze.config.targets import allow_modules, resolve_target
from maze.config.validation import check_field_names
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "allow_modules",
    "check_arguments",
    "class_to_target",
    "complete_component",
    "describe_object",
    "instantiate",
    "resolve_target",
    "with_defaults",
    "with_objects",
]


def instantiate(
    config: Any, /, *, _path_: str = "component", _offered_: Mapping[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Make the object that a component's configuration describes.

    Nested components are left as they are: the object itself decides when to make its parts. Constants (the key ``_``)
    are left out.

    Args:
        config: a mapping with ``_target_`` and arguments; anything else is an object already and is returned as it is.
        _path_: where the component stands in the configuration, for messages.
        _offered_: further arguments for a target that names them, where the mapping does not give them.
        kwargs: further arguments; they win over those of the mapping.

    Returns:
        What the target returns.

    Raises:
        InvalidSpecificationError: for an unknown target or arguments that it does not accept.
    """
    if not isinstance(config, Mapping):
        return config
    if is_marker(config):
        raise InvalidSpecificationError(
            f"{_path_}: the object {config[OBJECT_KEY]} is not at hand; it was given to another process or run."
        )
    arguments = without_constants(dict(_shallow(config)))
    if "_target_" not in arguments:
        raise InvalidSpecificationError(
            f"{_path_}: a mapping without _target_ does not say what to make; add _target_: the dotted name of a class."
        )
    name = arguments.pop("_target_")
    target = resolve_target(name, f"{_path_}._target_")
    if _offered_ is not None:
        parameters = inspect.signature(target).parameters
        arguments = {**{key: value for key, value in _offered_.items() if key in parameters}, **arguments}
    arguments.update(kwargs)
    check_arguments(target, name, arguments, _path_)
    return target(**arguments)


def _shallow(config: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Plain containers of OmegaConf's; other mappings as they are, since they may hold live objects."""
    return to_plain(config) if type(config).__module__.startswith("omegaconf") else config


def check_arguments(target: Callable[..., Any], name: str, arguments: Mapping[str, Any], path: str) -> None:
    """Name the first argument that a target does not accept or lacks, before it is called.

    Args:
        target: a class or function.
        name: how the configuration calls it.
        arguments: by name.
        path: where they stand in the configuration.

    Raises:
        InvalidSpecificationError: for such an argument, with the nearest match.
    """
    if isinstance(target, type) and dataclasses.is_dataclass(target):
        check_field_names(target, arguments, path)
        return
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return  # some compiled callables have no signature; their own TypeError has to do
    parameters = signature.parameters.values()
    accepted = [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    if not any(item.kind is item.VAR_KEYWORD for item in parameters):
        for key in arguments:
            if key not in accepted:
                raise InvalidSpecificationError(f"{path}.{key}: {name} has no such argument; {suggest(key, accepted)}")
    for item in parameters:
        if item.name in accepted and item.default is item.empty and item.name not in arguments:
            raise InvalidSpecificationError(f"{path}.{item.name}: {name} needs this argument.")


def complete_component(config: Mapping[Any, Any], path: str) -> dict[Any, Any]:
    """Check a component whose target is a dataclass, and fill in the defaults of what it leaves out.

    Args:
        config: a mapping with ``_target_``; other components are returned as they are.
        path: where the component stands in the configuration.

    Returns:
        The mapping with every field of the dataclass, as its class reads them, and with its constants.

    Raises:
        InvalidSpecificationError: for an unknown key or a value that the dataclass refuses.
    """
    plain: dict[Any, Any] = to_plain(config, path)
    if "_target_" not in plain or is_marker(plain):
        return plain
    target = resolve_target(plain["_target_"], f"{path}._target_")
    if not (isinstance(target, type) and dataclasses.is_dataclass(target)):
        return plain
    constants = {key: value for key, value in plain.items() if key == CONSTANTS_KEY}
    arguments = {key: value for key, value in plain.items() if key not in ("_target_", CONSTANTS_KEY)}
    check_field_names(target, arguments, path)
    described = class_to_target(target(**arguments))
    return plain if described is None else {**described, **constants}


def with_defaults(config: Mapping[Any, Any], path: str) -> dict[Any, Any]:
    """Fill in the defaults of what a dataclass's mapping leaves out, so that a file need not list every field.

    Args:
        config: a mapping with ``_target_``, whose values may hold interpolations; they are not looked at.
        path: where it stands in the configuration.

    Returns:
        The mapping, with all fields where the class has a default for each.

    Raises:
        InvalidSpecificationError: for an unknown target.
    """
    name = config.get("_target_")
    if not isinstance(name, str) or "${" in name or is_marker(config):
        return dict(config)
    target = resolve_target(name, f"{path}._target_")
    if not (isinstance(target, type) and dataclasses.is_dataclass(target)):
        return dict(config)
    missing = dataclasses.MISSING
    if any(field.default is missing and field.default_factory is missing for field in dataclasses.fields(target)):
        return dict(config)
    return {**(class_to_target(target()) or {}), **config}
