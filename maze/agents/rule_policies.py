"""Policies that follow rules which somebody wrote down: baselines without learning, for rollouts and demonstrations."""

from __future__ import annotations

import abc
import importlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from gymnasium import error as gymnasium_error
from gymnasium import spaces

from maze.env.engine_ids import import_box2d, missing_dependency
from maze.errors import InvalidSpecificationError
from maze.types import Action, ActorID, Array, Observation, StepKey

__all__ = ["DummyCartPolePolicy", "HeuristicLunarLanderPolicy"]


class _RulePolicy(abc.ABC):
    """Base: the action follows from the observation alone, so that nothing is ever drawn.

    Args:
        observation_spaces_dict: observation space by step key; None reads the only observation that there is.
        action_spaces_dict: action space by step key, given where the other one is; None gives ``action``.

    Raises:
        InvalidSpecificationError: they are those of another environment.
    """

    _n_seen: ClassVar[int]
    """How many numbers an observation of that environment has."""

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict] | None = None,
        action_spaces_dict: Mapping[StepKey, spaces.Dict] | None = None,
    ) -> None:
        self._key: str | None = None
        self._head = "action"
        self._action_space: spaces.Space[Any] | None = None
        if observation_spaces_dict is None and action_spaces_dict is None:
            return
        observed, acted = _only_part(observation_spaces_dict), _only_part(action_spaces_dict)
        if observed is None or acted is None or not self._fits(observed[1], acted[1]):
            raise InvalidSpecificationError(
                f"{type(self).__name__} plays {self._plays()}; given are the observations {observation_spaces_dict} "
                f"and the actions {action_spaces_dict}. Leave wrappers out that change them."
            )
        self._key, (self._head, self._action_space) = observed[0], acted

    @staticmethod
    @abc.abstractmethod
    def _plays() -> str:
        """Say which environment the rules are for."""

    @staticmethod
    @abc.abstractmethod
    def _fits(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> bool:
        """Say whether the spaces are those of that environment."""

    @abc.abstractmethod
    def _decide(self, rows: Array) -> Array:
        """Return the actions [N, ...] for observations [N, n]."""

    def act(self, observation: Observation, rng: np.random.Generator, deterministic: bool = False) -> dict[str, Array]:
        """Return one action for each row of a batch of observations.

        Args:
            observation: by key [N, n].
            rng: not used.
            deterministic: makes no difference.

        Returns:
            By action head [N, *action_shape].
        """
        del rng, deterministic
        return {self._head: self._decide(self._seen(observation))}

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: object = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the action for a single observation.

        Args:
            observation: by key [n].
            maze_state: not looked at.
            env: not looked at.
            actor_id: not looked at.
            deterministic: makes no difference.

        Returns:
            By action head, without a batch axis.
        """
        del maze_state, env, actor_id, deterministic
        return {self._head: self._decide(self._seen(observation)[np.newaxis])[0]}

    def _seen(self, observation: Observation) -> Array:
        """Return the observation that the rules are about, [..., n]."""
        key = next(iter(observation)) if self._key is None else self._key
        seen = np.asarray(observation[key])
        if seen.shape[-1:] != (self._n_seen,):
            raise InvalidSpecificationError(
                f"{type(self).__name__} plays {self._plays()}; given is the observation {key!r} of shape {seen.shape}."
            )
        return seen


def _only_part(given: Any) -> tuple[str, spaces.Space[Any]] | None:
    """Return key and space of the one observation, or action head, that there is; None where there are others."""
    found = list(given.values()) if isinstance(given, Mapping) else []
    parts = [item for space in found if isinstance(space, spaces.Dict) for item in space.spaces.items()]
    return parts[0] if len(parts) == 1 else None


class DummyCartPolePolicy(_RulePolicy):
    """Pushes the cart under the pole: to the side to which the pole leans, or is about to lean.

    Args:
        observation_spaces_dict: observation space by step key, those of CartPole; None checks nothing before it plays.
        action_spaces_dict: action space by step key, those of CartPole; given where the other one is.

    Raises:
        InvalidSpecificationError: they are those of another environment.
    """

    _n_seen = 4

    @staticmethod
    def _plays() -> str:
        return "CartPole, of which it reads the 4 numbers and chooses one of 2 actions"

    @staticmethod
    def _fits(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> bool:
        return observed.shape == (4,) and isinstance(acted, spaces.Discrete) and acted.n == 2

    def _decide(self, rows: Array) -> Array:
        angle, angular_speed = rows[:, 2], rows[:, 3]
        return (angle + angular_speed > 0.0).astype(np.int64)


class HeuristicLunarLanderPolicy(_RulePolicy):
    """Lands with the rules that come with gymnasium's LunarLander, with discrete and with continuous engines.

    Source: ``gymnasium.envs.box2d.lunar_lander.heuristic``, which is called.

    Args:
        observation_spaces_dict: observation space by step key, those of LunarLander; None checks nothing before it
            plays, and takes the engines to be discrete.
        action_spaces_dict: action space by step key, those of LunarLander; given where the other one is.

    Raises:
        InvalidSpecificationError: they are those of another environment, or Box2D is not installed.
    """

    _n_seen = 8

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict] | None = None,
        action_spaces_dict: Mapping[StepKey, spaces.Dict] | None = None,
    ) -> None:
        super().__init__(observation_spaces_dict, action_spaces_dict)
        continuous = isinstance(self._action_space, spaces.Box)
        self._asked = SimpleNamespace(unwrapped=SimpleNamespace(continuous=continuous))  # all that the rules ask
        self._heuristic = _lunar_lander_heuristic()

    @staticmethod
    def _plays() -> str:
        return "LunarLander, of which it reads the 8 numbers and chooses one of 4 actions, or 2 numbers"

    @staticmethod
    def _fits(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> bool:
        discrete = isinstance(acted, spaces.Discrete) and acted.n == 4
        return observed.shape == (8,) and (discrete or (isinstance(acted, spaces.Box) and acted.shape == (2,)))

    def _decide(self, rows: Array) -> Array:
        actions = [self._heuristic(self._asked, row) for row in rows]
        return np.asarray(actions, np.float32 if self._asked.unwrapped.continuous else np.int64)


def _lunar_lander_heuristic() -> Callable[[Any, Array], Any]:
    module = "gymnasium.envs.box2d.lunar_lander"
    import_box2d(module)
    try:
        heuristic: Callable[[Any, Array], Any] = importlib.import_module(module).heuristic
    except (ImportError, gymnasium_error.DependencyNotInstalled) as error:
        raise missing_dependency("LunarLander-v3", module, error) from error
    return heuristic
