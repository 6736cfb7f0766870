"""Stacks of the last observations, for agents that must see movement or remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from gymnasium import spaces
from pydantic import Field

from maze.config.validation import read_entry
from maze.env.maze_env import MazeEnv
from maze.env.spaces import unsupported_space
from maze.env.stateful import Rows, StatefulWrapper
from maze.env.vector_base import VectorStep
from maze.errors import InvalidSpecificationError, suggest
from maze.types import FLOAT, Action, AnyMapping, Array, Observation

__all__ = ["ObservationStackWrapper"]


@dataclass(frozen=True, kw_only=True)
class StackEntry:
    """One entry of ``stack_config``."""

    observation: str
    stack_steps: Annotated[int, Field(ge=1)]
    keep_original: bool = False
    tag: str | None = None
    delta: bool = False

    @cached_property
    def key(self) -> str:
        """Key of the stack."""
        return f"{self.observation}-{self.tag}" if self.tag else self.observation


class ObservationStackWrapper(StatefulWrapper):
    """Replaces an observation by the last few of it, stacked along a new first axis, the newest last.

    An episode begins with its first observation in all places.

    Args:
        env: the environment inside.
        stack_config: a list with, for each stack, ``observation``: key to stack; ``stack_steps``: how many;
            ``keep_original``: keep the single observation under its key, too (false); ``tag``: the stack's key is
            ``observation-tag``, or ``observation`` without one (null); ``delta``: all but the newest are replaced by
            the change to the next one, float32 (false).

    Raises:
        InvalidSpecificationError: an entry is not accepted.
        EnvError: observations of this kind cannot be stacked.
    """

    def __init__(self, env: MazeEnv, stack_config: Sequence[AnyMapping]) -> None:
        super().__init__(env)
        known = dict(env.observation_space.spaces)
        parts = dict(known)
        self._stacks: list[StackEntry] = []
        for position, config in enumerate(stack_config):
            path = f"stack_config.{position}"
            stack = _read_stack(config, path)
            source = stack.observation
            if source not in known:
                raise InvalidSpecificationError(
                    f"{path}.observation: unknown observation {source!r}; {suggest(source, known)}"
                )
            if stack.key in {other.key for other in self._stacks} or (stack.key in known and stack.key != source):
                raise InvalidSpecificationError(f"{path}.tag: there are two observations {stack.key!r}; give a tag.")
            self._stacks.append(stack)
            parts[stack.key] = _stacked_space(known[source], stack, path)
        kept = {stack.observation for stack in self._stacks if stack.keep_original}
        self._dropped = {stack.observation for stack in self._stacks if stack.key != stack.observation} - kept
        self.observation_space = spaces.Dict([(key, part) for key, part in parts.items() if key not in self._dropped])
        self._sources = known
        self._spare: dict[str, Array] = {}

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse entries that are wrong in every environment; see `Wrapper.check_values`."""
        for position, entry in enumerate(arguments.get("stack_config", ())):
            _read_stack(entry, f"{path}.stack_config.{position}")

    def start(self, n_envs: int) -> None:
        """Make room for the stacks, ``[N, steps, *shape]`` each, and for the next ones."""
        for buffers in (self.rows, self._spare):
            for stack in self._stacks:
                source = self._sources[stack.observation]
                buffers[stack.key] = np.zeros((n_envs, stack.stack_steps, *(source.shape or ())), source.dtype)

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once and put the new observations on top."""
        step = inner.step_rows(action, rows)
        waiting = None if rows.all() else ~rows
        for stack in self._stacks:
            present, following = self.rows[stack.key], self._spare[stack.key]
            following[:, :-1] = present[:, 1:]
            following[:, -1] = step.observation[stack.observation]
            if waiting is not None:
                following[waiting] = present[waiting]
            self.rows[stack.key], self._spare[stack.key] = following, present
        return replace(step, observation=self._with_stacks(step.observation))

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin episodes, and their stacks with the first observation throughout."""
        observation = inner.reset_rows(rows)
        for stack in self._stacks:
            self.rows[stack.key][rows] = observation[stack.observation][rows][:, None]
        return self._with_stacks(observation)

    def observation(self, observation: Observation) -> Observation:
        """Return what an episode shows that begins with this observation, ``[..., *shape]``."""
        result = {key: value for key, value in observation.items() if key not in self._dropped}
        for stack in self._stacks:
            value = np.asarray(observation[stack.observation])
            axis = value.ndim - len(self._sources[stack.observation].shape or ())
            result[stack.key] = _seen(np.stack([value] * stack.stack_steps, axis), stack, axis)
        return {key: result[key] for key in self.observation_space.spaces}

    def _with_stacks(self, observation: Observation) -> Observation:
        result = {key: value for key, value in observation.items() if key not in self._dropped}
        for stack in self._stacks:
            result[stack.key] = _seen(self.rows[stack.key], stack, 1)
        return {key: result[key] for key in self.observation_space.spaces}


def _seen(values: Array, stack: StackEntry, axis: int) -> Array:
    """Return a stack as the agent sees it; ``axis`` is that of the steps."""
    if not stack.delta:
        return values
    result = values.astype(FLOAT)
    steps = np.moveaxis(result, axis, 0)  # a view
    steps[:-1] = steps[1:] - steps[:-1]
    return result


def _read_stack(config: object, path: str) -> StackEntry:
    stack = read_entry(StackEntry, config, path)
    if stack.keep_original and not stack.tag:
        raise InvalidSpecificationError(
            f"{path}.keep_original: to keep {stack.observation!r}, the stack's key needs a tag."
        )
    return stack


def _stacked_space(space: spaces.Space[Any], stack: StackEntry, path: str) -> spaces.Space[Any]:
    steps = stack.stack_steps
    if isinstance(space, spaces.Box):
        low, high = (np.repeat(bound[None], steps, axis=0) for bound in (space.low, space.high))
        if not stack.delta:
            return spaces.Box(low, high, dtype=space.dtype.type)
        low, high = low.astype(FLOAT), high.astype(FLOAT)
        width = high[1:] - low[1:]
        low[:-1], high[:-1] = -width, width
        return spaces.Box(low, high, dtype=FLOAT)
    if stack.delta:
        raise InvalidSpecificationError(f"{path}.delta: it needs numbers, and {stack.observation!r} is {space}.")
    if isinstance(space, spaces.Discrete):
        counts, starts = np.full(steps, space.n), np.full(steps, space.start)
        return spaces.MultiDiscrete(counts, dtype=space.dtype.type, start=starts)
    if isinstance(space, spaces.MultiDiscrete):
        counts, starts = (np.repeat(part[None], steps, axis=0) for part in (space.nvec, space.start))
        return spaces.MultiDiscrete(counts, dtype=space.dtype.type, start=starts)
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiBinary([steps, *space.shape])
    raise unsupported_space(space)
