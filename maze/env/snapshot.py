"""Saving a single environment without pickle, as far as its attributes are plain values.

The state of an environment in pure Python is in the attributes of its layers: numbers, arrays, containers and random
generators, its spaces' own ones included. Where any attribute is something else, for example a physics engine, there is
no snapshot, and the caller says so instead of continuing from half a state.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from maze.env.core_maze_env import CoreMazeEnv
from maze.env.maze_env import GymMazeEnv, MazeEnv
from maze.env.wrappers import Wrapper, overrides
from maze.errors import ArtifactError
from maze.types import StateDict

__all__ = ["layers_within", "restore_layers", "restore_snapshot", "snapshot_layers", "take_snapshot"]

PLAIN = (bool, int, float, str, type(None))
CONSTANT = (spaces.Space, EnvSpec, FunctionType, ModuleType, type)
"""Kinds of attributes that do not change while an environment runs, unless they hold a generator or variables."""
LEGACY_CONSTANT = ("EnvSpec", "Space", "Box", "Discrete", "MultiDiscrete", "MultiBinary", "Dict", "Tuple")
OWN_ATTRIBUTES = ("_seed", "_observation", "_end")
"""What changes in a GymMazeEnv itself."""
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


class _Unsupported(Exception):  # noqa: N818 - a signal within this module, never an error
    """An attribute cannot be saved."""


def take_snapshot(env: MazeEnv) -> StateDict | None:
    """Return the state of an environment and everything inside it, or None where some of it cannot be saved."""
    return snapshot_layers(list(layers_within(env)))


def restore_snapshot(env: MazeEnv, snapshot: StateDict) -> None:
    """Continue from a snapshot of an equal environment.

    Raises:
        ArtifactError: the snapshot is of another environment.
    """
    restore_layers(list(layers_within(env)), snapshot)


def snapshot_layers(layers: Iterable[Any]) -> StateDict | None:
    """Return the state of single layers of an environment, or None where some of it cannot be saved."""
    layers = list(layers)
    encoder = _Encoder(layers)
    try:
        return {"layers": [encoder.layer(layer) for layer in layers]}
    except _Unsupported:
        return None


def restore_layers(layers: Iterable[Any], snapshot: StateDict) -> None:
    """Continue from what `snapshot_layers` returned.

    Raises:
        ArtifactError: the snapshot is of other layers.
    """
    layers = list(layers)
    names = [type(layer).__name__ for layer in layers]
    saved = [part["class"] for part in snapshot["layers"]]
    if names != saved:
        raise ArtifactError(f"The saved environment consists of {saved}, this one of {names}.")
    decoder = _Decoder()
    for layer, part in zip(layers, snapshot["layers"], strict=True):
        if "own" in part:
            layer.load_own_state(part["own"])
            continue
        if "composed" in part:
            layer.load_snapshot_state(part["composed"])
            continue
        attributes = vars(layer)
        for name, encoded in part["attributes"].items():
            attributes[name] = decoder.decode(encoded, attributes.get(name))


def layers_within(env: Any) -> Iterator[Any]:
    """Yield an environment, the one inside it, and so on; gymnasium, legacy gym and maze all call it ``env``."""
    while env is not None:
        yield env
        env = getattr(env, "__dict__", {}).get("env")


def _content(cell: CellType) -> Any:
    """Return the value of a function's variable."""
    try:
        return cell.cell_contents
    except ValueError as error:
        raise _Unsupported from error  # it has none yet


def _is_constant(value: Any) -> bool:
    legacy = type(value).__module__.partition(".")[0] == "gym" and type(value).__name__ in LEGACY_CONSTANT
    return isinstance(value, CONSTANT) or legacy


def _spaces_within(space: Any) -> Iterator[Any]:
    """Yield a space and those that it is made of, all of which have generators of their own."""
    yield space
    for part in vars(space).values():
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else [part]
        for inner in parts:
            if isinstance(inner, spaces.Space):
                yield from _spaces_within(inner)


