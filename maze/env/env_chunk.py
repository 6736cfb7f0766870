"""Some of the environments of a `ProcessVectorEnv`, in the worker process where they live."""

from __future__ import annotations

import contextlib
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
from gymnasium import spaces

from maze.env.maze_env import MazeEnv
from maze.env.sync_vector import StepArrays, SyncVectorEnv, names_of_told
from maze.env.wrappers import Wrapper, overrides, wrapper_layers
from maze.errors import EnvError
from maze.processes import SharedArrays
from maze.statistics import EventCall, EventStats
from maze.types import Array, StateDict

__all__ = [
    "RESET_ROWS",
    "STEP",
    "STEP_ROWS",
    "ChunkMaker",
    "EnvChunk",
    "GathersElsewhere",
    "class_names",
    "gathering_layers",
    "keyed_arrays",
    "lonely_layer",
    "registered_specs",
    "shared_arrays",
    "step_arrays",
    "without_layers",
]

STEP, STEP_ROWS, RESET_ROWS = b"s", b"p", b"b"
"""Signals, upon which the environments take what they need from the shared arrays."""

_STATISTICS_HOOKS = ("own_statistics", "load_own_statistics", "share_statistics", "update_statistics")


@runtime_checkable
class GathersElsewhere(Protocol):
    """A wrapper with statistics that can be gathered in several processes and merged in one."""

    def take_gathered(self) -> Any:
        """Remove and return what this wrapper and its sisters gathered; from the first call on, merge nothing here."""
        ...

    def add_gathered(self, parts: Sequence[Any]) -> None:
        """Gather what `take_gathered` returned in other processes, in the order of their environments."""
        ...


def gathering_layers(env: MazeEnv) -> list[GathersElsewhere]:
    """Return those wrappers around an environment, innermost first, whose statistics several processes can gather."""
    return [layer for layer in wrapper_layers(env) if hasattr(type(layer), "take_gathered")]


def lonely_layer(env: MazeEnv) -> Wrapper | None:
    """Return a wrapper with statistics that can be gathered in one process only, if there is one."""
    for layer in wrapper_layers(env):
        has_statistics = any(overrides(layer, hook) for hook in _STATISTICS_HOOKS)
        if has_statistics and not (hasattr(type(layer), "take_gathered") and hasattr(type(layer), "add_gathered")):
            return layer
    return None


def without_layers(env: MazeEnv, n_layers: int) -> MazeEnv:
    """Return what is inside the outermost wrappers, as many as are said."""
    for layer in wrapper_layers(env)[::-1][:n_layers]:
        env = layer.env
    return env


def class_names(env: MazeEnv) -> list[str]:
    """Name the classes of the wrappers around an environment; classes themselves may be copies in other processes."""
    return [f"{type(layer).__module__}.{type(layer).__qualname__}" for layer in wrapper_layers(env)]


def shared_arrays(env: MazeEnv, n_envs: int) -> SharedArrays:
    """Return the arrays of N environments like this one, which all processes see."""
    rewards = ("reward", *(f"told/{name}" for name in names_of_told(env)))
    layout: dict[str, tuple[tuple[int, ...], Any]] = dict.fromkeys(rewards, ((n_envs,), np.float32))
    layout |= dict.fromkeys(("terminated", "truncated", "rows"), ((n_envs,), np.bool_))
    observed, acted = env.observation_space, env.action_space
    for kind, space in (("observation", observed), ("final", observed), ("action", acted)):
        for key, part in space.spaces.items():
            layout[f"{kind}/{key}"] = ((n_envs, *(part.shape or ())), part.dtype)
    return SharedArrays(layout)


def step_arrays(shared: SharedArrays, rows: slice) -> StepArrays:
    """Return the part of the shared arrays in which some environments write their steps."""
    arrays = shared.arrays
    ends = arrays["terminated"][rows], arrays["truncated"][rows]
    observation, final = (keyed_arrays(shared, kind, rows) for kind in ("observation", "final"))
    return StepArrays(observation, final, arrays["reward"][rows], *ends, keyed_arrays(shared, "told", rows))


def keyed_arrays(shared: SharedArrays, kind: str, rows: slice) -> dict[str, Array]:
    """Return the part of the shared arrays of a kind, such as actions, that belongs to some environments."""
    start = f"{kind}/"
    return {name.removeprefix(start): values[rows] for name, values in shared.arrays.items() if name.startswith(start)}


