"""A vector environment inside one wrapper that remembers something of each environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from maze.env.interface_errors import check_observation
from maze.env.outer_vector import OuterVectorEnv
from maze.env.readers import wrong_heads
from maze.env.stateful import StatefulWrapper
from maze.env.told_rewards import copy_told
from maze.env.vector_base import VectorEnv, VectorStep
from maze.errors import EnvError
from maze.seeding import draw_seed
from maze.statistics import EventStats
from maze.types import Array, Observation, StateDict

__all__ = ["StatefulVectorEnv"]


class StatefulVectorEnv(OuterVectorEnv):
    """A vector environment inside one stateful wrapper.

    Args:
        env: the vector environment inside.
        layer: the wrapper, around one single environment; its statistics are used.
    """

    def __init__(self, env: VectorEnv, layer: StatefulWrapper) -> None:
        super().__init__(env, layer)
        self._layer = layer
        layer.start_batch(env.n_envs)
        self._seeded = False
        self._final: Observation = {
            key: np.zeros((self.n_envs, *(space.shape or ())), dtype=space.dtype)
            for key, space in self.observation_space.spaces.items()
        }

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
        check_observation(self._layer, "reset_rows", self._observation, (self.n_envs,))
        return self._observation

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events inside, and in the wrapper."""
        stats = self.env.drain_event_stats()
        stats.add(self._layer.own_event_stats())
        return stats

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
