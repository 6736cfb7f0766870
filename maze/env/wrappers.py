"""Wrappers change what passes between agent and environment; written once, they work on single and on batched arrays.

This package's wrappers override hooks alone (`observation`, `action`, `reward`, `gather`, `episode_start`,
`episode_step`) and are `batchable`: a vector environment applies the hooks to whole batches. Hooks of a wrapper from
elsewhere see one environment, unless its class says ``batchable = True``. One that overrides `step` or `reset` keeps
its own course of an episode. Each environment of such wrappers is stepped by itself, with the same results.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from maze.config.targets import is_within
from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.interface_errors import check_observation, read_reward, wrong_values
from maze.env.layers import Layer, chain_statistics, load_chain_statistics, names_of_layers, wrapper_layers
from maze.env.readers import wrong_heads
from maze.env.told_rewards import pass_reward, told_from_info, told_in_info
from maze.env.wrapper_arguments import checked
from maze.errors import EnvError, InvalidSpecificationError
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

_HOOKS = (
    "observation",
    "action",
    "reward",
    "original_reward",
    "gather",
    "episode_start",
    "episode_step",
    "episode_start_rows",
    "episode_step_rows",
)


def _serves_batches(kind: type[Wrapper], method: str) -> bool:
    """Tell whether what a class says about a method is meant for batches: by this package's wrappers, or explicitly."""
    for owner in kind.__mro__:
        if "_says_batchable" in owner.__dict__:
            return bool(owner.__dict__["_says_batchable"])
        if method in owner.__dict__:
            break
    return owner is Wrapper or (method in _HOOKS and is_within(owner.__module__, ("maze",)))


class Wrapper(Layer):
    """An environment around another one; without overridden hooks it changes nothing.

    `isinstance` sees through it: ``isinstance(SomeWrapper.wrap(GymMazeEnv(...)), GymMazeEnv)`` is true, and attributes
    that the wrapper does not have are read from the inner environment.
    Hooks return new arrays and depend on nothing but their argument.

    Args:
        env: the environment inside.

    Attributes:
        env: the environment inside.
        batchable: whether the hooks say everything about the wrapper, and take arrays with any leading batch axes, so
            that many environments are served at once. A class of one's own says so (``batchable = True``); otherwise
            its hooks see the arrays of one environment at a time.
        changes_reward: whether agents may learn from other rewards than the environment pays; likewise.
        learning_only: whether `reward` is for learning alone, for example since it moves while training goes on: then
            it is called while `training` is on, and neither evaluations nor the returns of training see it.
    """

    batchable: ClassVar[bool] = True
    _says_batchable: ClassVar[bool]
    changes_reward: ClassVar[bool] = False
    learning_only: ClassVar[bool] = False

    def __init__(self, env: MazeEnv) -> None:
        if not isinstance(env, MazeEnv):
            raise InvalidSpecificationError(
                f"{type(self).__name__} wraps a MazeEnv, given {env!r}. Put GymMazeEnv(...) around it first."
            )
        super().__init__(env)
        self._gathers = overrides(self, "gather")
        self._changes_observation = overrides(self, "observation")
        self._changes_action = overrides(self, "action")
        self._sees_reward = sees_reward(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "batchable" in cls.__dict__:
            cls._says_batchable = cls.batchable
        else:
            cls.batchable = all(_serves_batches(cls, method) for method in ("step", "reset", *_HOOKS))
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
        """Return the agent's action of which `action` makes this one; arrays are ``[..., *shape]``.

        Raises:
            EnvError: the wrapper changes the action, and does not say of which one it makes it.
        """
        same_space = self.action_space == self.env.action_space
        if same_space and (not self._changes_action or _are_equal(self.action(dict(action)), action)):
            return action
        raise EnvError(
            f"{type(self).__name__} does not turn actions back into those of the agent, given {action!r}; give it "
            "reverse_action()."
        )

    def noop_action(self) -> Action | None:
        """Return the action that does nothing in the environment inside; see `MazeEnv.noop_action`."""
        inner = self.env.noop_action()
        if inner is None:
            return None
        noop = self.reverse_action(inner)
        if self._changes_action and not _are_equal(self.action(dict(noop)), inner):
            raise EnvError(f"{type(self).__name__} has no action that becomes {inner!r}, which does nothing inside.")
        return noop

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
        check_observation(self.env, "reset", observation)
        if self._training and self._gathers:
            self.gather(observation)
        self.episode_start(())
        observation = self.observation(observation)
        if self._changes_observation:
            check_observation(self, "observation", observation)
        return observation

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        if self._changes_action:
            if not isinstance(action, Mapping) or action.keys() != self.action_space.spaces.keys():
                raise wrong_heads(action, self.action_space.spaces)
            action = self.action({key: np.asarray(value) for key, value in action.items()})
        told: Any = self.env.step(action)
        try:
            observation, reward, done, info = told
        except (TypeError, ValueError) as error:
            raise wrong_values(self.env, "step", told) from error
        if self._training and self._gathers and not done:  # nobody acts on the last observation; so batches do, too
            self.gather(observation)
        if self._sees_reward:  # float32 arrays without axes, so that the result is that of a batch to the last bit
            paid = np.array(read_reward(self.env, reward), dtype=np.float32)
            new_reward, rewards = pass_reward(self, paid, told_from_info(info, ()))
            self.episode_step(new_reward, np.array(done))
            reward, info = float(new_reward), told_in_info(info, rewards)
        return self.observation(observation), reward, done, info

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Return a recorded step as the agent outside of this wrapper sees it; see the method of `MazeEnv`.

        Raises:
            EnvError: an environment or a wrapper does not say what it makes of recorded steps.
        """
        keeps_course = type(self).step is Wrapper.step and type(self).reset is Wrapper.reset
        if not keeps_course and not self.batchable:
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.env!r})"


def _are_equal(first: Action, second: Action) -> bool:
    """Tell whether two actions are the same, but for rounding."""
    return first.keys() == second.keys() and all(
        np.allclose(first[head], second[head], rtol=1e-5, atol=1e-6) for head in first
    )


class ObservationWrapper(Wrapper):
    """A wrapper that changes observations: override `observation`, and set `observation_space` if it changes."""


class ActionWrapper(Wrapper):
    """A wrapper that changes actions: override `action`, and set `action_space` if it changes.

    With `reverse_action`, the way back, recorded steps can be imitated behind it.
    """


class RewardWrapper(Wrapper):
    """A wrapper that changes rewards: override `reward`; one that helps learning and is no part of the task says so.

    ``learning_only = True`` in its class leaves it out of everything that counts returns.
    """


def unconverted(wrapper: Wrapper) -> EnvError:
    """Return the error for a wrapper that changes the course of an episode, which recorded steps have behind them."""
    return EnvError(
        f"{type(wrapper).__name__} changes the course of episodes, so that recorded steps do not tell what an agent "
        "would see behind it; leave it out, or give it get_observation_and_action_dicts()."
    )


def overrides(wrapper: Wrapper, hook: str) -> bool:
    """Tell whether a wrapper's class says something about a hook."""
    return getattr(type(wrapper), hook) is not getattr(Wrapper, hook)


def sees_reward(wrapper: Wrapper) -> bool:
    """Tell whether a wrapper has anything to do with the reward of a step."""
    return any(overrides(wrapper, hook) for hook in ("reward", "original_reward", "episode_step"))
