"""Wrappers that give the agent another action space: parts of a head by themselves, or a few values of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from gymnasium import spaces
from pydantic import Field

from maze.config.validation import read_entry
from maze.env.maze_env import MazeEnv
from maze.env.readers import wrong_action
from maze.env.wrappers import ActionWrapper
from maze.errors import InvalidSpecificationError, suggest
from maze.types import Action, AnyMapping, Array

__all__ = ["DiscretizeActionsWrapper", "SplitActionsWrapper"]

_Bins: TypeAlias = Annotated[int, Field(ge=2)]


def _check_heads(name: str, config: AnyMapping, space: spaces.Dict) -> None:
    for head in config:
        if head not in space.spaces:
            raise InvalidSpecificationError(f"{name}: unknown action head {head!r}; {suggest(head, space.spaces)}")


class SplitActionsWrapper(ActionWrapper):
    """Makes several action heads of one whose actions are vectors, so that each gets its own distribution.

    Args:
        env: the environment inside.
        split_config: for a head the new heads, and for each of them the ``indices`` of the vector that it stands for;
            together they name every index once. One index of a MultiDiscrete head is a Discrete head.

    Raises:
        InvalidSpecificationError: a head cannot be split, or not so.
    """

    def __init__(self, env: MazeEnv, split_config: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(env)
        _check_heads("split_config", split_config, env.action_space)
        self._parts: dict[str, dict[str, Array]] = {}  # head, new head: indices [K]
        self._inner = dict(env.action_space.spaces)
        heads: list[tuple[str, spaces.Space[Any]]] = []
        for head, space in self._inner.items():
            if head not in split_config:
                heads.append((head, space))
                continue
            self._parts[head] = {
                name: _indices(part, f"split_config.{head}.{name}") for name, part in split_config[head].items()
            }
            self._check_parts(head, space)
            heads.extend((name, _part_of(space, indices)) for name, indices in self._parts[head].items())
        if len({name for name, _ in heads}) < len(heads):
            raise InvalidSpecificationError(f"split_config: the heads {[name for name, _ in heads]} are not distinct.")
        self.action_space = spaces.Dict(heads)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse parts that are wrong in every environment; see `Wrapper.check_values`."""
        for head, parts in arguments.get("split_config", {}).items():
            for name, part in parts.items():
                _indices(part, f"{path}.split_config.{head}.{name}")

    def _check_parts(self, head: str, space: spaces.Space[Any]) -> None:
        kinds = (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)
        if not isinstance(space, kinds) or len(space.shape or ()) != 1:
            raise InvalidSpecificationError(f"split_config: the head {head!r} is {space}; only vectors can be split.")
        named = sorted(index for indices in self._parts[head].values() for index in indices.tolist())
        if named != list(range(space.shape[0])):
            raise InvalidSpecificationError(
                f"split_config: the parts of {head!r} name the indices {named}; each of 0 to {space.shape[0] - 1} once."
            )

    def action(self, action: Action) -> Action:
        """Return the vectors ``[..., size]`` put together from their parts."""
        result = {}
        for head, space in self._inner.items():
            if head not in self._parts:
                result[head] = action[head]
                continue
            values = {
                name: np.asarray(action[name]).reshape(*_leading(action[name], self.action_space[name]), len(indices))
                for name, indices in self._parts[head].items()
            }
            size = (space.shape or ())[0]
            whole = np.empty((*next(iter(values.values())).shape[:-1], size), np.result_type(*values.values()))
            for name, indices in self._parts[head].items():
                whole[..., indices] = values[name]
            result[head] = whole
        return result

    def reverse_action(self, action: Action) -> Action:
        """Return the parts of the vectors ``[..., size]``."""
        result = {head: action[head] for head in self._inner if head not in self._parts}
        for head, parts in self._parts.items():
            whole = np.asarray(action[head])
            for name, indices in parts.items():
                part = self.action_space[name]
                result[name] = whole[..., indices].reshape((*whole.shape[:-1], *(part.shape or ())))
        return {head: result[head] for head in self.action_space.spaces}


