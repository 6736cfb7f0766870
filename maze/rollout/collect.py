"""Collecting experience for learning: N environments, T steps, preallocated time-major arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from gymnasium import spaces

from maze.env.told_rewards import COUNTED
from maze.env.vector import VectorEnv
from maze.errors import EnvError
from maze.rollout.episodes import ActingPolicy, acting, new_player
from maze.rollout.memory import reserving
from maze.statistics import EpisodeTracker
from maze.types import Array, Observation, StateDict

__all__ = ["Collector", "Rollout", "allocate", "not_finite"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """T steps of N environments; the arrays are overwritten by the next collection.

    Attributes:
        observation: what was acted on, and at ``T`` what comes next; each [T + 1, N, ...].
        action: what was done; each [T, N, ...].
        reward: float32 [T, N].
        terminated: the episode reached an end of its own, bool [T, N].
        truncated: the episode was cut off, bool [T, N].
        truncated_observation: the last observations of the K truncated steps, before the reset; each [K, ...].
        truncated_index: where those steps are, as ``t * N + n``, int64 [K] in increasing order.
        begins: an episode begins with the observation, bool [T + 1, N]; for what carries a state along the steps.
        state: the policy's state before the first step, by key [N, ...], where it has one; to be zero where an episode
            begins.
    """

    observation: dict[str, Array]
    action: dict[str, Array]
    reward: Array
    terminated: Array
    truncated: Array
    truncated_observation: dict[str, Array]
    truncated_index: Array
    begins: Array = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    state: dict[str, Array] = field(default_factory=dict)

    @property
    def n_steps(self) -> int:
        """Number of environment steps, T * N."""
        return int(self.reward.size)

    def flat_observation(self, *, with_last: bool) -> dict[str, Array]:
        """Return observations as views [T * N, ...], or [(T + 1) * N, ...] including the last ones."""
        end = None if with_last else -1
        return {key: array[:end].reshape(-1, *array.shape[2:]) for key, array in self.observation.items()}

    def flat_action(self) -> dict[str, Array]:
        """Return actions as views [T * N, ...]."""
        return {key: array.reshape(-1, *array.shape[2:]) for key, array in self.action.items()}


def allocate(space: spaces.Dict, *leading: int) -> dict[str, Array]:
    """Return zeroed arrays for every key of a dictionary space, each [*leading, *shape].

    Args:
        space: of one observation or action.
        leading: axes before those of the space.

    Raises:
        EnvError: a part of the space is not one array.
    """
    arrays: dict[str, Array] = {}
    for key, subspace in space.spaces.items():
        if subspace.shape is None or subspace.dtype is None:
            raise EnvError(
                f"space {key!r} is {subspace}, which has no fixed shape; rollouts need Box or Discrete kinds"
            )
        arrays[key] = np.zeros((*leading, *subspace.shape), dtype=subspace.dtype)
    return arrays


def not_finite(observation: Observation, reward: Array) -> list[str]:
    """Name what of an experience is not a finite number somewhere.

    Args:
        observation: by key; only floating ones can be something else.
        reward: of any shape.

    Returns:
        Such as ``["rewards", "observations 'speed'"]``.
    """
    named = {"rewards": reward, **{f"observations {key!r}": values for key, values in observation.items()}}
    return [name for name, values in named.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]


class Collector:
    """Steps a vector environment with a policy and keeps what learning needs.

    Args:
        env: the environments, N of them.
        policy: chooses a batch of actions.
        n_steps: T, steps of each environment in one collection.
        generator: source of the policy's randomness.
        seeds: one seed for each environment, used at the first reset.
    """

    def __init__(
        self,
        env: VectorEnv,
        policy: ActingPolicy,
        n_steps: int,
        generator: np.random.Generator,
        seeds: Sequence[int],
    ) -> None:
        self.env = env
        self.policy = policy
        self.n_steps = n_steps
        self.generator = generator
        self.episodes = EpisodeTracker(env.n_envs)
        self._seeds = list(seeds)
        self._started = False
        shape = (n_steps, env.n_envs)
        with reserving("algorithm.n_rollout_steps", f"{n_steps} steps of {env.n_envs} environments"):
            self._observation = allocate(env.observation_space, n_steps + 1, env.n_envs)
            self._action = allocate(env.action_space, *shape)
            self._reward = np.zeros(shape, np.float32)
            self._counted = np.zeros(shape, np.float32)  # of which returns are made, where wrappers changed rewards
            self._terminated = np.zeros(shape, np.bool_)
            self._truncated = np.zeros(shape, np.bool_)
            self._begins = np.ones((n_steps + 1, env.n_envs), np.bool_)
        self._player = new_player(policy, env.n_envs)

    def collect(self) -> Rollout:
        """Return the next T steps of every environment, continuing where the last collection ended."""
        observation = self._first_observation()
        truncated_rows: list[Observation] = []
        truncated_index: list[Array] = []
        n_envs, player = self.env.n_envs, self._player
        act = acting(self.policy) if player is None else player.act
        state = {} if player is None else player.state_dict()
        for t in range(self.n_steps):
            action = act(observation, self.generator)
            step = self.env.step(action)
            for key, values in action.items():
                self._action[key][t] = values
            self._reward[t] = step.reward
            if step.told_rewards is not None:
                self._counted[t] = step.told_rewards.get(COUNTED, step.reward)
            self._terminated[t] = step.terminated
            self._truncated[t] = step.truncated
            if step.final_observation is not None:
                rows = np.flatnonzero(step.truncated & ~step.terminated)
                if len(rows):
                    truncated_rows.append({key: array[rows] for key, array in step.final_observation.items()})
                    truncated_index.append(rows + t * n_envs)
            if player is not None:
                player.forget(step.terminated | step.truncated)
            for key, values in step.observation.items():
                self._observation[key][t + 1] = values
            observation = {key: array[t + 1] for key, array in self._observation.items()}
        self.env.update_statistics()
        self._begins[0] = self._begins[-1]
        np.logical_or(self._terminated, self._truncated, self._begins[1:])
        counted = self._reward if step.told_rewards is None else self._counted
        self.episodes.update(counted, self._begins[1:])
        return Rollout(
            observation=self._observation,
            action=self._action,
            reward=self._reward,
            terminated=self._terminated,
            truncated=self._truncated,
            truncated_observation=_concatenate(truncated_rows),
            truncated_index=np.concatenate(truncated_index) if truncated_index else np.zeros(0, np.int64),
            begins=self._begins,
            state=state,
        )

    def not_finite(self) -> list[str]:
        """Name what of the last collection is not a finite number somewhere; see :func:`not_finite`."""
        return not_finite(self._observation, self._reward)

    def _first_observation(self) -> Observation:
        if self._started:
            for array in self._observation.values():
                array[0] = array[-1]
        else:
            for key, values in self.env.reset(self._seeds).items():
                self._observation[key][0] = values
            self._started = True
        return {key: array[0] for key, array in self._observation.items()}

    def state_dict(self) -> StateDict:
        """Return everything that the next collection depends on, apart from the policy."""
        return {
            "started": self._started,
            "observation": {key: array[-1].copy() for key, array in self._observation.items()},
            "generator": self.generator.bit_generator.state,
            "env": self.env.state_dict(),
            "statistics": self.env.statistics_state(),
            "episodes": self.episodes.state_dict(),
            "begins": self._begins[-1].copy(),
            "player": None if self._player is None else self._player.state_dict(),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Environments that cannot be saved begin new episodes; the policy, their statistics and all counts go on.
        """
        self._started = bool(state["started"])
        for key, values in state["observation"].items():
            self._observation[key][-1] = values
        self.generator.bit_generator.state = state["generator"]
        self.env.load_statistics(state["statistics"])  # first: new episodes are observed with them
        self.env.load_state_dict(state["env"])
        self.episodes.load_state_dict(state["episodes"])
        self._begins[-1] = state["begins"]
        if self._player is not None:
            self._player.load_state_dict(state["player"])
        if self._started and self.env.begins_anew(state["env"]):
            self.episodes.restart()
            for key, values in self.env.observation.items():
                self._observation[key][-1] = values
            self._begins[-1] = True
            if self._player is not None:
                self._player.forget()


def _concatenate(rows: list[Observation]) -> dict[str, Array]:
    """Join observations row by row; no observations give an empty dictionary."""
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]} if rows else {}
