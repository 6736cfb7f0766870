"""Wrappers change what passes between agent and environment; written once, they work on single and on batched arrays.

A wrapper that only overrides hooks (`observation`, `action`, `reward`, `gather`, `episode_start`, `episode_step`) is
`batchable`: a vector environment applies the hooks to whole batches. One that overrides `step` or `reset` keeps its own
course of an episode, so each of its environments is stepped by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.readers import wrong_heads
from maze.env.transparent import TransparentEnv
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.statistics import EventCall, EventStats
from maze.types import Action, Array, Observation, StateDict

__all__ = [
    "ActionWrapper",
    "ObservationWrapper",
    "RewardWrapper",
    "Wrapper",
    "chain_statistics",
    "load_chain_statistics",
    "names_of_layers",
    "wrapper_layers",
]

WrapperType = TypeVar("WrapperType", bound="Wrapper")


class Wrapper(TransparentEnv):
    """An environment around another one; without overridden hooks it changes nothing.

    `isinstance` sees through it: ``isinstance(SomeWrapper.wrap(GymMazeEnv(...)), GymMazeEnv)`` is true, and attributes
    that the wrapper does not have are read from the inner environment.
    Hooks take arrays with any leading batch axes, return new arrays and depend on nothing but their argument.

    Args:
        env: the environment inside.

    Attributes:
        env: the environment inside.
        batchable: whether the hooks say everything about the wrapper; found out from the class, or set by it.
    """

    batchable: ClassVar[bool] = True

    def __init__(self, env: MazeEnv) -> None:
        if not isinstance(env, MazeEnv):
            raise InvalidSpecificationError(
                f"{type(self).__name__} wraps a MazeEnv, given {env!r}. Put GymMazeEnv(...) around it first."
            )
        super().__init__(env)
        self._gathers = overrides(self, "gather")
        self._changes_action = overrides(self, "action")
        self._sees_reward = overrides(self, "reward") or overrides(self, "episode_step")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "batchable" not in cls.__dict__:
            cls.batchable = cls.step is Wrapper.step and cls.reset is Wrapper.reset

    @classmethod
    def wrap(cls: type[WrapperType], env: MazeEnv, **kwargs: Any) -> WrapperType:
        """Put this wrapper around an environment.

        Args:
            env: the environment inside.
            **kwargs: the wrapper's own arguments.
        """
        return cls(env, **kwargs)

    def observation(self, observation: Observation) -> Observation:
        """Return the observation that the agent sees instead; arrays are ``[..., *shape]``."""
        return observation

    def action(self, action: Action) -> Action:
        """Return the action that the inner environment gets instead; arrays are ``[..., *shape]``."""
        return action

    def reverse_action(self, action: Action) -> Action:
        """Return the agent's action of which `action` makes this one; arrays are ``[..., *shape]``.

        Raises:
            EnvError: the wrapper does not say.
        """
        if self._changes_action:
            raise EnvError(
                f"{type(self).__name__} does not turn actions back into those of the agent; give it reverse_action()."
            )
        return action

    def reward(self, reward: Array) -> Array:
        """Return the reward that the agent gets instead; float32 ``[...]``."""
        return reward

    def gather(self, observation: Observation, rows: Array | None = None) -> None:
        """Take note of an observation from inside, called before `observation` and only while `training` is on.

        Of a batch ``[N, *shape]``, or of those of its environments that ``rows``, int ``[K]``, names: ``[K, *shape]``.
        """

    def episode_start(self, batch_shape: tuple[int, ...]) -> None:
        """Take note of a reset of all environments; ``()`` for a single one, ``(N,)`` for a batch."""

    def episode_step(self, reward: Array, done: Array) -> None:
        """Take note of the rewards (float32 ``[...]``) and ends (bool ``[...]``) of one step."""

    def episode_start_rows(self, rows: Array) -> None:
        """Take note that the environments where ``rows``, bool ``[N]``, is true begin anew, at their end or not."""

    def episode_step_rows(self, reward: Array, done: Array, rows: Array) -> None:
        """Take note of rewards and ends where ``rows``, bool ``[N]``, is true; the other environments waited."""

    def place_files(self, directory: Path) -> None:
        """Write the files that this wrapper makes, if any, below a directory: that of the run which made it."""

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        observation = self.env.reset()
        if self._training and self._gathers:
            self.gather(observation)
        self.episode_start(())
        return self.observation(observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        if self._changes_action:
            if not isinstance(action, Mapping) or action.keys() != self.action_space.spaces.keys():
                raise wrong_heads(action, self.action_space.spaces)
            action = self.action({key: np.asarray(value) for key, value in action.items()})
        observation, reward, done, info = self.env.step(action)
        if self._training and self._gathers and not done:  # nobody acts on the last observation; so batches do, too
            self.gather(observation)
        if self._sees_reward:  # float32 arrays without axes, so that the result is that of a batch to the last bit
            new_reward = self.reward(np.array(reward, dtype=np.float32))
            self.episode_step(new_reward, np.array(done))
            reward = float(new_reward)
        return self.observation(observation), reward, done, info

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Return a recorded step as the agent outside of this wrapper sees it; see the method of `MazeEnv`.

        Raises:
            EnvError: an environment or a wrapper does not say what it makes of recorded steps.
        """
        if type(self).step is not Wrapper.step or type(self).reset is not Wrapper.reset:
            raise unconverted(self)
        observations, actions = self.env.get_observation_and_action_dicts(
            maze_state, maze_action, first_step_in_episode
        )
        return (
            observations and {key: self.observation(value) for key, value in observations.items()},
            actions and {key: self.reverse_action(value) for key, value in actions.items()},
        )

    def layer_state(self) -> StateDict | None:
        """Return what `own_state` says, where the wrapper's class says something; see `MazeEnv.layer_state`."""
        return self.own_state() if overrides(self, "own_state") else None

    def load_layer_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        self.load_own_state(state)

    def own_statistics(self) -> dict[str, Array]:
        """Return this wrapper's statistics by name; the chain's are the sum of all wrappers'."""
        return {}

    def load_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over what `own_statistics` returned."""

    def gather_own_anew(self) -> None:
        """Begin gathering statistics from nothing; those in use stay in use until `update_statistics`."""

    def merge_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge what the same wrapper gathered elsewhere, as `own_statistics` tells it; `update_statistics` uses it.

        Raises:
            EnvError: the wrapper has statistics and does not say how they are merged.
        """
        if state:
            raise EnvError(
                f"{type(self).__name__} has statistics and no merge_own_statistics, so that actors cannot gather them "
                "side by side. Write merge_own_statistics and gather_own_anew, or train with PPO, which needs neither."
            )

    def own_event_stats(self) -> EventStats:
        """Return, and forget, what this wrapper has to tell of events; the chain's are the sum of all wrappers'."""
        return EventStats()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events inside, and in this wrapper."""
        stats = self.env.drain_event_stats()
        stats.add(self.own_event_stats())
        return stats

    def own_step_events(self) -> list[EventCall]:
        """Return what this wrapper tells of the last step of its single environment; batches are never asked."""
        return []

    def get_step_events(self) -> list[EventCall]:
        """Return what happened in the last step inside, then what this wrapper tells of it."""
        return [*self.env.get_step_events(), *self.own_step_events()]

    def share_statistics(self, other: Any) -> None:
        """Use the statistics of an equal wrapper around a sister environment from now on."""

    def own_state(self) -> StateDict:
        """Return what else changes in this wrapper while it runs, for an exact continuation."""
        return {}

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""

    def update_statistics(self) -> None:
        """Merge what this and all inner wrappers gathered."""
        self.env.update_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics of this and all inner wrappers as arrays by flat name."""
        return chain_statistics(self)

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over the statistics of this and all inner wrappers; see `MazeEnv.load_statistics`."""
        load_chain_statistics(self, state)

    def gather_anew(self) -> None:
        """Let this and all inner wrappers begin gathering from nothing; see `MazeEnv.gather_anew`."""
        self.gather_own_anew()
        self.env.gather_anew()

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics of the same wrappers, gathered elsewhere; see `MazeEnv.merge_statistics`."""
        for layer, own in _by_layer(self, state):
            layer.merge_own_statistics(own)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.env!r})"