def _indices(part: Any, path: str) -> Array:
    for key in part if isinstance(part, Mapping) else ():
        if key != "indices":
            raise InvalidSpecificationError(
                f"{path}.{key}: there is no such key; {suggest(key, ('indices',))} For example give indices: [0, 1]."
            )
    indices = part.get("indices") if isinstance(part, Mapping) else part
    if isinstance(indices, str) or not isinstance(indices, Sequence) or not indices:
        raise InvalidSpecificationError(f"{path}: {part!r} is not accepted; give indices: [0, 1].")
    if not all(isinstance(index, int) and not isinstance(index, bool) and index >= 0 for index in indices):
        raise InvalidSpecificationError(f"{path}: {list(indices)} are not whole numbers from 0 on.")
    return np.array(indices, np.int64)


def _leading(value: Any, space: spaces.Space[Any]) -> tuple[int, ...]:
    """Return the batch axes of an action."""
    shape: tuple[int, ...] = np.shape(value)
    return shape[: len(shape) - len(space.shape or ())]


def _part_of(space: spaces.Space[Any], indices: Array) -> spaces.Space[Any]:
    if isinstance(space, spaces.Box):
        return spaces.Box(space.low[indices], space.high[indices], dtype=space.dtype.type)
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiBinary(len(indices))
    counts, starts = space.nvec[indices], space.start[indices]  # type: ignore[attr-defined]
    if len(indices) == 1:
        return spaces.Discrete(int(counts[0]), start=int(starts[0]))
    return spaces.MultiDiscrete(counts, dtype=np.int64, start=starts)


@dataclass(frozen=True, kw_only=True)
class DiscretizationEntry:
    """One entry of ``discretization_config``; bounds that are left out, ``()``, are the box's."""

    num_bins: _Bins | tuple[_Bins, ...]
    low: Any = ()
    high: Any = ()


