"""A policy that draws actions from the action space: a baseline, and a first look at an environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.sampling import ActionSampler
from maze.errors import EnvError, InvalidSpecificationError
from maze.types import Action, ActorID, Array, Observation, StepKey

__all__ = ["RandomPolicy"]


class RandomPolicy:
    """Draws actions that lie in the action space, uniformly where it is bounded, and that the masks allow.

    A bounded side of a box that is open on the other side is the start of an exponential distribution; a box that is
    open on both sides is drawn from the standard normal distribution.

    Args:
        action_spaces_dict: action space by step key, such as ``env.action_spaces_dict``; an action space alone is that
            of the step key 0.
        seed: of ``compute_action``'s own generator.
        observation_spaces_dict: the same for observations; their masks ``<head>_mask`` are obeyed. None: there are
            no masks.

    Raises:
        InvalidSpecificationError: there are no such spaces, one is of a kind from which nothing can be drawn, or
            a mask has a wrong shape.
    """

    def __init__(
        self,
        action_spaces_dict: Mapping[StepKey, spaces.Dict] | spaces.Dict,
        seed: int | None = None,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict] | spaces.Dict | None = None,
    ) -> None:
        observed = (
            {}
            if not observation_spaces_dict
            else _by_step_key(observation_spaces_dict, "observation_spaces_dict", "env.observation_spaces_dict")
        )
        acted = _by_step_key(action_spaces_dict, "action_spaces_dict", "env.action_spaces_dict")
        self._samplers = {key: _sampler_of(space, observed.get(key)) for key, space in acted.items()}
        self._first_step_key = next(iter(self._samplers))
        self._rng = np.random.default_rng(seed)

    def seed(self, seed: int) -> None:
        """Make the actions from now on repeatable."""
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation, rng: np.random.Generator, deterministic: bool = False) -> dict[str, Array]:
        """Return one action for each row of a batch of observations.

        Args:
            observation: by key [N, ...]; only its number of rows and its masks count.
            rng: every draw comes from it.
            deterministic: makes no difference, since no action is likelier than others.

        Returns:
            By action head [N, *action_shape].
        """
        del deterministic
        n_rows = len(next(iter(observation.values())))
        return self._samplers[self._first_step_key].draw(rng, n_rows, observation)

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: object = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return one action for a single observation; draws come from the policy's own generator.

        Args:
            observation: by key; only its masks are looked at.
            maze_state: not looked at.
            env: not looked at.
            actor_id: whose action space is drawn from; that of the first step key by default.
            deterministic: makes no difference.

        Returns:
            By action head, without a batch axis.
        """
        del maze_state, env, deterministic
        step_key = self._first_step_key if actor_id is None else str(actor_id.step_key)
        return self._samplers[step_key].draw_one(self._rng, observation)


def _by_step_key(given: Any, argument: str, example: str) -> dict[str, spaces.Dict]:
    """Return the spaces by step key, of which there is at least one."""
    found: Any = {0: given} if isinstance(given, spaces.Dict) else given
    if not isinstance(found, Mapping) or not found or not all(isinstance(part, spaces.Dict) for part in found.values()):
        raise InvalidSpecificationError(
            f"{argument}: {given!r} is not accepted; accepted: gymnasium.spaces.Dict by step key, such as {example}, "
            "or one gymnasium.spaces.Dict."
        )
    return {str(key): space for key, space in found.items()}


def _sampler_of(action_space: spaces.Dict, observation_space: spaces.Dict | None) -> ActionSampler:
    for head, part in action_space.spaces.items():
        try:
            ActionSampler(spaces.Dict({head: part}))
        except EnvError as error:
            raise InvalidSpecificationError(
                f"action space {head!r}: {type(part).__name__} is not accepted by random_policy; accepted: Box, "
                "Discrete, MultiBinary, MultiDiscrete. Wrap the environment so that it has one of these."
            ) from error
    return ActionSampler(action_space, observation_space)
