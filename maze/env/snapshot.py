"""Saving a single environment without pickle, as far as its attributes are plain values.

The state of an environment in pure Python is in the attributes of its layers: numbers, arrays, containers and random
generators, its spaces' own ones included. Where any attribute is something else, for example a physics engine, there is
no snapshot, and the caller says so instead of continuing from half a state.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from copy import deepcopy
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from maze.env.ale_state import ALE_ATTRIBUTES, is_ale, is_ale_engine, save_ale_state
from maze.env.context import EnvironmentContext
from maze.env.snapshot_decoder import Decoder, content_of, spaces_within
from maze.errors import ArtifactError, NoSnapshotError
from maze.statistics.events import EventTopic, Pubsub
from maze.types import StateDict

__all__ = [
    "decode_value",
    "encode_value",
    "layers_within",
    "restore_layers",
    "restore_snapshot",
    "snapshot_layers",
    "snapshot_or_error",
    "take_snapshot",
]

PLAIN = (bool, int, float, str, type(None))
CONSTANT = (spaces.Space, EnvSpec, FunctionType, ModuleType, type, EventTopic, Pubsub, EnvironmentContext)
"""Kinds of attributes that do not change while an environment runs, unless they hold a generator or variables."""
LEGACY_CONSTANT = ("EnvSpec", "Space", "Box", "Discrete", "MultiDiscrete", "MultiBinary", "Dict", "Tuple")
PICTURES = (("pygame.surface", "Surface"), ("pygame.time", "Clock"))
"""Modules and names of classes that show the state, and hold none."""
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


def take_snapshot(env: Any) -> StateDict | None:
    """Return the state of an environment and everything inside it, or None where some of it cannot be saved."""
    return snapshot_layers(layers_within(env))


def snapshot_or_error(env: Any) -> StateDict:
    """Return the state of an environment and everything inside it, as a copy.

    Raises:
        NoSnapshotError: some of it cannot be saved; the message says what.
    """
    return deepcopy(_encode_layers(layers_within(env)))


def restore_snapshot(env: Any, snapshot: StateDict) -> None:
    """Continue from a snapshot of an equal environment.

    Raises:
        ArtifactError: the snapshot is of another environment.
    """
    restore_layers(list(layers_within(env)), snapshot)


def snapshot_layers(layers: Iterable[Any]) -> StateDict | None:
    """Return the state of single layers of an environment, or None where some of it cannot be saved."""
    try:
        return _encode_layers(layers)
    except NoSnapshotError:
        return None


def _encode_layers(layers: Iterable[Any]) -> StateDict:
    layers = list(layers)
    encoder = _Encoder(layers)
    return {"layers": [encoder.layer(layer) for layer in layers]}


def restore_layers(layers: Iterable[Any], snapshot: StateDict) -> None:
    """Continue from what `snapshot_layers` returned.

    Raises:
        ArtifactError: the snapshot is of other layers, or is none.
    """
    layers = list(layers)
    names = [type(layer).__name__ for layer in layers]
    try:
        saved = [part["class"] for part in snapshot["layers"]]
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"{snapshot!r} is not the state of an environment; accepted: what snapshot_state() of an equal one returns."
        ) from error
    if names != saved:
        raise ArtifactError(
            f"The saved environment consists of {saved}, this one of {names}. Use the environment and the "
            "wrappers that it was saved with."
        )
    decoder = Decoder()
    for layer, part in zip(layers, snapshot["layers"], strict=True):
        if "own" in part:
            layer.load_layer_state(part["own"])
            continue
        attributes = vars(layer)
        for name, encoded in part["attributes"].items():
            attributes[name] = decoder.decode(encoded, attributes.get(name))


def encode_value(value: Any) -> Any:
    """Return a value that nobody changes as plain ones, for `decode_value`.

    Raises:
        NoSnapshotError: it is, or has, something else than numbers, texts, arrays and containers.
    """
    return _Encoder([], refuse_sharing=False).code(value)


def decode_value(encoded: Any) -> Any:
    """Return the value that `encode_value` was given."""
    return Decoder().decode(encoded, None)


def layers_within(env: Any) -> Iterator[Any]:
    """Yield an environment, the one inside it, and so on; gymnasium, legacy gym and maze all call it ``env``."""
    while env is not None:
        yield env
        env = getattr(env, "__dict__", {}).get("env")


def _is_constant(value: Any) -> bool:
    module, name = type(value).__module__, type(value).__name__
    legacy = module.partition(".")[0] == "gym" and name in LEGACY_CONSTANT
    return isinstance(value, CONSTANT) or legacy or (module, name) in PICTURES


class _Encoder:
    """Turns the attributes of layers into plain values; one for all layers, so that it sees what they share."""

    def __init__(self, layers: list[Any], *, refuse_sharing: bool = True) -> None:
        self._refuse_sharing = refuse_sharing
        self._layers = {id(inner) for layer in layers for inner in layers_within(layer)}
        self._seen: set[int] = set()
        self._generators: list[Any] = []

    def layer(self, layer: Any) -> StateDict:
        """Return the state of one layer, without what is inside it."""
        kind = type(layer).__name__
        tell = getattr(type(layer), "layer_state", None)  # of the class: attributes come from inside
        own = None if tell is None else tell(layer)
        if own is not None:
            return {"class": kind, "own": own}
        if not hasattr(layer, "__dict__"):
            raise NoSnapshotError(f"{kind} has no attributes that could be saved.")
        chosen = {name: value for name, value in vars(layer).items() if id(value) not in self._layers}
        if is_ale_engine(layer):
            chosen = {name: chosen[name] for name in ALE_ATTRIBUTES}
        encoded = {name: self._named(kind, name, value) for name, value in chosen.items()}
        return {
            "class": kind,
            "attributes": {name: value for name, value in encoded.items() if value is not CONSTANT_PART},
        }

    def _named(self, kind: str, name: str, value: Any) -> Any:
        """Return the code of an attribute, or say which one it is that has none."""
        try:
            return self._attribute(value)
        except NoSnapshotError as error:
            raise NoSnapshotError(
                f"The state of {kind} cannot be copied, because of its attribute {name!r}: {error} Repeat the "
                "episode from its seed instead."
            ) from error

    def _attribute(self, value: Any) -> Any:
        """Return the code of an attribute, or of a variable of a function; constants stay as the present ones are."""
        if id(value) in self._layers:
            return CONSTANT_PART
        if isinstance(value, spaces.Space):
            used = [vars(space).get("_np_random") for space in spaces_within(value)]
            known = [self.code(generator) for generator in used]
            return {"kind": "space", "generators": known} if any(known) else CONSTANT_PART
        if type(value) is FunctionType and value.__closure__ and id(value) not in self._seen:
            self._seen.add(id(value))
            cells = [self._attribute(content_of(cell)) for cell in value.__closure__]
            return (
                {"kind": "function", "cells": cells}
                if any(cell is not CONSTANT_PART for cell in cells)
                else CONSTANT_PART
            )
        return CONSTANT_PART if _is_constant(value) else self.code(value)

    def code(self, value: Any) -> Any:
        """Return the code of a value that is none of the constants."""
        if type(value) in PLAIN:
            return value
        if is_ale(value):
            return {"kind": "ale", "state": save_ale_state(value)}
        if isinstance(value, GENERATORS):
            return self._generator(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
            return {"kind": "scalar", "value": np.array(value)}
        if type(value) is tuple:
            return {"kind": "tuple", "items": [self.code(item) for item in value]}
        self._see_once(value)
        if type(value) is np.ndarray and value.dtype.kind in "biufUS":
            return {"kind": "array", "value": value.copy()}
        if type(value) in (list, deque):
            items = [self.code(item) for item in value]
            return {"kind": type(value).__name__, "items": items, "maxlen": getattr(value, "maxlen", None)}
        if type(value) is dict:
            return {"kind": "dict", "items": [[self.code(key), self.code(item)] for key, item in value.items()]}
        raise NoSnapshotError(f"{_named_kind(value)} is not made of numbers, texts, arrays and containers.")

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
        raise NoSnapshotError(f"{_named_kind(generator)} is a generator of its own kind.")

    def _see_once(self, value: Any) -> None:
        """Refuse a second name for one mutable object, or for its memory: restored, they would be two objects."""
        if not self._refuse_sharing:
            return
        owner = value
        while isinstance(owner, np.ndarray) and owner.base is not None:
            owner = owner.base
        if id(owner) in self._seen:
            raise NoSnapshotError(f"{_named_kind(value)} is there under another name, too, and would become two.")
        self._seen.add(id(owner))


def _named_kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"


CONSTANT_PART: StateDict = {"kind": "constant"}