class ObservationWrapper(Wrapper):
    """A wrapper that changes observations: override `observation`, and set `observation_space` if it changes."""


class ActionWrapper(Wrapper):
    """A wrapper that changes actions: override `action`, and set `action_space` if it changes.

    With `reverse_action`, the way back, recorded steps can be imitated behind it.
    """


class RewardWrapper(Wrapper):
    """A wrapper that changes rewards: override `reward`."""


def unconverted(wrapper: Wrapper) -> EnvError:
    """Return the error for a wrapper that changes the course of an episode, which recorded steps have behind them."""
    return EnvError(
        f"{type(wrapper).__name__} changes the course of episodes, so that recorded steps do not tell what an agent "
        "would see behind it; leave it out, or give it get_observation_and_action_dicts()."
    )


def overrides(wrapper: Wrapper, hook: str) -> bool:
    """Tell whether a wrapper's class says something about a hook."""
    return getattr(type(wrapper), hook) is not getattr(Wrapper, hook)


def wrapper_layers(env: MazeEnv) -> list[Wrapper]:
    """List the wrappers around an environment, innermost first."""
    layers: list[Wrapper] = []
    while issubclass(type(env), Wrapper):
        layers.append(env)  # type: ignore[arg-type]
        env = env.env  # type: ignore[attr-defined]
    return layers[::-1]


def names_of_layers(layers: list[Wrapper]) -> Iterator[tuple[str, Wrapper]]:
    """Name each layer by its class and its rank, from inside, among the layers of that class."""
    counts: dict[str, int] = {}
    for layer in layers:
        kind = type(layer).__name__
        counts[kind] = counts.get(kind, -1) + 1
        yield f"{kind}.{counts[kind]}", layer


def chain_statistics(env: MazeEnv) -> dict[str, Array]:
    """Return the statistics of all wrappers around an environment by flat name."""
    named = names_of_layers(wrapper_layers(env))
    return {f"{name}.{key}": value for name, layer in named for key, value in layer.own_statistics().items()}


def load_chain_statistics(env: MazeEnv, state: Mapping[str, Array]) -> None:
    """Give each wrapper its part of the statistics.

    Raises:
        ArtifactError: there are statistics for wrappers that are not there, or wrappers without statistics.
    """
    for layer, own in _by_layer(env, state):
        layer.load_own_statistics(own)


def _by_layer(env: MazeEnv, state: Mapping[str, Array]) -> Iterator[tuple[Wrapper, dict[str, Array]]]:
    """Yield each wrapper with its part of the statistics.

    Raises:
        ArtifactError: there are statistics for wrappers that are not there, or wrappers without statistics.
    """
    expected = chain_statistics(env)
    if expected.keys() != state.keys():
        missing, unknown = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
        raise ArtifactError(
            f"The statistics do not belong to these wrappers: missing {missing}, unknown {unknown}. "
            "Use the wrappers that the statistics were saved with."
        )
    for name, layer in names_of_layers(wrapper_layers(env)):
        start = f"{name}."
        yield layer, {key.removeprefix(start): state[key] for key in state if key.startswith(start)}
