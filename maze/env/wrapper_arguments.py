"""Checks of what wrappers and pre-processors are given: by the annotations of their constructors, then by their values.

Neither needs an environment, so that both happen when an experiment is specified, and again in the constructor. What
depends on the environment, such as the names of its observations, constructors find out themselves.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from maze.config.overrides import is_marker
from maze.config.targets import is_within
from maze.config.validation import validate_arguments
from maze.errors import InvalidSpecificationError

__all__ = ["Bound", "check_given", "check_order", "checked"]

Bound: TypeAlias = Annotated[float, Field(allow_inf_nan=True)]
"""A number that may be infinite."""


def check_order(low: float | None, high: float | None, names: tuple[str, str], path: str) -> None:
    """Refuse bounds in the wrong order, or without anything between them; None is no bound.

    Args:
        low: the smaller one.
        high: the greater one.
        names: of both, for messages.
        path: where they stand.

    Raises:
        InvalidSpecificationError: names both.
    """
    if low is not None and high is not None and not low < high:
        raise InvalidSpecificationError(f"{path}.{names[0]}: {low!r} must be smaller than {names[1]} {high!r}.")


def checked(owner: Any) -> Callable[..., None]:
    """Return the constructor of a class, preceded by checks of its arguments.

    Args:
        owner: the class; its constructor is its own, fully annotated, and takes what is inside first; its class method
            ``check_values(arguments, path)`` looks at values.
    """
    construct = owner.__dict__["__init__"]
    signature = inspect.signature(construct)

    @functools.wraps(construct)
    def construct_checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            arguments = signature.bind(self, *args, **kwargs).arguments
        except TypeError:
            arguments = {}  # the constructor's own error tells
        if arguments:
            _check(owner, dict(list(arguments.items())[2:]), owner.__name__)  # neither itself nor what is inside
        construct(self, *args, **kwargs)

    return construct_checked


def check_given(kind: type[Any], arguments: Mapping[str, Any], path: str) -> None:
    """Check what a specification gives a class, without making an instance.

    Args:
        kind: the class; only constructors of this package are looked at.
        arguments: by name; those that hold live objects are passed over.
        path: where they stand in the configuration.

    Raises:
        InvalidSpecificationError: a value is wrong in every environment.
    """
    owner: Any = next(base for base in kind.__mro__ if "__init__" in base.__dict__)
    if is_within(owner.__module__, ("maze",)) and hasattr(owner, "check_values"):
        _check(owner, {name: value for name, value in arguments.items() if not _holds_object(value)}, path)


def _check(owner: Any, given: Mapping[str, Any], path: str) -> None:
    construct = owner.__dict__["__init__"]
    validate_arguments(construct, given, path)
    parameters = list(inspect.signature(construct).parameters.values())[2:]
    defaults = {item.name: item.default for item in parameters if item.default is not item.empty}
    owner.check_values({**defaults, **given}, path)


def _holds_object(value: Any) -> bool:
    if isinstance(value, Mapping):
        return is_marker(value) or any(_holds_object(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_holds_object(item) for item in value)
