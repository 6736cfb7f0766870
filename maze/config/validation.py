"""Checking fields and arguments against their annotations, with errors that name the dotted path."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin

import annotated_types
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from maze.config.constants import CONSTANTS_KEY
from maze.config.overrides import to_plain
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "ExplainedKeywords",
    "alternatives",
    "check_field_names",
    "describe",
    "read_entry",
    "validate_arguments",
    "validate_fields",
    "validate_plain",
]

_Entry = TypeVar("_Entry")

_CONFIG = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)

_NAMES: Mapping[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    type(None): "null",
}

_SIGNS: tuple[tuple[type[Any], str, str], ...] = (
    (annotated_types.Gt, "gt", ">"),
    (annotated_types.Ge, "ge", ">="),
    (annotated_types.Lt, "lt", "<"),
    (annotated_types.Le, "le", "<="),
)


class ExplainedKeywords:
    """Base of dataclasses whose `TypeError` for an unknown keyword names the nearest field."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make an instance.

        Raises:
            TypeError: there is no such field.
        """
        del args  # for __init__
        names = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]
        for name in kwargs:
            if name not in names:
                raise TypeError(f"{cls.__name__}() has no argument {name!r}; {suggest(name, names)}")
        return super().__new__(cls)


def validate_fields(instance: Any, path: str) -> None:
    """Check every field of a dataclass instance against its annotation, strictly; call it in ``__post_init__``.

    Text is never read as a number and true is not 1; a whole number is accepted where a number is asked for, and
    becomes one; a list is accepted where a tuple is asked for. NumPy scalars count as the numbers that they are;
    infinities and NaN are refused. Bounds come from annotations such as ``Annotated[float, Field(gt=0)]``.

    Args:
        instance: the dataclass instance, frozen or not.
        path: where it stands in the configuration, for example ``"algorithm"``.

    Raises:
        InvalidSpecificationError: names the path, the value and what is accepted.
    """
    cls: Any = type(instance)
    for name, (hint, adapter) in _adapters(cls).items():
        object.__setattr__(instance, name, _validated(getattr(instance, name), hint, adapter, f"{path}.{name}"))


def validate_plain(cls: Any, name: str, value: object, path: str) -> None:
    """Check a value as a field's plain one, where the field takes a dataclass beside it, such as a schedule of numbers.

    Args:
        cls: the dataclass that has the field.
        name: of the field.
        value: what is checked.
        path: where it stands in the configuration.

    Raises:
        InvalidSpecificationError: names the path, the value and what is accepted.
    """
    hint, _ = _adapters(cls)[name]
    plain: Any = Union[tuple(option for option in get_args(hint) if not dataclasses.is_dataclass(option))]  # noqa: UP007
    _validated(value, plain, TypeAdapter(plain, config=_CONFIG), path)


def validate_arguments(function: Callable[..., Any], given: Mapping[str, Any], path: str) -> None:
    """Check arguments against a function's annotations, as `validate_fields` does fields; nothing is changed.

    Args:
        function: what will be called; arguments of its that have no annotation are passed over.
        given: by name.
        path: where they stand in the configuration.

    Raises:
        InvalidSpecificationError: names the path, the value and what is accepted.
    """
    for name, (hint, adapter) in _argument_adapters(function).items():
        if name in given:
            _validated(given[name], hint, adapter, f"{path}.{name}")


def read_entry(kind: type[_Entry], given: object, path: str) -> _Entry:
    """Return the dataclass instance that a mapping among the arguments of a component describes.

    Args:
        kind: a dataclass; its annotations say what is accepted.
        given: the mapping.
        path: where it stands in the configuration.

    Raises:
        InvalidSpecificationError: it is no mapping, or a key or a value is not accepted.
    """
    if not isinstance(given, Mapping):
        raise InvalidSpecificationError(f"{path}: {given!r} is not accepted; accepted: {describe(kind)}.")
    check_field_names(kind, given, path)
    entry = kind(**given)
    validate_fields(entry, path)
    return entry


def _validated(value: Any, hint: Any, adapter: TypeAdapter[Any], path: str) -> Any:
    """Return a value as its annotation asks for it."""
    value = _as_dataclass(_prepare(value, hint), hint, path)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidSpecificationError(_message(path, value, hint, error)) from None


def check_field_names(cls: type[Any], given: Mapping[Any, Any], path: str) -> None:
    """Refuse keys that a dataclass does not have, and name those that it needs and did not get.

    Args:
        cls: the dataclass.
        given: what its mapping holds, without ``_target_``.
        path: where the mapping stands in the configuration.

    Raises:
        InvalidSpecificationError: with the nearest match.
    """
    fields = [field for field in dataclasses.fields(cls) if field.init]
    names = [field.name for field in fields]
    for key in given:
        if key not in names:
            raise InvalidSpecificationError(f"{path}.{key}: no such key of {cls.__name__}; {suggest(key, names)}")
    for field in fields:
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if not has_default and field.name not in given:
            raise InvalidSpecificationError(f"{path}.{field.name}: missing; {cls.__name__} needs it.")


@functools.cache
def _adapters(cls: Any) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        field.name: (hints[field.name], TypeAdapter(hints[field.name], config=_CONFIG))
        for field in dataclasses.fields(cls)
    }


@functools.cache
def _argument_adapters(function: Callable[..., Any]) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    hints = typing.get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    return {name: (hint, TypeAdapter(hint, config=_CONFIG)) for name, hint in hints.items()}


def _prepare(value: Any, hint: Any) -> Any:
    """Bring NumPy scalars, lists for tuples and OmegaConf's containers to the types that are asked for."""
    if type(value).__module__.partition(".")[0] in {"numpy", "omegaconf"} and not hasattr(value, "shape"):
        value = to_plain(value)
    elif hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, list) and any(get_origin(option) is tuple for option in _options(hint)):
        return tuple(value)
    return value


