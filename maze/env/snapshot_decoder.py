"""The way back from the plain values of a snapshot to the attributes of layers; see `maze.env.snapshot`."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from types import CellType
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.ale_state import load_ale_state
from maze.errors import ArtifactError, NoSnapshotError
from maze.types import StateDict

__all__ = ["Decoder", "content_of", "spaces_within"]


def content_of(cell: CellType) -> Any:
    """Return the value of a function's variable."""
    try:
        return cell.cell_contents
    except ValueError as error:
        raise NoSnapshotError("A variable of a function has no value yet, so that it cannot be saved.") from error


def spaces_within(space: Any) -> Iterator[Any]:
    """Yield a space and those that it is made of, all of which have generators of their own."""
    yield space
    for part in vars(space).values():
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else [part]
        for inner in parts:
            if isinstance(inner, spaces.Space):
                yield from spaces_within(inner)


class Decoder:
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
        if kind in ("ale", "space", "function", "constant"):
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
        """Return the present emulator, space or function, its memory, generators or variables as they were."""
        if encoded["kind"] == "ale":
            load_ale_state(present, encoded["state"])
        if encoded["kind"] == "function":
            cells = getattr(present, "__closure__", None) or ()
            if len(cells) != len(encoded["cells"]):
                raise ArtifactError(f"The saved environment has a function of other variables than {present!r}.")
            for cell, part in zip(cells, encoded["cells"], strict=True):
                cell.cell_contents = self.decode(part, content_of(cell))
        if encoded["kind"] == "space":
            found = list(spaces_within(present)) if isinstance(present, spaces.Space) else []
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
