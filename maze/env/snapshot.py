"""Saving a single environment without pickle, as far as its attributes are plain values.

The state of an environment in pure Python is in the attributes of its layers: numbers, arrays, containers and random
generators. Where any attribute is something else, for example a physics engine, there is no snapshot, and the caller
says so instead of continuing from half a state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from maze.env.maze_env import GymMazeEnv, MazeEnv
from maze.env.wrappers import Wrapper, overrides
from maze.errors import ArtifactError
from maze.types import StateDict

__all__ = ["layers_within", "restore_snapshot", "take_snapshot"]

PLAIN = (bool, int, float, str, type(None))
CONSTANT = (spaces.Space, EnvSpec, FunctionType, ModuleType, type)
"""Kinds of attributes that do not change while an environment runs."""
LEGACY_CONSTANT = ("EnvSpec", "Space", "Box", "Discrete", "MultiDiscrete", "MultiBinary", "Dict", "Tuple")
OWN_ATTRIBUTES = ("_seed", "_observation", "_end")
"""What changes in a GymMazeEnv itself."""


class _Unsupported(Exception):  # noqa: N818 - a signal within this module, never an error
    """An attribute cannot be saved."""


def take_snapshot(env: MazeEnv) -> StateDict | None:
    """Return the state of an environment and everything inside it, or None where some of it cannot be saved."""
    seen: set[int] = set()
    try:
        return {"layers": [_encode_layer(layer, seen) for layer in layers_within(env)]}
    except _Unsupported:
        return None


def restore_snapshot(env: MazeEnv, snapshot: StateDict) -> None:
    """Continue from a snapshot of an equal environment.

    Raises:
        ArtifactError: the snapshot is of another environment.
    """
    layers = list(layers_within(env))
    names = [type(layer).__name__ for layer in layers]
    saved = [part["class"] for part in snapshot["layers"]]
    if names != saved:
        raise ArtifactError(f"The saved environment consists of {saved}, this one of {names}.")
    for layer, part in zip(layers, snapshot["layers"], strict=True):
        if "own" in part:
            layer.load_own_state(part["own"])
            continue
        attributes = vars(layer)
        for name, encoded in part["attributes"].items():
            attributes[name] = _decode(encoded, attributes.get(name))


def layers_within(env: Any) -> Iterator[Any]:
    """Yield an environment, the one inside it, and so on; gymnasium, legacy gym and maze all call it ``env``."""
    while env is not None:
        yield env
        env = getattr(env, "__dict__", {}).get("env")


def _encode_layer(layer: Any, seen: set[int]) -> StateDict:
    kind = type(layer).__name__
    if issubclass(type(layer), Wrapper) and overrides(layer, "own_state"):
        return {"class": kind, "own": layer.own_state()}
    if not hasattr(layer, "__dict__"):
        raise _Unsupported
    chosen = {name: value for name, value in vars(layer).items() if name != "env"}
    if issubclass(type(layer), GymMazeEnv):
        chosen = {name: chosen[name] for name in OWN_ATTRIBUTES}
    changing = {name: value for name, value in chosen.items() if not _is_constant(value)}
    return {"class": kind, "attributes": {name: _encode(value, seen) for name, value in changing.items()}}


def _is_constant(value: Any) -> bool:
    legacy = type(value).__module__.partition(".")[0] == "gym" and type(value).__name__ in LEGACY_CONSTANT
    return isinstance(value, CONSTANT) or legacy


def _encode(value: Any, seen: set[int]) -> Any:
    if isinstance(value, PLAIN) and type(value) in PLAIN:
        return value
    if isinstance(value, np.random.Generator):
        state = value.bit_generator.state
        return {"kind": "generator", "state": state}
    if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
        return {"kind": "scalar", "value": np.array(value)}
    if type(value) is tuple:
        return {"kind": "tuple", "items": [_encode(item, seen) for item in value]}
    _see_once(value, seen)
    if type(value) is np.ndarray and value.dtype.kind in "biufUS":
        return {"kind": "array", "value": value.copy()}
    if type(value) in (list, deque):
        items = [_encode(item, seen) for item in value]
        return {"kind": type(value).__name__, "items": items, "maxlen": getattr(value, "maxlen", None)}
    if type(value) is dict:
        return {"kind": "dict", "items": [[_encode(key, seen), _encode(item, seen)] for key, item in value.items()]}
    raise _Unsupported


def _see_once(value: Any, seen: set[int]) -> None:
    """Refuse a second name for one mutable object, or for its memory: restored, they would be two objects."""
    owner = value
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    if id(owner) in seen:
        raise _Unsupported
    seen.add(id(owner))


def _decode(encoded: Any, present: Any) -> Any:
    if not isinstance(encoded, dict):
        return encoded
    kind = encoded["kind"]
    if kind == "generator":
        return _decode_generator(encoded["state"], present)
    if kind == "scalar":
        return np.asarray(encoded["value"])[()]
    if kind == "array":
        return np.array(encoded["value"])
    if kind == "dict":
        return {_decode(key, None): _decode(item, None) for key, item in encoded["items"]}
    items = [_decode(item, None) for item in encoded["items"]]
    if kind == "deque":
        return deque(items, encoded["maxlen"])
    return tuple(items) if kind == "tuple" else items


def _decode_generator(state: Any, present: Any) -> np.random.Generator:
    """Put the state into the present generator, which other objects may share, or into a new one."""
    if (
        isinstance(present, np.random.Generator)
        and present.bit_generator.state["bit_generator"] == state["bit_generator"]
    ):
        present.bit_generator.state = state
        return present
    generator = np.random.Generator(getattr(np.random, state["bit_generator"])(0))
    generator.bit_generator.state = state
    return generator