def registered_specs() -> list[bytes]:
    """Return, pickled, the environments that were registered by anybody but gymnasium itself."""
    import cloudpickle  # type: ignore[import-untyped]  # noqa: PLC0415  (only where there are worker processes)

    packed = []
    for spec in list(gymnasium.registry.values()):
        if not str(spec.entry_point).startswith("gymnasium."):
            with contextlib.suppress(Exception):  # one that cannot travel is missed only by who makes it by its id
                packed.append(cloudpickle.dumps(spec))
    return packed


@dataclass(frozen=True)
class ChunkMaker:
    """Makes the environments of one worker process.

    Attributes:
        env_factory: makes one environment.
        rows: which of all environments they are.
        n_layers: how many of the outermost wrappers stay behind in the owner's process.
        classes: what `class_names` says of an environment of the owner's.
        shared: arrays of all environments.
        specs: what `registered_specs` returned in the owner's process.
        events: keep what happens in each step, for `EnvChunk.step_events`.
    """

    env_factory: Callable[[], MazeEnv]
    rows: slice
    n_layers: int
    classes: list[str]
    shared: SharedArrays
    specs: list[bytes]
    events: bool = False

    def __call__(self) -> EnvChunk:
        """Make them."""
        for packed in self.specs:
            with contextlib.suppress(Exception):  # it may need what is not here, and may not be needed itself
                spec = pickle.loads(packed)  # noqa: S301  (comes from a process of one's own)
                gymnasium.registry.setdefault(spec.id, spec)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the owner made one, too, and has warned already
            envs = [self.env_factory() for _ in range(self.rows.stop - self.rows.start)]
        for env in envs:
            if class_names(env) != self.classes:
                raise EnvError(f"The factory made different environments: {class_names(env)} and {self.classes}.")
        inner = [without_layers(env, self.n_layers) for env in envs]
        return EnvChunk(inner, self.shared, self.rows, events=self.events)


class EnvChunk:
    """Environments that are told by signals to act on the actions in the shared arrays.

    Args:
        envs: the environments.
        shared: arrays of all environments of the owner.
        rows: which of them these are.
        events: keep what happens in each step, for `step_events`.
    """

    def __init__(self, envs: Sequence[MazeEnv], shared: SharedArrays, rows: slice, *, events: bool = False) -> None:
        self._vector = SyncVectorEnv(envs, step_arrays(shared, rows), events=events)
        self._action = keyed_arrays(shared, "action", rows)
        self._rows = shared.arrays["rows"][rows]
        self._gathering = gathering_layers(envs[0])
        self.take_gathered()  # from now on everything is kept for the owner

    def on_signal(self, code: bytes) -> bool:
        """Do what a signal says, and tell whether that brought final observations."""
        if code == STEP:
            return self._vector.step(self._action).final_observation is not None
        if code == STEP_ROWS:
            self._vector.step_rows(self._action, self._rows)
        else:
            self._vector.reset_rows(self._rows)
        return False

    def step(self, action: Mapping[str, Array]) -> bool:
        """Act on actions that have no room in the shared arrays; see `on_signal`."""
        return self._vector.step(action).final_observation is not None

    def step_rows(self, action: Mapping[str, Array]) -> None:
        """Act in some environments on actions that have no room in the shared arrays."""
        self._vector.step_rows(action, self._rows)

    def spaces(self) -> tuple[spaces.Dict, spaces.Dict]:
        """Return the observation and the action space."""
        return self._vector.observation_space, self._vector.action_space

    def set_training(self, training: bool) -> None:
        """Let wrappers gather statistics, or not."""
        self._vector.training = training

    def seed(self, seeds: list[int]) -> None:
        """Seed every environment."""
        self._vector.seed(seeds)

    def reset(self) -> None:
        """Begin an episode in every environment."""
        self._vector.reset()

    def step_events(self) -> list[list[EventCall]]:
        """Return what happened in the last step of each environment."""
        return self._vector.step_events or []

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events."""
        return self._vector.drain_event_stats()

    def take_gathered(self) -> list[Any]:
        """Return what the wrappers gathered, one part for each wrapper with statistics."""
        return [layer.take_gathered() for layer in self._gathering]

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics in use."""
        return self._vector.statistics_state()

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Use statistics from now on."""
        self._vector.load_statistics(state)

    def state_dict(self) -> StateDict:
        """Return the environments' state."""
        return self._vector.state_dict()

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state."""
        self._vector.load_state_dict(state)

    def close(self) -> None:
        """Close the environments."""
        self._vector.close()
