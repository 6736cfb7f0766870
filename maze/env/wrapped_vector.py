"""Batch-capable wrappers around a vector environment: each hook is called once for all environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium import spaces

from maze.env.gathering import gathers_within
from maze.env.interface_errors import check_observation
from maze.env.maze_env import MazeEnv
from maze.env.outer_vector import OuterVectorEnv
from maze.env.readers import wrong_heads
from maze.env.snapshot import restore_layers, snapshot_layers
from maze.env.told_rewards import pass_reward
from maze.env.vector_base import VectorEnv, VectorStep
from maze.env.wrappers import Wrapper, names_of_layers, overrides, sees_reward, wrapper_layers
from maze.errors import ArtifactError
from maze.statistics import EventStats
from maze.types import Array, Observation, StateDict

__all__ = ["WrappedVectorEnv"]


class WrappedVectorEnv(OuterVectorEnv):
    """A vector environment seen through the hooks of wrappers, as if each environment were wrapped by itself.

    Args:
        env: the vector environment inside.
        prototype: one wrapped single environment; its outermost wrappers do the work, its statistics are used.
        n_layers: how many of its wrappers, counted from outside, are applied here; all of them must be batchable.
    """

    def __init__(self, env: VectorEnv, prototype: MazeEnv, n_layers: int) -> None:
        super().__init__(env, prototype)
        self._layers: list[Wrapper] = wrapper_layers(prototype)[-n_layers:]
        self._action_layers = [layer for layer in reversed(self._layers) if overrides(layer, "action")]
        self._observation_layers = [
            (layer, overrides(layer, "gather"), _shapes_of(layer))
            for layer in self._layers
            if overrides(layer, "observation") or overrides(layer, "gather")
        ]
        self._reward_layers = [layer for layer in self._layers if sees_reward(layer)]

    def seed(self, seeds: Sequence[int]) -> None:
        """Seed the environments inside; see `VectorEnv.seed`."""
        self.env.seed(seeds)

    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment; see `VectorEnv.reset`."""
        observation = self.env.reset(seeds)
        for layer in self._layers:
            layer.episode_start((self.n_envs,))
        self._observation = self._observe(observation, gather=self._training)
        return self._observation

    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment; see `VectorEnv.step`."""
        step = self.env.step(self._inner_action(action))
        reward, told = step.reward, step.told_rewards
        if self._reward_layers:
            done = step.terminated | step.truncated
            for layer in self._reward_layers:
                reward, told = pass_reward(layer, reward, told)
                layer.episode_step(reward, done)
        final = step.final_observation
        if final is not None:
            final = self._observe_final(final, step.terminated | step.truncated)
        self._observation = self._observe(step.observation, gather=self._training)
        return VectorStep(self._observation, reward, step.terminated, step.truncated, final, told)

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments; see `VectorEnv.step_rows`."""
        step = self.env.step_rows(self._inner_action(action), rows)
        reward, told, done = step.reward, step.told_rewards, step.terminated | step.truncated
        for layer in self._reward_layers:
            reward, told = pass_reward(layer, reward, told)
            layer.episode_step_rows(reward, done, rows)
        reward = np.where(rows, reward, np.float32(0.0))
        if told is not None:
            told = {name: np.where(rows, value, np.float32(0.0)) for name, value in told.items()}
        self._observe_rows(step.observation, rows, gathered=rows & ~done)
        return VectorStep(self._observation, reward, step.terminated, step.truncated, told_rewards=told)

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments; see `VectorEnv.reset_rows`."""
        observation = self.env.reset_rows(rows)
        for layer in self._layers:
            layer.episode_start_rows(rows)
        self._observe_rows(observation, rows, gathered=rows)
        return self._observation

    def _inner_action(self, action: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the environments inside get."""
        inner_action = dict(action)
        if self._action_layers and inner_action.keys() != self.action_space.spaces.keys():
            raise wrong_heads(inner_action, self.action_space.spaces)
        for layer in self._action_layers:
            inner_action = layer.action(inner_action)
        return inner_action

    def _observe_rows(self, observation: Observation, rows: Array, gathered: Array) -> None:
        """Let the wrappers see some rows of new observations; the other rows stay as they are."""
        if not self._observation_layers or not self._observation or rows.all():
            self._observation = self._observe(observation, self._training, gathered)
            return
        chosen = {key: values[rows] for key, values in observation.items()}
        seen = self._observe(chosen, self._training, gathered, rows)
        self._observation = {key: values.copy() for key, values in self._observation.items()}
        for key, values in seen.items():
            self._observation[key][rows] = values

    def _observe_final(self, observation: Observation, done: Array) -> Observation:
        """Return the last observations of the episodes that are done; other rows mean nothing."""
        if not self._observation_layers:
            return observation
        seen = self._observe({key: values[done] for key, values in observation.items()}, gather=False)
        final = {key: np.zeros((self.n_envs, *values.shape[1:]), values.dtype) for key, values in seen.items()}
        for key, values in seen.items():
            final[key][done] = values
        return final

    def _observe(
        self, observation: Observation, gather: bool, gathered: Array | None = None, rows: Array | None = None
    ) -> Observation:
        """Let the wrappers see observations.

        Args:
            observation: ``[N, *shape]``, or ``[K, *shape]`` where ``rows``, bool ``[N]``, is true.
            gather: let wrappers gather statistics of them.
            gathered: of which environments, bool ``[N]``; None for all.
            rows: None for all.
        """
        for layer, gathers, shapes in self._observation_layers:
            if gather and gathers and (gathered is None or gathered.all()):
                layer.gather(observation)
            elif gather and gathers and gathered is not None:
                chosen = gathered if rows is None else gathered[rows]
                part = {key: values[chosen] for key, values in observation.items()}
                layer.gather(part, gathered.nonzero()[0])
            seen = layer.observation(observation)
            if not _fits(seen, shapes):
                check_observation(layer, "observation", seen, (len(next(iter(observation.values()))),))
            observation = seen
        return observation

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events inside, and in the wrappers."""
        stats = self.env.drain_event_stats()
        for layer in self._layers:
            stats.add(layer.own_event_stats())
        return stats

    @property
    def gathers(self) -> bool:
        """Whether some wrapper, here or inside, takes note of what happens in training."""
        return gathers_within(self._prototype)

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether the environments, or a wrapper that counts something, could not be saved."""
        return state["counters"] is None or self.env.begins_anew(state["env"])

    @property
    def _counting_layers(self) -> list[Wrapper]:
        """The wrappers that take note of what happens, and do not say themselves what their state is."""
        hooks = ("gather", "episode_start", "episode_step")
        return [
            layer
            for layer in self._layers
            if not overrides(layer, "own_state") and any(overrides(layer, hook) for hook in hooks)
        ]

    def state_dict(self) -> StateDict:
        """Return the state of the environments and of the wrappers."""
        return {
            "kind": "wrapped",
            "n_envs": self.n_envs,
            "env": self.env.state_dict(),
            "wrappers": _chain_state(self._layers),
            "counters": snapshot_layers(self._counting_layers),
            "observation": {key: value.copy() for key, value in self._observation.items()},
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from what `state_dict` returned."""
        self.check_state(state, "wrapped")
        self.env.load_state_dict(state["env"])
        _load_chain_state(self._layers, state["wrappers"])
        if state["counters"] is not None:
            restore_layers(self._counting_layers, state["counters"])
        if not self.begins_anew(state):
            self._observation = {key: value.copy() for key, value in state["observation"].items()}
            return
        if not state["observation"]:  # there was no reset yet
            return
        observation = self.env.observation if self.env.begins_anew(state["env"]) else self.env.reset()
        for layer in self._layers:
            layer.episode_start((self.n_envs,))
        self._observation = self._observe(observation, gather=self._training)


def _shapes_of(layer: Wrapper) -> list[tuple[str, tuple[int, ...]]]:
    """Return key and shape of each observation that a wrapper makes; none where it leaves them as they are."""
    space = layer.observation_space
    if not overrides(layer, "observation") or not isinstance(space, spaces.Dict):
        return []
    return [(key, part.shape or ()) for key, part in space.spaces.items()]


def _fits(observation: Observation, shapes: list[tuple[str, tuple[int, ...]]]) -> bool:
    """Tell whether the arrays of a batch have their shapes; every step asks, so that it looks at nothing else."""
    try:
        for key, shape in shapes:
            if observation[key].shape[1:] != shape:
                return False
    except (AttributeError, IndexError, KeyError, TypeError):
        return False
    return True


def _chain_state(layers: list[Wrapper]) -> StateDict:
    """Return the changing state of wrappers by name."""
    return {name: layer.own_state() for name, layer in names_of_layers(layers)}


def _load_chain_state(layers: list[Wrapper], state: StateDict) -> None:
    """Take over what `_chain_state` returned.

    Raises:
        ArtifactError: the state belongs to other wrappers.
    """
    named = dict(names_of_layers(layers))
    if named.keys() != state.keys():
        raise ArtifactError(f"The state belongs to the wrappers {sorted(state)}; these are {sorted(named)}.")
    for name, layer in named.items():
        layer.load_own_state(state[name])