class DiscretizeActionsWrapper(ActionWrapper):
    """Lets the agent choose among evenly spaced values, both ends included, instead of all values of a range.

    Args:
        env: the environment inside.
        discretization_config: for a Box head ``num_bins``, a number >= 2 or a list with one for each element, and
            ``low`` and ``high`` where the range shall be narrower than the box's (necessary where that is open), each a
            number or an array like the box. The new head is Discrete for a single element, MultiDiscrete otherwise.

    Raises:
        InvalidSpecificationError: an entry is not accepted.
    """

    def __init__(self, env: MazeEnv, discretization_config: Mapping[str, AnyMapping]) -> None:
        super().__init__(env)
        _check_heads("discretization_config", discretization_config, env.action_space)
        self._boxes: dict[str, spaces.Box] = {}
        self._values: dict[str, Array] = {}  # [size, most bins]
        heads: list[tuple[str, spaces.Space[Any]]] = []
        for head, space in env.action_space.spaces.items():
            if head not in discretization_config:
                heads.append((head, space))
                continue
            if not isinstance(space, spaces.Box):
                raise InvalidSpecificationError(f"discretization_config: the head {head!r} is {space}, not a Box.")
            path = f"discretization_config.{head}"
            entry = read_entry(DiscretizationEntry, discretization_config[head], path)
            bins, self._values[head] = _bins(space, entry, path)
            self._boxes[head] = space
            heads.append((head, spaces.Discrete(int(bins[0])) if bins.size == 1 else spaces.MultiDiscrete(bins)))
        self.action_space = spaces.Dict(heads)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse entries that are wrong in every environment; see `Wrapper.check_values`."""
        for head, entry in arguments.get("discretization_config", {}).items():
            where = f"{path}.discretization_config.{head}"
            bounds = _range_of(read_entry(DiscretizationEntry, entry, where), where)
            if len(bounds) == 2 and _are_alike(*bounds.values()) and not (bounds["low"] < bounds["high"]).all():
                raise _wrong_range(bounds["low"], bounds["high"], where)

    def action(self, action: Action) -> Action:
        """Return the values that were chosen, ``[..., *shape]``.

        Raises:
            EnvError: a choice is not in the action space.
        """
        result = dict(action)
        for head, box in self._boxes.items():
            space, chosen = self.action_space[head], np.asarray(action[head])
            leading = _leading(chosen, space)
            bins = space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n  # type: ignore[attr-defined]
            if chosen.dtype.kind not in "iu" or ((chosen < 0) | (chosen >= bins)).any():
                raise wrong_action(head, space, action[head])
            values = self._values[head]
            flat = chosen.reshape(*leading, len(values))
            result[head] = values[np.arange(len(values)), flat].reshape(*leading, *box.shape)
        return result

    def reverse_action(self, action: Action) -> Action:
        """Return the choices whose values are the nearest to these ``[..., *shape]``; of two, the smaller one."""
        result = dict(action)
        for head, box in self._boxes.items():
            space, given = self.action_space[head], np.asarray(action[head], np.float64)
            leading, values = _leading(given, box), self._values[head]
            bins = space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n  # type: ignore[attr-defined]
            spare = np.arange(values.shape[1]) >= np.reshape(bins, (-1, 1))  # [size, most bins]
            distance = np.where(spare, np.inf, np.abs(given.reshape(*leading, len(values), 1) - values))
            result[head] = distance.argmin(axis=-1).reshape((*leading, *(space.shape or ())))
        return result


def _range_of(entry: DiscretizationEntry, path: str) -> dict[str, Array]:
    """Return the bounds that are given, float64, by name."""
    bounds = {}
    for name, given in (("low", entry.low), ("high", entry.high)):
        if isinstance(given, tuple) and not given:
            continue
        try:
            bounds[name] = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            bounds[name] = np.full((), np.nan)
        if not np.isfinite(bounds[name]).all():
            raise InvalidSpecificationError(f"{path}.{name}: {given!r} is not accepted; accepted: numbers.")
    return bounds


def _wrong_range(low: Array, high: Array, path: str) -> InvalidSpecificationError:
    return InvalidSpecificationError(f"{path}: the range is {low} to {high}; give low and high, low the smaller.")


def _are_alike(first: Array, second: Array) -> bool:
    """Say whether two arrays can be compared element by element, as they are."""
    return first.shape == second.shape or not first.ndim or not second.ndim


def _bins(box: spaces.Box, entry: DiscretizationEntry, path: str) -> tuple[Array, Array]:
    """Return the numbers of values of each element ``[size]``, and the values ``[size, most]``."""
    size, given = int(np.prod(box.shape)), _range_of(entry, path)
    bounds = {"low": box.low, "high": box.high, **given}
    try:
        bins = np.broadcast_to(np.asarray(entry.num_bins), (size,))
        low, high = (np.broadcast_to(np.asarray(b, np.float64), box.shape).ravel() for b in bounds.values())
    except ValueError as error:
        raise InvalidSpecificationError(
            f"{path}: num_bins {entry.num_bins!r}, or the range from {bounds['low'].tolist()} to "
            f"{bounds['high'].tolist()}, does not fit a head of {size} elements; give one number, or one for each."
        ) from error
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise _wrong_range(low, high, path)
    outside = {  # in the box's dtype: what is rounded there is not outside
        "low": low.astype(box.dtype) < box.low.ravel(),
        "high": high.astype(box.dtype) > box.high.ravel(),
    }
    for name, where in outside.items():
        if where.any():
            raise InvalidSpecificationError(
                f"{path}.{name}: {getattr(entry, name)!r} is outside of the head, which is {box}; stay within it."
            )
    values = np.zeros((size, int(bins.max())), box.dtype)
    for element, number in enumerate(bins.tolist()):
        values[element, :number] = np.linspace(low[element], high[element], number)
    return bins.astype(np.int64), np.clip(values, low[:, None], high[:, None]).astype(box.dtype)