def _as_dataclass(value: Any, hint: Any, path: str) -> Any:
    """Turn a mapping into the dataclass that is asked for beside other types, such as a schedule beside a number."""
    made_of: Any = next((option for option in _options(hint) if dataclasses.is_dataclass(option)), None)
    if made_of is None or not isinstance(value, Mapping):
        return value
    given = {key: item for key, item in value.items() if key not in ("_target_", CONSTANTS_KEY)}
    if not given:
        raise InvalidSpecificationError(f"{path}: {dict(value)!r} is not accepted; accepted: {describe(hint)}.")
    check_field_names(made_of, given, path)
    try:
        return made_of(**given)
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{path}: {error}") from None


def alternatives(cls: Any, name: str) -> list[Any]:
    """Return the types that a dataclass's field takes one of, without their constraints."""
    return _options(_adapters(cls)[name][0])


def _options(hint: Any) -> list[Any]:
    """The alternatives of an annotation, without its constraints."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [option for argument in get_args(hint) for option in _options(argument)]
    return [hint]


def describe(hint: Any) -> str:
    """Put an annotation into words.

    Args:
        hint: a type annotation, with constraints or without.

    Returns:
        For example ``"number > 0 and <= 1"`` or ``"whole number >= 1 or null"``.
    """
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return _bounded(describe(inner), extras)
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(describe(option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return " or ".join(repr(option) for option in get_args(hint))
    if get_origin(hint) in (tuple, list, Sequence):
        first, *others = get_args(hint)
        number = f"{1 + len(others)} " if get_origin(hint) is tuple and others != [Ellipsis] else ""
        return f"list of {number}{_plural(first)}"
    if hint in _NAMES:
        return _NAMES[hint]
    origin = get_origin(hint) or hint
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    if dataclasses.is_dataclass(origin):
        names = ", ".join(field.name for field in dataclasses.fields(origin))
        return f"mapping with {names}"
    return getattr(origin, "__name__", str(origin))


def _plural(hint: Any) -> str:
    """Put an annotation into words, for several of its values."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return _bounded(_plural(inner), extras)
    return f"{describe(hint)}s"


def _bounded(text: str, extras: list[Any]) -> str:
    constraints = [
        constraint for extra in extras for constraint in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
    ]
    bounds = [
        f"{sign} {getattr(constraint, attribute):g}"
        for constraint in constraints
        for kind, attribute, sign in _SIGNS
        if isinstance(constraint, kind)
    ]
    return f"{text} {' and '.join(bounds)}" if bounds else text


def _message(path: str, value: Any, hint: Any, error: ValidationError) -> str:
    inside = ""
    for part in error.errors()[0]["loc"]:
        if isinstance(part, int) and isinstance(value, list | tuple) and part < len(value):
            inside, value = f"{inside}.{part}", value[part]
    is_open = any(item["type"] == "finite_number" for item in error.errors())
    advice = " The number has to be finite." if is_open else ""
    numeric = any(option in (int, float) for option in _options(hint))
    if numeric and isinstance(value, str) and _reads_as_number(value):
        advice = " It is text: remove the quotes, and in YAML write 1.0e-3 rather than 1e-3."
    return f"{path}{inside}: {value!r} is not accepted; accepted: {describe(hint)}.{advice}"


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
