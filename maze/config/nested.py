"""Values as people nest them: as dotted paths that change single values, or whole where one value may be a mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_origin

from maze.config.overrides import ADD, OBJECT_KEY, canonical_path, is_marker, is_single
from maze.config.validation import alternatives
from maze.errors import InvalidSpecificationError

__all__ = ["flatten", "gathered", "mappings_within", "whole_again"]


def flatten(nested: Mapping[Any, Any], path: str = "") -> dict[str, Any]:
    """Turn nested values into dotted paths, so that they change single values instead of replacing sections.

    Mappings with a ``_target_`` and empty mappings stay whole: they replace the component that they name.

    Args:
        nested: values by dotted path or nested, in any mixture.
        path: prefix of all the paths.

    Returns:
        Values by dotted path.

    Raises:
        InvalidSpecificationError: if one path is given twice.
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        where = f"{path}.{key}" if path else str(key)
        found = flatten(value, where) if _has_paths(value) else {where: value}
        for name, item in found.items():
            if name in flat:
                raise InvalidSpecificationError(f"{name}: given twice; remove one of the two.")
            flat[name] = item
    return flat


def _has_paths(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and "_target_" not in value and OBJECT_KEY not in value


def mappings_within(nested: Mapping[Any, Any], path: str = "") -> dict[str, Mapping[Any, Any]]:
    """Return the mappings that `flatten` takes apart, by the path at which each is written, the outer ones first."""
    found: dict[str, Mapping[Any, Any]] = {}
    for key, value in nested.items():
        where = f"{path}.{key}" if path else str(key)
        if _has_paths(value):
            found |= {where: value, **mappings_within(value, where)}
    return found


def whole_again(
    values: Mapping[str, Any], mappings: Mapping[str, Any], tree: Mapping[Any, Any], algorithm: object
) -> dict[str, Any]:
    """Put mappings together again that stand where the configuration has a single value, or null: they replace it.

    Args:
        values: by dotted path, as `flatten` returns them, in plain containers.
        mappings: those that it has taken apart.
        tree: the configuration in which the values are to be set.
        algorithm: the class of its algorithm. A field of it that takes no mapping is left apart, so that what is
            written below it is refused as a path that does not exist.
    """
    result = dict(values)
    for path, mapping in mappings.items():
        own = {name: name.removeprefix(f"{path}.") for name in flatten(mapping, path) if name in result}
        section, _, name = canonical_path(path.removeprefix(ADD)).partition(".")
        is_refused = section == "algorithm" and _is_field(algorithm, name) and _keys(algorithm, name) is None
        if own and not is_refused and is_single(tree, path):
            result = {name: value for name, value in result.items() if name not in own} | {path: dict(mapping)}
    return result


def gathered(values: Mapping[str, Any], section: str, before: object, cls: object) -> dict[str, Any]:
    """Let several paths below a single value say the mapping that is to stand in its place.

    ``algorithm.lr.start`` and ``algorithm.lr.end`` together are ``algorithm.lr: {start: ..., end: ...}``, the same as
    that mapping given at once. Where a mapping stands there already, they change single keys of it.

    Args:
        values: by dotted path, in plain containers.
        section: of the configuration, for example ``"algorithm"``.
        before: what stands in the section before the values are set.
        cls: the dataclass that the section describes, or anything else.

    Returns:
        The values, in which every such field has one value. Paths that are no keys of its mapping are left as they are,
        and so are those below a single value that is given with them.
    """
    parts: dict[str, dict[str, str]] = {}
    for path in values:
        head, _, below = path.removeprefix(ADD).partition(".")
        name, _, key = below.partition(".")
        keys = _keys(cls, name) if head == section and key else None
        if keys is not None and key in (keys or (key.partition(".")[0],)):
            parts.setdefault(name, {})[path] = key
    result = dict(values)
    for name, own in parts.items():
        place = f"{section}.{name}"
        base = values.get(place, before.get(name) if isinstance(before, Mapping) else None)
        if is_marker(base) or (place in values and not isinstance(base, Mapping)):
            continue
        mapping = {**(base if isinstance(base, Mapping) else {}), **{key: values[path] for path, key in own.items()}}
        result = {path: value for path, value in result.items() if path not in own} | {place: mapping}
    return result


def _is_field(cls: object, name: str) -> bool:
    return dataclasses.is_dataclass(cls) and name in {field.name for field in dataclasses.fields(cls)}


def _keys(cls: object, name: str) -> tuple[str, ...] | None:
    """Return the keys of the mapping that a field takes in the place of a single value.

    Returns:
        No keys where it may have any; None where the field takes no mapping, or nothing else.
    """
    options = alternatives(cls, name) if _is_field(cls, name) else []
    if len(options) < 2:
        return None
    for option in options:
        if dataclasses.is_dataclass(option):
            return tuple(field.name for field in dataclasses.fields(option))
        if (get_origin(option) or option) in (dict, Mapping):
            return ()
    return None
