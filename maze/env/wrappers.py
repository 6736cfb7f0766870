"""Wrappers change what passes between agent and environment; written once, they work on single and on batched arrays.

A wrapper that only overrides hooks (`observation`, `action`, `reward`, `gather`, `episode_start`, `episode_step`) is
`batchable`: a vector environment applies the hooks to whole batches. One that overrides `step` or `reset` keeps its own
course of an episode, so each of its environments is stepped by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from maze.config.targets import is_within
from maze.env.layers import Layer, chain_statistics, load_chain_statistics, names_of_layers, wrapper_layers
from maze.env.maze_env import MazeEnv
from maze.env.readers import wrong_heads
from maze.env.told_rewards import pass_reward, told_from_info, told_in_info
from maze.env.wrapper_arguments import checked
from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import EpisodeStats, EventStats, LogStats
from maze.types import Action, ActorID, Array, Observation, StateDict

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


@cache
def _class_of_both(outer: type, inner: type) -> type:
    """Return a class that is a subclass of both, only ever used as an answer to `isinstance`."""
    if issubclass(inner, outer):
        return inner
    return type(outer.__name__, (outer, inner), {"__module__": outer.__module__})


class Wrapper(Layer):
    """An environment around another one; without overridden hooks it changes nothing.

    `isinstance` sees through it: ``isinstance(SomeWrapper.wrap(GymMazeEnv(...)), GymMazeEnv)`` is true, and attributes
    that the wrapper does not have are read from the inner environment.
    Hooks take arrays with any leading batch axes, return new arrays and depend on nothing but their argument.

    Args:
        env: the environment inside.

    Attributes:
        env: the environment inside.
        batchable: whether the hooks say everything about the wrapper; found out from the class, or set by it.
        changes_reward: whether agents may learn from other rewards than the environment pays; likewise.
        learning_only: whether `reward` is for learning alone, for example since it moves while training goes on: then
            it is called while `training` is on, and neither evaluations nor the returns of training see it.
    """

    batchable: ClassVar[bool] = True
    changes_reward: ClassVar[bool] = False
    learning_only: ClassVar[bool] = False

    def __init__(self, env: MazeEnv) -> None:
        if not isinstance(env, MazeEnv):
            raise InvalidSpecificationError(
                f"{type(self).__name__} wraps a MazeEnv, given {env!r}. Put GymMazeEnv(...) around it first."
            )
        self.env = env
        self._training = env.training
        self.observation_space = env.observation_space
        self.action_space = env.action_space
        self._gathers = overrides(self, "gather")
        self._changes_action = overrides(self, "action")
        self._sees_reward = sees_reward(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "batchable" not in cls.__dict__:
            cls.batchable = cls.step is Wrapper.step and cls.reset is Wrapper.reset
        if "changes_reward" not in cls.__dict__ and cls.reward is not Wrapper.reward:
            cls.changes_reward = True
        if "__init__" in cls.__dict__ and is_within(cls.__module__, ("maze",)):
            cls.__init__ = checked(cls)  # type: ignore[method-assign]

    @classmethod
    def wrap(cls: type[WrapperType], env: MazeEnv, **kwargs: Any) -> WrapperType:
        """Put this wrapper around an environment.

        Args:
            env: the environment inside.
            **kwargs: the wrapper's own arguments.
        """
        return cls(env, **kwargs)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse arguments that are of the annotated types, and wrong in every environment.

        Args:
            arguments: of the constructor, by name, defaults included; one that is not known yet is missing.
            path: where they stand, for messages: ``f"{path}.{name}: ..."``.

        Raises:
            InvalidSpecificationError: names the argument.
        """

    def observation(self, observation: Observation) -> Observation:
        """Return the observation that the agent sees instead; arrays are ``[..., *shape]``."""
        return observation

    def action(self, action: Action) -> Action:
        """Return the action that the inner environment gets instead; arrays are ``[..., *shape]``."""
        return action

    def reverse_action(self, action: Action) -> Action:
        """Return the action that `action` turns into this one of the inner environment, without batch axes.

        Raises:
            EnvError: the wrapper changes actions and does not say how they are turned back, or there is no such action.
        """
        same_space = self.action_space == self.env.action_space
        if same_space and (not self._changes_action or equal_actions(self.action(dict(action)), action)):
            return action
        raise EnvError(f"{type(self).__name__} changes {action!r} and does not turn it back; give it reverse_action().")

    def noop_action(self) -> Action | None:
        """Return the action that does nothing in the environment inside; see `MazeEnv.noop_action`."""
        inner = self.env.noop_action()
        return None if inner is None else self.reverse_action(inner)

    def reward(self, reward: Array) -> Array:
        """Return the reward that the agent gets instead; float32 ``[...]``."""
        return reward

    def original_reward(self, reward: Array) -> None:
        """Take note of a step's rewards as the environment pays them, float32 ``[...]``, before `episode_step`."""

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
            new_reward, told = pass_reward(self, np.array(reward, dtype=np.float32), told_from_info(info, ()))
            self.episode_step(new_reward, np.array(done))
            reward, info = float(new_reward), told_in_info(info, told)
        return self.observation(observation), reward, done, info

    def seed(self, seed: int) -> None:
        """Seed the inner environment."""
        self.env.seed(seed)

    def render(self) -> Any:
        """Return the picture of the inner environment."""
        return self.env.render()

    def close(self) -> None:
        """Close the inner environment."""
        self.env.close()

    def actor_id(self) -> ActorID:
        """Return who acts next in the inner environment."""
        return self.env.actor_id()

    def own_event_stats(self) -> EventStats:
        """Return, and forget, what this wrapper has to tell of events; the chain's are the sum of all wrappers'."""
        return EventStats()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events inside, and in this wrapper."""
        stats = self.env.drain_event_stats()
        stats.add(self.own_event_stats())
        return stats

    def last_episode_stats(self) -> EpisodeStats:
        """Return what the events of the episode inside that ended last tell."""
        return self.env.last_episode_stats()

    def last_step_stats(self) -> LogStats:
        """Return the statistics of the events of the last step inside."""
        return self.env.last_step_stats()

    def share_statistics(self, other: Any) -> None:
        """Use the statistics of an equal wrapper around a sister environment from now on."""

    def own_state(self) -> StateDict:
        """Return what else changes in this wrapper while it runs, for an exact continuation."""
        return {}

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""

    @property
    def training(self) -> bool:
        """Whether this and all inner wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        self.env.training = bool(value)

    # Why a property: isinstance asks the type first and `__class__` second. The type stays the wrapper's own, so its
    # methods are found as written and the inner environment keeps its own `self`; a real subclass of both would run
    # the inner methods on the wrapper's attributes instead.
    def _seen_class(self) -> type:
        env = self.__dict__.get("env")
        return type(self) if env is None else _class_of_both(type(self), env.__class__)

    __class__ = property(_seen_class)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "env" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __reduce__(self) -> tuple[Any, ...]:  # by default pickle compares the class with `__class__` and refuses
        return _rebuild, (type(self), self.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.env!r})"


