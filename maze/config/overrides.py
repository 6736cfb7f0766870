"""Setting values by dotted path on plain nested containers, without ever parsing them.

Paths are matched against the keys that exist, longest first, so that keys that contain dots (wrapper classes) and
integer keys (steps, agents, list positions) are reached by writing them down. Nothing that the caller gave is changed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import OmegaConfBaseException

from maze.config.offered import instead_of
from maze.config.source_lookup import Definition, look_up
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "ADD",
    "ALIASES",
    "FREE_SECTIONS",
    "OBJECT_KEY",
    "apply_values",
    "canonical_path",
    "is_marker",
    "is_single",
    "to_plain",
]

ADD = "++"
"""A path that starts with this adds its key where it does not exist yet."""

ALIASES: Mapping[str, str] = {"policy": "model.policy", "critic": "model.critic"}
"""First keys that are short for longer ones."""

FREE_SECTIONS = ("tags",)
"""Sections in which any key may be set without ``++``."""

_OPEN_SECTIONS = ("env", "wrappers", "model", "launcher")
"""Sections whose components may take more keys than their configuration mentions."""

OBJECT_KEY = "_object_"
"""Key of the mapping that stands in the configuration for a live object."""

_Key = str | int


def to_plain(value: Any, path: str = "") -> Any:
    """Copy a configuration value into dictionaries, lists and primitives.

    Args:
        value: nested mappings (OmegaConf's too), sequences and primitives; NumPy scalars, paths and enumerations
            become primitives.
        path: where the value stands, for the message.

    Returns:
        A deep copy that shares nothing with `value`.

    Raises:
        InvalidSpecificationError: for anything that a configuration file cannot hold.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return _primitive(value)
    if isinstance(value, np.generic):
        return to_plain(value.item(), path)
    if isinstance(value, enum.Enum):
        return to_plain(value.value, path)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, BaseContainer):
        return _from_omegaconf(value, path)
    if isinstance(value, Mapping):
        return {_plain_key(key, path): to_plain(item, _join(path, key)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [to_plain(item, _join(path, index)) for index, item in enumerate(value)]
    raise InvalidSpecificationError(
        f"{path or 'value'}: {type(value).__name__} cannot stand in a configuration; "
        "accepted: null, true or false, numbers, strings, lists and mappings."
    )


def _from_omegaconf(value: BaseContainer, path: str) -> Any:
    """Copy a container of OmegaConf's, with its interpolations resolved."""
    try:
        return to_plain(OmegaConf.to_container(value, resolve=True), path)
    except OmegaConfBaseException as error:
        place = ".".join(part for part in (path, error.full_key) if part) or "value"
        raise InvalidSpecificationError(
            f"{place}: {str(error).splitlines()[0]}; give values without interpolations, or ones that the value itself "
            "can resolve."
        ) from error


def _primitive(value: Any) -> bool | int | float | str | None:
    """Strip subclasses (NumPy's float64, enumerated strings) down to the built-in types."""
    if isinstance(value, enum.Enum):
        return _primitive(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)


def _plain_key(key: Any, path: str) -> _Key:
    if isinstance(key, np.integer):
        return int(key)
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise InvalidSpecificationError(
            f"{path or 'value'}: {key!r} cannot be a key; accepted: strings and whole numbers."
        )
    return key


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def is_marker(node: object) -> bool:
    """Say whether a node of the configuration stands for a live object."""
    return isinstance(node, Mapping) and OBJECT_KEY in node


def canonical_path(path: str, aliases: Mapping[str, str] = ALIASES) -> str:
    """Replace the alias at the start of a dotted path (``policy.device`` becomes ``model.policy.device``)."""
    head, dot, rest = path.partition(".")
    return aliases.get(head, head) + dot + rest


def apply_values(
    tree: Mapping[Any, Any], values: Mapping[str, Any], *, origin: str = "", aliases: Mapping[str, str] = ALIASES
) -> dict[Any, Any]:
    """Set values by dotted path, parents before their children.

    A value is a literal: strings are not parsed, quoted or split, None sets null, a mapping replaces the whole node.
    A path must exist, or name an argument of the class beside whose ``_target_`` it stands; ``++path`` adds any other
    last key (and the mappings that lead to it). Under ``tags`` any key may be set, and parts with a short name
    (``critic``) may be added to a model that does not mention them.

    Args:
        tree: nested plain containers; left as they are.
        values: value by dotted path; left as they are.
        origin: what stands before the path in messages, for example ``"set."``.
        aliases: first keys that are short for longer ones in this kind of configuration.

    Returns:
        A changed deep copy of `tree`.

    Raises:
        InvalidSpecificationError: for an unknown path, a path given twice, or a path into an object.

    Example:
        >>> apply_values({"algorithm": {"lr": 0.1}}, {"algorithm.lr": 0.5})
        {'algorithm': {'lr': 0.5}}
    """
    result: dict[Any, Any] = to_plain(tree)
    given: dict[str, str] = {}
    plain: list[tuple[str, bool, Any, str]] = []
    for written, value in values.items():
        if not isinstance(written, str) or not written.removeprefix(ADD):
            raise InvalidSpecificationError(f"{origin}{written!r}: paths are non-empty strings such as 'algorithm.lr'.")
        path = canonical_path(written.removeprefix(ADD), aliases)
        if path in given:
            raise InvalidSpecificationError(
                f"{origin}{given[path]} and {origin}{written} set the same value; give one."
            )
        given[path] = written
        plain.append((path, written.startswith(ADD), to_plain(value, origin + path), origin + written))
    places: dict[tuple[_Key, ...], str] = {}
    for path, add, value, label in sorted(plain, key=lambda item: len(item[0])):
        free = path.partition(".")[0] in FREE_SECTIONS or path in aliases.values()
        keys = _set(result, path, value, label, add=add or free)
        if keys in places:
            raise InvalidSpecificationError(f"{places[keys]} and {label} set the same value; give one.")
        places[keys] = label
    return result


def is_single(tree: Mapping[Any, Any], path: str) -> bool:
    """Say whether a single value, or null, stands at a dotted path, written as for `apply_values`."""
    keys, left = _locate(tree, canonical_path(path.removeprefix(ADD)))
    node: Any = tree
    for key in keys:
        node = node[key]
    return not left and not isinstance(node, (dict, list))


def _children(node: Any) -> Iterator[tuple[str, _Key]]:
    """Yield every child of a node as (how it is written, its key), the longest spelling first."""
    if isinstance(node, dict):
        yield from sorted(((str(key), key) for key in node), key=lambda item: -len(item[0]))
    elif isinstance(node, list):
        yield from _entries(node)


def _entries(node: list[Any]) -> Iterator[tuple[str, int]]:
    """Yield the entries of a list by their index, and by their class where no other entry has the same."""
    yield from ((str(index), index) for index in range(len(node)))
    targets = [item.get("_target_") if isinstance(item, dict) else None for item in node]
    named = [(str(name), index) for index, name in enumerate(targets) if name and targets.count(name) == 1]
    yield from sorted(named, key=lambda item: -len(item[0]))


def _locate(node: Any, path: str) -> tuple[list[_Key], str]:
    """Follow a path as far as it exists, trying longer keys first: the keys, and what is left of the path."""
    best: tuple[list[_Key], str] = ([], path)
    if is_marker(node):
        return best
    for spelling, key in _children(node):
        if path == spelling:
            return [key], ""
        if path.startswith(spelling + ".") and len(path) > len(spelling) + 1:
            keys, left = _locate(node[key], path[len(spelling) + 1 :])
            if len(left) < len(best[1]):
                best = ([key, *keys], left)
            if not left:
                return best
    return best


def _set(tree: dict[_Key, Any], path: str, value: Any, label: str, *, add: bool) -> tuple[_Key, ...]:
    """Set one value in place, and return the keys that lead to it."""
    keys, left = _locate(tree, path)
    parent: Any = tree
    for key in keys if left else keys[:-1]:
        parent = parent[key]
    if not left:
        parent[keys[-1]] = value
        return tuple(keys)
    if add and keys == ["wrappers"] and isinstance(parent, list) and isinstance(value, dict | None):
        parent.append({"_target_": left, **(value or {})})
        return (*keys, left)
    if not (add or _takes(parent, left)) or not isinstance(parent, dict) or is_marker(parent):
        raise InvalidSpecificationError(_unknown(parent, keys, left, label, path))
    *between, last = left.split(".")
    for key in between:
        parent = parent.setdefault(key, {})
    parent[last] = value
    return (*keys, *between, last)


def _takes(parent: Any, key: str) -> bool:
    """Say whether a component's class or function has an argument that its mapping does not mention."""
    target = parent.get("_target_") if isinstance(parent, dict) else None
    found = look_up(target) if isinstance(target, str) and key.isidentifier() else None
    return isinstance(found, Definition) and key in found.named


def _accepted(parent: Mapping[_Key, Any], keys: list[_Key]) -> list[str]:
    """The keys to suggest; at the top, also the names that are short for others or are chosen by argument."""
    if keys:
        return list(map(str, parent))
    shorts = [short for short, path in ALIASES.items() if path.partition(".")[0] in parent]
    return [*map(str, parent), *shorts, "configuration", "experiment"]


def _unknown(parent: Any, keys: list[_Key], left: str, label: str, path: str) -> str:
    """Say why a path does not exist, and what does."""
    where = ".".join(str(key) for key in keys)
    if is_marker(parent):
        return f"{label}: {where} was given as an object ({parent[OBJECT_KEY]}); change that object instead."
    if isinstance(parent, dict):
        advice = suggest(left.partition(".")[0], _accepted(parent, keys))
        advice += instead_of(left)
        if keys and keys[0] in _OPEN_SECTIONS:
            advice += f" To add a new key, write {ADD + path!r}."
        return f"{label}: no such key in {where or 'the configuration'}; {advice}"
    if isinstance(parent, list):
        names = [spelling for spelling, _ in _entries(parent) if not spelling.isdecimal()]
        advice = f"; {suggest(left, names)}" if names else "."
        return f"{label}: {where} is a list of {len(parent)} entries, counted from 0{advice}"
    if parent is None:
        return f"{label}: {where} is null and has no keys; set {where} itself first, to a mapping."
    return f"{label}: {where} is the single value {parent!r} and has no keys."