class _Encoder:
    """Turns the attributes of layers into plain values; one for all layers, so that it sees what they share."""

    def __init__(self, layers: list[Any]) -> None:
        self._layers = {id(inner) for layer in layers for inner in layers_within(layer)}
        self._seen: set[int] = set()
        self._generators: list[Any] = []

    def layer(self, layer: Any) -> StateDict:
        """Return the state of one layer, without what is inside it."""
        kind = type(layer).__name__
        if issubclass(type(layer), Wrapper) and overrides(layer, "own_state"):
            return {"class": kind, "own": layer.own_state()}
        if issubclass(type(layer), CoreMazeEnv):
            own = layer.snapshot_state()
            if own is None:
                raise _Unsupported
            return {"class": kind, "composed": own}
        if not hasattr(layer, "__dict__"):
            raise _Unsupported
        chosen = {name: value for name, value in vars(layer).items() if id(value) not in self._layers}
        if issubclass(type(layer), GymMazeEnv):
            chosen = {name: chosen[name] for name in OWN_ATTRIBUTES}
        encoded = {name: self._attribute(value) for name, value in chosen.items()}
        return {
            "class": kind,
            "attributes": {name: value for name, value in encoded.items() if value is not CONSTANT_PART},
        }

    def _attribute(self, value: Any) -> Any:
        """Return the code of an attribute, or of a variable of a function; constants stay as the present ones are."""
        if id(value) in self._layers:
            return CONSTANT_PART
        if isinstance(value, spaces.Space):
            used = [vars(space).get("_np_random") for space in _spaces_within(value)]
            known = [self._code(generator) for generator in used]
            return {"kind": "space", "generators": known} if any(known) else CONSTANT_PART
        if type(value) is FunctionType and value.__closure__ and id(value) not in self._seen:
            self._seen.add(id(value))
            cells = [self._attribute(_content(cell)) for cell in value.__closure__]
            return (
                {"kind": "function", "cells": cells}
                if any(cell is not CONSTANT_PART for cell in cells)
                else CONSTANT_PART
            )
        return CONSTANT_PART if _is_constant(value) else self._code(value)

    def _code(self, value: Any) -> Any:
        if type(value) in PLAIN:
            return value
        if isinstance(value, GENERATORS):
            return self._generator(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
            return {"kind": "scalar", "value": np.array(value)}
        if type(value) is tuple:
            return {"kind": "tuple", "items": [self._code(item) for item in value]}
        self._see_once(value)
        if type(value) is np.ndarray and value.dtype.kind in "biufUS":
            return {"kind": "array", "value": value.copy()}
        if type(value) in (list, deque):
            items = [self._code(item) for item in value]
            return {"kind": type(value).__name__, "items": items, "maxlen": getattr(value, "maxlen", None)}
        if type(value) is dict:
            return {"kind": "dict", "items": [[self._code(key), self._code(item)] for key, item in value.items()]}
        raise _Unsupported

    def _generator(self, generator: Any) -> StateDict:
        """Return a generator's state, or its number where it was seen before: restored, it is one object again."""
        for number, known in enumerate(self._generators):
            if known is generator:
                return {"kind": "known generator", "number": number}
        self._generators.append(generator)
        if isinstance(generator, np.random.Generator):
            return {"kind": "generator", "of": "numpy", "state": generator.bit_generator.state}
        if type(generator) is np.random.RandomState:
            return {"kind": "generator", "of": "legacy numpy", "state": generator.get_state(legacy=False)}
        if type(generator) is random.Random:
            return {"kind": "generator", "of": "python", "state": generator.getstate()}
        raise _Unsupported

    def _see_once(self, value: Any) -> None:
        """Refuse a second name for one mutable object, or for its memory: restored, they would be two objects."""
        owner = value
        while isinstance(owner, np.ndarray) and owner.base is not None:
            owner = owner.base
        if id(owner) in self._seen:
            raise _Unsupported
        self._seen.add(id(owner))


CONSTANT_PART: StateDict = {"kind": "constant"}


class _Decoder:
    """Turns codes back into values, and keeps what is shared shared."""

    def __init__(self) -> None:
        self._generators: list[Any] = []

    def decode(self, encoded: Any, present: Any) -> Any:
        """Return the value of a code; what can be changed in place, such as a generator, is the present object."""
        if not isinstance(encoded, dict):
            return encoded
        kind = encoded["kind"]
        if kind == "known generator":
            return self._generators[encoded["number"]]
        if kind == "generator":
            self._generators.append(_generator_at(encoded["of"], encoded["state"], present))
            return self._generators[-1]
        if kind in ("space", "function", "constant"):
            return self._changed(encoded, present)
        if kind in ("array", "scalar"):
            return np.array(encoded["value"]) if kind == "array" else np.asarray(encoded["value"])[()]
        if kind == "dict":
            return {self.decode(key, None): self.decode(item, None) for key, item in encoded["items"]}
        items = [self.decode(item, None) for item in encoded["items"]]
        if kind == "deque":
            return deque(items, encoded["maxlen"])
        return tuple(items) if kind == "tuple" else items

    def _changed(self, encoded: StateDict, present: Any) -> Any:
        """Return the present space or function, its generators or variables as they were."""
        if encoded["kind"] == "function":
            cells = getattr(present, "__closure__", None) or ()
            if len(cells) != len(encoded["cells"]):
                raise ArtifactError(f"The saved environment has a function of other variables than {present!r}.")
            for cell, part in zip(cells, encoded["cells"], strict=True):
                cell.cell_contents = self.decode(part, _content(cell))
        if encoded["kind"] == "space":
            found = list(_spaces_within(present)) if isinstance(present, spaces.Space) else []
            if len(found) != len(encoded["generators"]):
                raise ArtifactError(f"The saved environment has another space than {present!r}.")
            for space, part in zip(found, encoded["generators"], strict=True):
                vars(space)["_np_random"] = self.decode(part, vars(space).get("_np_random"))
        return present


def _generator_at(kind: str, state: Any, present: Any) -> Any:
    """Put a state into the present generator, which other objects may share, or into a new one."""
    if kind == "python":
        generator = present if type(present) is random.Random else random.Random()  # noqa: S311 (no secret)
        generator.setstate(state)
        return generator
    if kind == "legacy numpy":
        legacy = present if type(present) is np.random.RandomState else np.random.RandomState()
        legacy.set_state(state)
        return legacy
    known = isinstance(present, np.random.Generator) and present.bit_generator.state["bit_generator"]
    name = state["bit_generator"]
    numpy_generator = present if known == name else np.random.Generator(getattr(np.random, name)(0))
    numpy_generator.bit_generator.state = state
    return numpy_generator
