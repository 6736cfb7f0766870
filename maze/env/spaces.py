"""Spaces in one form: every environment of maze has `gymnasium.spaces.Dict` spaces of plain leaves.

`to_dict_space` and `to_dict_value` bring any gymnasium or legacy space and its values into that form, `from_dict_value`
takes an action back. `space_to_json` and `space_from_json` write a space exactly, bounds included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from maze.errors import ArtifactError, EnvError, InvalidSpecificationError, suggest
from maze.types import Action, AnyMapping, Array, Observation

__all__ = [
    "Leaf",
    "from_dict_value",
    "leaves_of",
    "space_from_json",
    "space_to_json",
    "to_dict_space",
    "to_dict_value",
    "to_gymnasium_space",
]

Leaf: TypeAlias = tuple[tuple[str | int, ...], str, spaces.Space[Any]]
"""Path inside the engine's own space, key in the Dict space, and the engine's space at that place."""

LEAF_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def to_gymnasium_space(space: Any) -> spaces.Space[Any]:
    """Return the gymnasium space that means the same as a gymnasium or a legacy gym space.

    Args:
        space: a `gymnasium.spaces.Space`, or an object of the legacy ``gym.spaces`` classes.

    Raises:
        EnvError: the kind of space is not supported.
    """
    if isinstance(space, spaces.Space):
        return space
    kind = type(space).__name__
    if kind == "Box":
        return spaces.Box(space.low, space.high, dtype=space.dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(int(space.n), start=int(getattr(space, "start", 0)))
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(space.nvec, dtype=space.dtype.type)
    if kind == "MultiBinary":
        return spaces.MultiBinary(space.n)
    if kind == "Dict":
        return spaces.Dict([(key, to_gymnasium_space(part)) for key, part in space.spaces.items()])
    if kind == "Tuple":
        return spaces.Tuple([to_gymnasium_space(part) for part in space.spaces])
    raise unsupported_space(space)


def unsupported_space(space: object, name: str = "", key: str = "") -> EnvError:
    """Return the error for a space that maze cannot represent.

    Args:
        space: the space.
        name: ``"observation"`` or ``"action"``, where that is known.
        key: of the space among the observations or action heads.
    """
    where = f"The {name} {key or name!r} has the space {space!r}, which" if name else f"The space {space!r}"
    wrapper = "TransformAction" if name == "action" else "TransformObservation"
    left_out = (
        f"Leave it out with ignored_observations=[{key!r}], or convert" if key and name != "action" else "Convert"
    )
    return EnvError(
        f"{where} is not supported. Accepted: Box, Discrete, MultiDiscrete, MultiBinary, and Dict or Tuple of these. "
        f"{left_out} it in the environment, for example with gymnasium.wrappers.{wrapper}, before it is given to maze."
    )


def leaves_of(space: spaces.Space[Any], name: str, ignored: Collection[str] = ()) -> list[Leaf]:
    """List the leaves of a space in the order of its keys.

    Args:
        space: any supported space, nested or not.
        name: key of the leaf when the space is a single leaf, ``"observation"`` or ``"action"``; the elements of a
            Tuple are called ``name_0``, ``name_1`` and so on. Nested keys are joined by a full stop.
        ignored: keys of parts that are left out, of whatever kind they are.

    Raises:
        EnvError: a part is of an unsupported kind, or empty, or two have the same key.
        InvalidSpecificationError: a key to be left out does not exist, or there are no leaves, or none would be left.
    """
    nodes = list(_nodes(space, (), "", name))
    _check_ignored(ignored, [key for _, key, _ in nodes if key], name)
    left_out = [path for path, key, _ in nodes if key in ignored]
    leaves: list[Leaf] = []
    for path, key, part in nodes:
        if isinstance(part, spaces.Dict | spaces.Tuple) or any(path[: len(outer)] == outer for outer in left_out):
            continue
        if not isinstance(part, LEAF_SPACES):
            raise unsupported_space(part, name, key)
        leaves.append((path, key or name, part))
    if ignored and not leaves:
        raise InvalidSpecificationError(f"ignored_{name}s: {list(ignored)} are all that there are; keep one.")
    if not leaves:
        raise InvalidSpecificationError(
            f"The {name} space {space!r} holds nothing; accepted: a space with at least one {name}."
        )
    _check_leaves(leaves, name)
    return leaves


def _nodes(part: spaces.Space[Any], path: tuple[str | int, ...], key: str, name: str) -> Iterator[Leaf]:
    """Yield a space and everything inside it, composed or not."""
    yield path, key, part
    if isinstance(part, spaces.Dict):
        for child_key, child in part.spaces.items():
            yield from _nodes(child, (*path, child_key), f"{key}.{child_key}" if key else str(child_key), name)
    elif isinstance(part, spaces.Tuple):
        for position, child in enumerate(part.spaces):
            yield from _nodes(child, (*path, position), f"{key or name}_{position}", name)


def _check_leaves(leaves: list[Leaf], name: str) -> None:
    keys = [key for _, key, _ in leaves]
    for _, key, part in leaves:
        if keys.count(key) > 1:
            raise EnvError(f"The {name} space has two parts that are both called {key!r}; give one another name.")
        if 0 in (part.shape or ()):
            raise EnvError(f"The {name} {key!r} has the space {part}, which holds nothing. Leave it out.")


def _check_ignored(ignored: Collection[str], known: list[str], name: str) -> None:
    for key in ignored:
        if key not in known:
            raise InvalidSpecificationError(f"ignored_{name}s: there is no {name} {key!r}; {suggest(key, known)}")


def to_dict_space(space: spaces.Space[Any], name: str, ignored: Collection[str] = ()) -> spaces.Dict:
    """Return the Dict space of plain leaves that stands for any space; floating leaves become float32.

    Args:
        space: any supported space.
        name: ``"observation"`` or ``"action"``, the key of a single leaf.
        ignored: keys of parts that are left out.
    """
    return spaces.Dict([(key, _leaf_space(leaf)) for _, key, leaf in leaves_of(space, name, ignored)])


def _leaf_space(space: spaces.Space[Any]) -> spaces.Space[Any]:
    if not (isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating)):
        return space
    if space.dtype == np.float32:
        return space
    with np.errstate(over="ignore"):  # a float64 bound beyond float32 means "no bound"
        return spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)


def to_dict_value(value: Any, leaves: list[Leaf], readers: Mapping[str, Callable[[Any], Array]]) -> Observation:
    """Return an engine's (possibly nested) observation as fresh arrays by key.

    Args:
        value: the engine's observation.
        leaves: from `leaves_of` on the engine's space.
        readers: one reader for each key, see `maze.env.readers`.
    """
    observation: Observation = {}
    for path, key, _ in leaves:
        part = value
        for step in path:
            part = part[step]
        observation[key] = readers[key](part)
    return observation


def from_dict_value(
    action: Action, space: spaces.Space[Any], leaves: list[Leaf], readers: Mapping[str, Callable[[Any], Any]]
) -> Any:
    """Return the engine's (possibly nested) action from one action by head.

    Args:
        action: one entry for each head.
        space: the engine's own action space.
        leaves: from `leaves_of` on that space.
        readers: one reader for each head, see `maze.env.readers`.
    """
    values = {path: readers[key](action[key]) for path, key, _ in leaves}

    def build(part: spaces.Space[Any], path: tuple[str | int, ...]) -> Any:
        if isinstance(part, spaces.Dict):
            return {key: build(child, (*path, key)) for key, child in part.spaces.items()}
        if isinstance(part, spaces.Tuple):
            return tuple(build(child, (*path, position)) for position, child in enumerate(part.spaces))
        return values[path]

    return build(space, ())


def space_to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """Return a space as JSON values, exact for Box, Discrete, MultiDiscrete, MultiBinary and Dict.

    Args:
        space: of observations or actions.

    Raises:
        EnvError: the kind of space is not supported.
    """
    if isinstance(space, spaces.Dict):
        return {"type": "Dict", "spaces": [[key, space_to_json(part)] for key, part in space.spaces.items()]}
    if isinstance(space, spaces.Box):
        bounds = {"low": _bounds_to_json(space.low), "high": _bounds_to_json(space.high)}
        return {"type": "Box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}
    if isinstance(space, spaces.Discrete):
        return {"type": "Discrete", "n": int(space.n), "start": int(space.start), "dtype": str(space.dtype)}
    if isinstance(space, spaces.MultiDiscrete):
        vectors = {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
        return {"type": "MultiDiscrete", **vectors, "dtype": str(space.dtype)}
    if isinstance(space, spaces.MultiBinary):
        return {"type": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.shape)}
    raise unsupported_space(space)


def _bounds_to_json(bounds: Array) -> Any:
    """Return one number if all are equal, else the flat list; JSON has no infinities, so they are strings."""
    numbers = bounds.ravel().tolist()
    values = [value if np.isfinite(value) else str(value) for value in numbers]
    return values[0] if values and all(value == values[0] for value in values) else values


def space_from_json(description: AnyMapping) -> spaces.Space[Any]:
    """Return the space that `space_to_json` described.

    Args:
        description: what that returned.

    Raises:
        ArtifactError: the description is incomplete or of an unknown type.
    """
    try:
        kind = description["type"]
        if kind == "Dict":
            return spaces.Dict([(key, space_from_json(part)) for key, part in description["spaces"]])
        if kind == "Discrete":
            dtype = np.dtype(description["dtype"]).type
            return spaces.Discrete(description["n"], start=description["start"], dtype=dtype)
        if kind == "MultiBinary":
            return spaces.MultiBinary(description["n"])
        if kind == "MultiDiscrete":
            vectors = (np.array(description["nvec"]), np.array(description["start"]))
            return spaces.MultiDiscrete(vectors[0], dtype=np.dtype(description["dtype"]).type, start=vectors[1])
        if kind == "Box":
            return _box_from_json(description)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"The description of a space cannot be read: {description!r} ({error}).") from error
    raise ArtifactError(f"Unknown type of space {kind!r}. Accepted: Box, Dict, Discrete, MultiBinary, MultiDiscrete.")


def _box_from_json(description: AnyMapping) -> spaces.Box:
    dtype, shape = np.dtype(description["dtype"]), tuple(description["shape"])

    def bounds(values: Any) -> Array:
        if isinstance(values, list):
            return np.array([dtype.type(value) for value in values], dtype=dtype).reshape(shape)
        return np.full(shape, dtype.type(values), dtype=dtype)

    return spaces.Box(bounds(description["low"]), bounds(description["high"]), dtype=dtype.type)
