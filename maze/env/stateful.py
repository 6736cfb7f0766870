"""Wrappers that remember something of each environment or change the course of its episodes, on whole batches.

A `StatefulWrapper` is written once, for N environments side by side, of which some are stepped or begun anew while the
others wait. A vector environment gives it all N; around a single environment the very same code sees a batch of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.readers import wrong_heads
from maze.env.told_rewards import copy_told, told_from_info, told_in_info
from maze.env.vector_base import VectorEnv, VectorStep
from maze.env.wrappers import Wrapper
from maze.errors import EnvError
from maze.seeding import draw_seed
from maze.statistics import EventStats
from maze.types import Action, Array, Observation, StateDict

__all__ = ["Rows", "StatefulVectorEnv", "StatefulWrapper"]


class Rows(Protocol):
    """N environments that wait where their episode ended until it is said that they begin anew.

    All arrays have N rows and are valid until the next call; those of environments that waited keep their observation,
    and have reward 0 and no ends.
    """

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in the environments where ``rows``, bool ``[N]``, is true."""
        ...

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in the environments where ``rows``, bool ``[N]``, is true."""
        ...


class _BatchOfOne:
    """A single environment as `Rows`."""

    def __init__(self, env: MazeEnv) -> None:
        self.env = env
        self.info: dict[str, Any] = {}

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        del rows  # nobody asks for a step of no environment
        observation, reward, _, self.info = self.env.step({key: values[0] for key, values in action.items()})
        try:
            terminated, truncated = self.info["terminated"], self.info["truncated"]
        except KeyError as error:
            raise EnvError(f"step() of {self.env!r} left {error} out of its info; both flags must be there.") from error
        ends = np.array([terminated]), np.array([truncated])
        told = told_from_info(self.info, (1,))
        return VectorStep(_with_axis(observation), np.array([reward], np.float32), *ends, told_rewards=told)

    def reset_rows(self, rows: Array) -> Observation:
        del rows
        return _with_axis(self.env.reset())


def _with_axis(observation: Observation) -> Observation:
    return {key: np.asarray(value)[None] for key, value in observation.items()}


def _without_axis(observation: Observation) -> Observation:
    return {key: np.array(value[0]) for key, value in observation.items()}


class StatefulWrapper(Wrapper):
    """A wrapper with a state for each environment: override `start`, `step_rows` and `reset_rows`.

    The hooks of hook-only wrappers are not called by these.

    Args:
        env: the environment inside.

    Attributes:
        rows: the state, arrays ``[N, ...]`` by name; saved and restored as it is.
    """

    batchable: ClassVar[bool] = True

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self.rows: dict[str, Array] = {}
        self._single: _BatchOfOne | None = None
        self._end: StateDict | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "batchable" not in cls.__dict__:
            cls.batchable = cls.step is StatefulWrapper.step and cls.reset is StatefulWrapper.reset
        super().__init_subclass__(**kwargs)

    def start(self, n_envs: int) -> None:
        """Make room for N environments, before any of them begins."""

    def seed_rows(self, seeds: Sequence[int]) -> None:
        """Make what the wrapper draws reproducible, with a seed for each of the N environments."""

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once in some environments; see `Rows`.

        What is returned tells the ``told_rewards`` of the steps inside; without them, its rewards count as original.

        Args:
            inner: the N environments inside; may be stepped several times, or not at all.
            action: ``[N, *shape]`` by head; those of other environments are valid, and mean nothing.
            rows: which environments act, bool ``[N]``.
        """
        return inner.step_rows(action, rows)

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin an episode in some environments; see `Rows`."""
        return inner.reset_rows(rows)

    def seed(self, seed: int) -> None:
        """Seed this wrapper and the environment inside."""
        self._inner()
        self.seed_rows([seed])
        super().seed(seed)

    def start_batch(self, n_envs: int) -> None:
        """Serve N environments of a vector environment from now on, instead of the single one."""
        self._single = self._end = None
        self.start(n_envs)

    def _inner(self) -> _BatchOfOne:
        if self._single is None:
            self._single = _BatchOfOne(self.env)
            self.start(1)
        return self._single

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        observation = self.reset_rows(self._inner(), np.ones(1, bool))
        self._end = None
        return _without_axis(observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`. At its end the episode stays until the next `reset`."""
        if self._single is None:
            raise EnvError("step() was called before reset(). Call reset() to begin an episode.")
        if not isinstance(action, Mapping) or action.keys() != self.action_space.spaces.keys():
            raise wrong_heads(action, self.action_space.spaces)
        if self._end is not None:
            observation = {key: value.copy() for key, value in self._end["observation"].items()}
            return observation, 0.0, True, dict(self._end["info"])
        batch = {key: np.asarray(value)[None] for key, value in action.items()}
        step = self.step_rows(self._single, batch, np.ones(1, bool))
        flags = {"terminated": bool(step.terminated[0]), "truncated": bool(step.truncated[0])}
        observation, done = _without_axis(step.observation), any(flags.values())
        if done:
            self._end = {"observation": {key: value.copy() for key, value in observation.items()}, "info": flags}
        return observation, float(step.reward[0]), done, told_in_info({**self._single.info, **flags}, step.told_rewards)

    def own_state(self) -> StateDict:
        """Return the state of all environments."""
        return {
            "rows": {name: value.copy() for name, value in self.rows.items()},
            "started": self._single is not None,
            "end": self._end,
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        if state["started"]:
            self._inner()
        for name, value in state["rows"].items():
            self.rows[name][...] = value
        self._end = state["end"]


class StatefulVectorEnv(VectorEnv):
    """A vector environment inside one stateful wrapper.

    Args:
        env: the vector environment inside.
        layer: the wrapper, around one single environment; its statistics are used.
    """

    def __init__(self, env: VectorEnv, layer: StatefulWrapper) -> None:
        self.env = env
        self.n_envs = env.n_envs
        self.observation_space, self.action_space = layer.observation_space, layer.action_space
        self._layer = layer
        layer.start_batch(env.n_envs)
        self._training = False
        self._seeded = False
        self._observation: Observation = {}
        self._final: Observation = {
            key: np.zeros((self.n_envs, *(space.shape or ())), dtype=space.dtype)
            for key, space in self.observation_space.spaces.items()
        }

    @property
    def training(self) -> bool:
        """Whether wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        self._layer.training = bool(value)
        self.env.training = bool(value)

    @property
    def observation(self) -> Observation:
        """The present observations as the agent sees them."""
        return self._observation

    def seed(self, seeds: Sequence[int]) -> None:
        """Seed the wrapper and the environments inside; see `VectorEnv.seed`."""
        self.check_seeds(seeds)
        self._seeded = True
        self._layer.seed_rows(seeds)
        self.env.seed(seeds)

    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment; see `VectorEnv.reset`."""
        if seeds is None and not self._seeded:
            seeds = [draw_seed() for _ in range(self.n_envs)]
        if seeds is not None:
            self.seed(seeds)
        return self.reset_rows(np.ones(self.n_envs, bool))

    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment; see `VectorEnv.step`."""
        step = self.step_rows(action, np.ones(self.n_envs, bool))
        done = step.terminated | step.truncated
        if not np.count_nonzero(done):
            return step
        for key, values in step.observation.items():
            self._final[key][done] = values[done]
        # What begins an episode may step the environments inside, and so overwrite these.
        reward, terminated, truncated = step.reward.copy(), step.terminated.copy(), step.truncated.copy()
        told = copy_told(step.told_rewards)
        return VectorStep(self.reset_rows(done), reward, terminated, truncated, self._final, told)

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments; see `VectorEnv.step_rows`."""
        if not self._observation:
            raise EnvError("step() was called before reset(). Call reset() to begin the episodes.")
        if action.keys() != self.action_space.spaces.keys():
            raise wrong_heads(action, self.action_space.spaces)
        step = self._layer.step_rows(self.env, dict(action), rows)
        self._observation = step.observation
        return step

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments; see `VectorEnv.reset_rows`."""
        self._observation = self._layer.reset_rows(self.env, rows)
        return self._observation

    def close(self) -> None:
        """Close the environments inside."""
        self.env.close()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events inside, and in the wrapper."""
        stats = self.env.drain_event_stats()
        stats.add(self._layer.own_event_stats())
        return stats

    def update_statistics(self) -> None:
        """Merge what the wrappers gathered."""
        self.env.fetch_statistics()
        self._layer.update_statistics()
        self.env.spread_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics of this and all inner wrappers, by the names that a single environment uses."""
        return self._layer.statistics_state()

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over statistics of a vector environment or of a single one."""
        self._layer.load_statistics(state)
        self.env.spread_statistics()

    def gather_anew(self) -> None:
        """Let the wrappers begin gathering from nothing; see `VectorEnv.gather_anew`."""
        self._layer.gather_anew()

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics that were gathered elsewhere; see `VectorEnv.merge_statistics`."""
        self._layer.merge_statistics(state)

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether the environments inside could not be saved; the wrapper always can."""
        return self.env.begins_anew(state["env"])

    def state_dict(self) -> StateDict:
        """Return the state of the environments and of the wrapper."""
        return {
            "kind": f"stateful {type(self._layer).__name__}",
            "n_envs": self.n_envs,
            "seeded": self._seeded,
            "env": self.env.state_dict(),
            "wrapper": self._layer.own_state(),
            "observation": {key: value.copy() for key, value in self._observation.items()},
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from what `state_dict` returned; where that cannot be exact, every environment begins an episode."""
        self.check_state(state, f"stateful {type(self._layer).__name__}")
        self._seeded = bool(state["seeded"])
        self.env.load_state_dict(state["env"])
        self._layer.load_own_state(state["wrapper"])
        self._observation = {key: np.array(value) for key, value in state["observation"].items()}
        if self._observation and self.begins_anew(state):
            self.reset_rows(np.ones(self.n_envs, bool))
