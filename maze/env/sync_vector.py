"""Environments that are stepped one after the other in this process, written into preallocated arrays."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.gathering import gathers_within
from maze.env.interface_errors import check_observation, read_ends, read_reward, wrong_observation, wrong_values
from maze.env.maze_env import MazeEnv
from maze.env.snapshot import layers_within, restore_snapshot, take_snapshot
from maze.env.told_rewards import INFO_KEY, TOLD
from maze.env.vector_base import VectorEnv, VectorStep
from maze.env.wrappers import wrapper_layers
from maze.errors import EnvError
from maze.seeding import derive_seed, draw_seed
from maze.statistics import EventCall, EventStats
from maze.types import Array, Observation, StateDict

__all__ = ["StepArrays", "SyncVectorEnv", "names_of_told"]

UNCHANGING = (bool, int, float, str, type(None))
"""Kinds of values that nobody can change; others are copied where they are kept."""


@dataclass(frozen=True, slots=True)
class StepArrays:
    """Where environments write what a step gives; see `VectorStep`.

    Attributes:
        observation: ``[N, *shape]`` by key.
        final: ``[N, *shape]`` by key.
        reward: float32 ``[N]``.
        terminated: bool ``[N]``.
        truncated: bool ``[N]``.
        told_rewards: float32 ``[N]`` by name; empty where no wrapper inside changes rewards.
    """

    observation: Observation
    final: Observation
    reward: Array
    terminated: Array
    truncated: Array
    told_rewards: dict[str, Array]

    @classmethod
    def allocate(cls, space: spaces.Dict, n_envs: int, told: Sequence[str] = ()) -> StepArrays:
        """Return arrays for N environments of an observation space that tell the rewards of these names."""

        def room() -> Observation:
            parts = space.spaces.items()
            return {key: np.zeros((n_envs, *(part.shape or ())), dtype=part.dtype) for key, part in parts}

        reward, *others = (np.zeros(n_envs, dtype=np.float32) for _ in range(1 + len(told)))
        terminated, truncated = (np.zeros(n_envs, dtype=bool) for _ in range(2))
        return cls(room(), room(), reward, terminated, truncated, dict(zip(told, others, strict=True)))


def names_of_told(env: MazeEnv) -> tuple[str, ...]:
    """Return which rewards an environment may tell besides that which agents learn from; none without its wrappers."""
    return TOLD if any(type(layer).changes_reward for layer in wrapper_layers(env)) else ()


class SyncVectorEnv(VectorEnv):
    """N single environments, wrappers included, as one vector environment.

    Wrappers with statistics share them among all environments.

    Args:
        envs: environments with equal spaces; they belong to this object from now on.
        arrays: where steps are written; own ones when None.
        events: say in every step what happened in each environment.

    Attributes:
        step_events: what happened in each environment's last step, [N]; None where it is not said.

    Raises:
        EnvError: there is no environment, one is there twice, or their spaces or wrappers differ.
    """

    def __init__(self, envs: Sequence[MazeEnv], arrays: StepArrays | None = None, *, events: bool = False) -> None:
        if not envs:
            raise EnvError("A vector environment needs at least one environment, given none.")
        if len({id(list(layers_within(env))[-1]) for env in envs}) < len(envs):
            raise EnvError(
                "Several of the environments are one and the same. Make a new one for each, as in a factory."
            )
        self._envs = list(envs)
        self.n_envs = len(envs)
        self.observation_space, self.action_space = envs[0].observation_space, envs[0].action_space
        for env in envs[1:]:
            if (env.observation_space, env.action_space) != (self.observation_space, self.action_space):
                raise EnvError(f"The environments have different spaces: {envs[0]!r} and {env!r}. Make them alike.")
            layers, first_layers = wrapper_layers(env), wrapper_layers(envs[0])
            if [type(layer) for layer in layers] != [type(layer) for layer in first_layers]:
                raise EnvError(f"The environments have different wrappers: {envs[0]!r} and {env!r}. Make them alike.")
            for layer, first in zip(layers, first_layers, strict=True):
                layer.share_statistics(first)
        if arrays is None:
            arrays = StepArrays.allocate(self.observation_space, self.n_envs, names_of_told(envs[0]))
        self._observation, self._final, self._reward = arrays.observation, arrays.final, arrays.reward
        self._terminated, self._truncated = arrays.terminated, arrays.truncated
        self._told = arrays.told_rewards or None
        self._seeds: list[int] = []
        self._episodes = [0] * self.n_envs
        self._training = False
        self.step_events: list[list[EventCall]] | None = [[] for _ in envs] if events else None

    @property
    def training(self) -> bool:
        """Whether the environments' wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        for env in self._envs:
            env.training = bool(value)

    @property
    def observation(self) -> Observation:
        """The present observations ``[N, *shape]``."""
        return self._observation

    @property
    def gathers(self) -> bool:
        """Whether some wrapper takes note of what happens in training."""
        return gathers_within(self._envs[0])

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether not all of every environment's state could be saved without pickle."""
        return state["environments"] is None

    def seed(self, seeds: Sequence[int]) -> None:
        """Seed every environment; see `VectorEnv.seed`."""
        self.check_seeds(seeds)
        self._seeds = [int(seed) for seed in seeds]
        for env, seed in zip(self._envs, self._seeds, strict=True):
            env.seed(seed)

    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment; see `VectorEnv.reset`."""
        if seeds is None and not self._seeds:
            seeds = [draw_seed() for _ in range(self.n_envs)]
        if seeds is not None:
            self.seed(seeds)
        for row, env in enumerate(self._envs):
            self._begin_episode(row, env)
        return self._observation

    def _begin_episode(self, row: int, env: MazeEnv) -> None:
        observation = env.reset()
        self._episodes[row] += 1
        check_observation(env, "reset", observation)
        _keep(observation, self._observation, row, env)

    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment; see `VectorEnv.step`."""
        heads = self.heads_of(action)
        final = None
        for row, env in enumerate(self._envs):
            observation, done = self._act(row, env, heads)
            if done:
                final = self._final
                _keep(observation, final, row, env)
                self._begin_episode(row, env)
            else:
                _keep(observation, self._observation, row, env)
        ends = self._terminated, self._truncated
        return VectorStep(self._observation, self._reward, *ends, final, self._told, self.step_events)

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments; see `VectorEnv.step_rows`."""
        heads = self.heads_of(action)
        for values in (self._reward, self._terminated, self._truncated, *(self._told or {}).values()):
            values[~rows] = 0
        for row in rows.nonzero()[0].tolist():
            observation, _ = self._act(row, self._envs[row], heads)
            _keep(observation, self._observation, row, self._envs[row])
        ends = self._terminated, self._truncated
        return VectorStep(self._observation, self._reward, *ends, told_rewards=self._told)

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments; see `VectorEnv.reset_rows`."""
        for row in rows.nonzero()[0].tolist():
            self._begin_episode(row, self._envs[row])
        return self._observation

    def _act(self, row: int, env: MazeEnv, heads: list[tuple[str, Array]]) -> tuple[Observation, bool]:
        """Act once in one environment; keep its reward and ends, and return its observation and whether it is done."""
        step: Any = env.step({key: values[row] for key, values in heads})
        try:
            observation, reward, done, info = step
        except (TypeError, ValueError) as error:
            raise wrong_values(env, "step", step) from error
        self._reward[row] = reward = reward if type(reward) is float else read_reward(env, reward)
        self._terminated[row], self._truncated[row] = read_ends(env, info)
        if self.step_events is not None:
            self.step_events[row] = [_copied(call) for call in env.get_step_events()]
        if self._told is not None:
            told = info.get(INFO_KEY, {})
            for name, values in self._told.items():
                values[row] = told.get(name, reward)
        return observation, done

    def close(self) -> None:
        """Close every environment."""
        for env in self._envs:
            env.close()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events of every environment."""
        stats = EventStats()
        for row, env in enumerate(self._envs):
            stats.add(env.drain_event_stats(), row)
        return stats

    def update_statistics(self) -> None:
        """Merge what was gathered in any of the environments."""
        self._envs[0].update_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the shared statistics."""
        return self._envs[0].statistics_state()

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over the shared statistics."""
        self._envs[0].load_statistics(state)

    def gather_anew(self) -> None:
        """Let the wrappers begin gathering from nothing; see `VectorEnv.gather_anew`."""
        self._envs[0].gather_anew()

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics that were gathered elsewhere; see `VectorEnv.merge_statistics`."""
        self._envs[0].merge_statistics(state)

    def state_dict(self) -> StateDict:
        """Return the observations, seeds and episode counts, and the environments' own state where it can be saved."""
        snapshots = [take_snapshot(env) for env in self._envs]
        return {
            "kind": "sync",
            "n_envs": self.n_envs,
            "seeds": list(self._seeds),
            "episodes": list(self._episodes),
            "observation": {key: value.copy() for key, value in self._observation.items()},
            "environments": None if None in snapshots else snapshots,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue; where the environments could not be saved, each begins an episode with a seed of its own."""
        self.check_state(state, "sync")
        self._seeds = [int(seed) for seed in state["seeds"]]
        self._episodes = [int(count) for count in state["episodes"]]
        if not self._seeds:
            return
        for key, buffer in self._observation.items():
            buffer[:] = state["observation"][key]
        for row, env in enumerate(self._envs):
            if state["environments"] is not None:
                restore_snapshot(env, state["environments"][row])
            else:
                env.seed(derive_seed(self._seeds[row], "resumed_episode", self._episodes[row]))
                self._begin_episode(row, env)


def _keep(observation: Observation, buffers: Observation, row: int, env: MazeEnv) -> None:
    """Write the observation that an environment returned into its row of some arrays."""
    try:
        for key, buffer in buffers.items():
            buffer[row] = observation[key]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise wrong_observation(env, "step", observation, error) from error


def _copied(call: EventCall) -> EventCall:
    """Return an event as it is now; an environment may change what it told, in the very reset that follows."""
    arguments = call.arguments.items()
    kept = {name: value if type(value) in UNCHANGING else copy.deepcopy(value) for name, value in arguments}
    return EventCall(call.event, kept)
