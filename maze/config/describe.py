"""From objects to the mappings that describe them, and back into their places."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any

from maze.config.constants import CONSTANTS_KEY
from maze.config.overrides import OBJECT_KEY, is_marker, to_plain
from maze.config.own_code import is_own_module, object_name, source_of
from maze.config.targets import dotted_name, is_within
from maze.errors import InvalidSpecificationError

__all__ = ["SOURCE_KEY", "class_to_target", "describe_object", "with_objects"]

SOURCE_KEY = "_source_"
"""Key of the hash of an object's source, in the mapping that stands in the configuration for it."""


def class_to_target(thing: Any) -> dict[str, Any] | None:
    """Describe an object by the mapping that makes it again.

    Works for dataclass instances of allowed modules and for objects of this package that keep every constructor
    argument as an attribute of the same name.

    Args:
        thing: the object.

    Returns:
        A mapping with ``_target_`` and plain arguments, or None where it cannot be described so.
    """
    name = dotted_name(type(thing))
    if name is None or hasattr(thing, "state_dict"):  # what has a state is more than its arguments
        return None
    arguments: dict[str, Any] = {}
    for argument, default in _constructor(type(thing)).items():
        if not hasattr(thing, argument):
            return None
        value = getattr(thing, argument)
        if value is None and default is None and not dataclasses.is_dataclass(thing):
            continue
        try:
            arguments[argument] = _describe_value(value)
        except InvalidSpecificationError:
            return None
    return {"_target_": name, **arguments}


def _constructor(cls: type[Any]) -> dict[str, Any]:
    """Arguments of a constructor and their defaults; for classes that cannot be described, an unobtainable one."""
    if dataclasses.is_dataclass(cls):
        return {field.name: field.default for field in dataclasses.fields(cls) if field.init}
    if not is_within(cls.__module__, ("maze",)):
        return {"<not describable>": None}
    parameters = inspect.signature(cls).parameters.values()
    if any(item.kind not in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY) for item in parameters):
        return {"<not describable>": None}
    return {item.name: item.default for item in parameters}


def _describe_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _describe_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_describe_value(item) for item in value]
    if isinstance(value, (type, types.FunctionType)):
        name = dotted_name(value)
        return name if name is not None else to_plain(value)
    described = class_to_target(value)
    return described if described is not None else to_plain(value)


def describe_object(thing: Any) -> dict[str, str]:
    """Return the mapping that stands in the configuration for a live object.

    Args:
        thing: any object.

    Returns:
        ``{"_object_": name, "_source_": sha256}``, the name being that of the object itself (functions, classes) or
        of its class. The hash of its source tells two lambdas apart; it is left out for what is installed, and where
        there is no source.
    """
    source = source_of(thing) if is_own_module(object_name(thing).partition(".")[0]) else None
    mark = {} if source is None else {SOURCE_KEY: hashlib.sha256(source.encode()).hexdigest()}
    return {OBJECT_KEY: object_name(thing), **mark}


def _argument(path: str) -> str:
    """Return the argument of a run that takes an object in the place of a dotted path."""
    section, _, inside = path.partition(".")
    if not inside or section == "wrappers":
        return f"{section}=..."
    return f"overrides={{'{path.rpartition('.')[0] if path[-1].isdigit() else path}': ...}}"


def with_objects(config: Any, objects: Mapping[str, Any], path: str) -> Any:
    """Put live objects back in the places that the configuration keeps for them, and leave constants out.

    Args:
        config: a section or a part of one.
        objects: live objects by the dotted path of their place.
        path: the dotted path of `config`.

    Returns:
        A copy in plain containers, with the objects in it.

    Raises:
        InvalidSpecificationError: if an object is not at hand.
    """
    if path in objects:
        return objects[path]
    if is_marker(config):
        raise InvalidSpecificationError(
            f"{path}: the object {config[OBJECT_KEY]} is not at hand, since a configuration holds its name alone; pass "
            f"it again: RunContext({_argument(path)}), and to go on with a run, run_dir=RUN, resume=True beside it."
        )
    plain = to_plain(config) if type(config).__module__.startswith("omegaconf") else config
    if isinstance(plain, Mapping):
        parts = ((key, item) for key, item in plain.items() if key != CONSTANTS_KEY)
        return {key: with_objects(item, objects, f"{path}.{key}") for key, item in parts}
    if isinstance(plain, Iterable) and not isinstance(plain, (str, bytes)):
        return [with_objects(item, objects, f"{path}.{index}") for index, item in enumerate(plain)]
    return plain