def _rebuild(kind: type[Wrapper], attributes: dict[str, Any]) -> Wrapper:
    wrapper = kind.__new__(kind)
    wrapper.__dict__.update(attributes)
    return wrapper


def equal_actions(first: Action, second: Action) -> bool:
    """Tell whether two actions are the same."""
    return first.keys() == second.keys() and all(np.array_equal(first[head], second[head]) for head in first)


class ObservationWrapper(Wrapper):
    """A wrapper that changes observations: override `observation`, and set `observation_space` if it changes."""


class ActionWrapper(Wrapper):
    """A wrapper that changes actions: override `action`, and set `action_space` if it changes."""


class RewardWrapper(Wrapper):
    """A wrapper that changes rewards: override `reward`; one that helps learning and is no part of the task says so.

    ``learning_only = True`` in its class leaves it out of everything that counts returns.
    """


def overrides(wrapper: Wrapper, hook: str) -> bool:
    """Tell whether a wrapper's class says something about a hook."""
    return getattr(type(wrapper), hook) is not getattr(Wrapper, hook)


def sees_reward(wrapper: Wrapper) -> bool:
    """Tell whether a wrapper has anything to do with the reward of a step."""
    return any(overrides(wrapper, hook) for hook in ("reward", "original_reward", "episode_step"))
