"""Between environments with dictionaries of arrays and libraries, or environments, with single arrays."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from gymnasium import spaces

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.wrappers import ActionWrapper, ObservationWrapper, Wrapper
from maze.errors import InvalidSpecificationError
from maze.types import Action, Observation

__all__ = [
    "DictActionWrapper",
    "DictObservationWrapper",
    "NoDictActionWrapper",
    "NoDictObservationWrapper",
    "NoDictSpacesWrapper",
]


def _only_key(space: spaces.Dict, kind: str) -> str:
    """Return the one key of a Dict space, or raise an error that names all of them."""
    keys = list(getattr(space, "spaces", {}))
    if len(keys) != 1:
        raise InvalidSpecificationError(
            f"Only a single {kind} can be taken out of its dictionary; this environment has {keys or space}."
        )
    return str(keys[0])


class DictObservationWrapper(ObservationWrapper):
    """Puts single observations into a dictionary under ``observation``; dictionaries stay as they are."""

    batchable = False  # what is inside has no batches without keys

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self._single_array = not isinstance(env.observation_space, spaces.Dict)
        if self._single_array:
            self.observation_space = spaces.Dict({"observation": cast("spaces.Space[Any]", env.observation_space)})

    def observation(self, observation: Observation) -> Observation:
        """Return the observation in a dictionary."""
        return {"observation": np.asarray(observation)} if self._single_array else observation


class DictActionWrapper(ActionWrapper):
    """Takes actions in a dictionary, under ``action``, for an environment with single ones; dictionaries stay."""

    batchable = False

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self._single_array = not isinstance(env.action_space, spaces.Dict)
        if self._single_array:
            self.action_space = spaces.Dict({"action": cast("spaces.Space[Any]", env.action_space)})

    def action(self, action: Action) -> Action:
        """Return the action without its dictionary."""
        return cast("Action", action["action"]) if self._single_array else action

    def reverse_action(self, action: Action) -> Action:
        """Return the action in its dictionary."""
        return {"action": action} if self._single_array else action


class NoDictObservationWrapper(ObservationWrapper):
    """Gives the only observation without its dictionary: for other libraries, as the last wrapper.

    Raises:
        InvalidSpecificationError: there are several observations.
    """

    batchable = False

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self._observation_key = _only_key(env.observation_space, "observation")
        self.observation_space = cast("spaces.Dict", env.observation_space[self._observation_key])

    def observation(self, observation: Observation) -> Observation:
        """Return the array alone."""
        return cast("Observation", observation[self._observation_key])


class NoDictActionWrapper(Wrapper):
    """Takes the only action without its dictionary: for other libraries, as the last wrapper.

    Raises:
        InvalidSpecificationError: there are several action heads.
    """

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self._action_key = _only_key(env.action_space, "action")
        self.action_space = cast("spaces.Dict", env.action_space[self._action_key])

    def step(self, action: Any) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once with the bare action."""
        return super().step({self._action_key: action})

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Return recorded actions bare, as `step` takes them; see `Wrapper.get_observation_and_action_dicts`."""
        observations, actions = self.env.get_observation_and_action_dicts(
            maze_state, maze_action, first_step_in_episode
        )
        return observations, actions and {key: action[self._action_key] for key, action in actions.items()}


class NoDictSpacesWrapper(NoDictActionWrapper):
    """Gives and takes the only observation and the only action without dictionaries, as the last wrapper.

    ``as_gymnasium(NoDictSpacesWrapper.wrap(env))`` is what Stable-Baselines3 calls an environment.

    Raises:
        InvalidSpecificationError: there are several observations or action heads.
    """

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(NoDictObservationWrapper.wrap(env))
