"""`GymMazeEnv` makes a `MazeEnv` of any environment of gymnasium or legacy gym."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np

from maze.env.base_env import MazeEnv
from maze.env.context import EnvironmentContext
from maze.env.context_env import ContextEnv
from maze.env.engine_ids import check_keys
from maze.env.engines import legacy_engine_of, make_engine
from maze.env.interface_errors import read_reward, space_of, wrong_values
from maze.env.readers import make_action_reader, make_observation_reader, wrong_heads
from maze.env.snapshot import decode_value, encode_value
from maze.env.spaces import from_dict_value, leaves_of, to_dict_space, to_dict_value
from maze.errors import EnvError, InvalidSpecificationError
from maze.types import Action, Observation, StateDict

__all__ = ["GymMazeEnv", "MazeEnv", "make_gym_maze_env"]

ENGINE_STEP_VALUES = "observation, reward, terminated, truncated, info (a dictionary)"


class GymMazeEnv(ContextEnv):
    """A gymnasium or legacy gym environment, by id or as an object.

    Spaces that are not dictionaries become ``{"observation": ...}`` and ``{"action": ...}``; floating observations are
    float32. The engine never sees the caller's action arrays and never gives out its own buffers.
    Once an episode has ended, `step` stays there: the same observation, reward 0 and ``done`` until the next `reset`.

    Args:
        env: an id such as ``"CartPole-v1"`` (gymnasium's registry is asked first), or an environment.
        render_mode: how to draw, for example ``"rgb_array"``; only with an id.
        ignored_observations: keys of observations that agents do not see, such as texts, of which no arrays are made.
        **kwargs: arguments of the environment's constructor; only with an id.

    Attributes:
        reset_info: what the engine said besides its first observation at the last `reset`.

    Raises:
        InvalidSpecificationError: the id is unknown, its dependencies are not installed, its arguments are wrong, or
            the object is not an environment.
        EnvError: the spaces are not supported.
    """

    def __init__(
        self,
        env: str | gymnasium.Env[Any, Any] | Any,
        *,
        render_mode: str | None = None,
        ignored_observations: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        ignored = check_keys(ignored_observations, "ignored_observations")
        self.env: gymnasium.Env[Any, Any]
        if isinstance(env, str):
            self.env = make_engine(env, render_mode, kwargs)
        elif render_mode is not None or kwargs:
            given = ", ".join(sorted({*kwargs, *(["render_mode"] if render_mode is not None else [])}))
            raise InvalidSpecificationError(
                f"{given} can be given only with an id; the environment {env!r} is made already."
            )
        else:
            self.env = env if isinstance(env, gymnasium.Env) else legacy_engine_of(env)
        super().__init__(EnvironmentContext())
        self.made_plainly = isinstance(env, str) and render_mode is None and not kwargs
        observed, acted = space_of(self.env, "observation_space"), space_of(self.env, "action_space")
        self.observation_space = to_dict_space(observed, "observation", ignored)
        self.action_space = to_dict_space(acted, "action")
        self._observation_leaves = leaves_of(observed, "observation", ignored)
        self._action_leaves = leaves_of(acted, "action")
        self._observation_readers = {
            key: make_observation_reader(space, key) for key, space in self.observation_space.spaces.items()
        }
        self._action_readers = {key: make_action_reader(leaf, key) for _, key, leaf in self._action_leaves}
        # The usual case, one array in and one out, goes straight to its reader.
        flat_observation = [path for path, _, _ in self._observation_leaves] == [()]
        flat_action = [path for path, _, _ in self._action_leaves] == [()]
        self._flat_observation = self._observation_readers["observation"] if flat_observation else None
        self._flat_action = self._action_readers["action"] if flat_action else None
        self.reset_info: dict[str, Any] = {}
        self._maze_state: Any = None  # the engine's own last observation

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        seed = self._begin_episode()
        begun: Any = self.env.reset() if seed is None else self.env.reset(seed=seed)
        if not isinstance(begun, tuple) or len(begun) != 2:
            raise wrong_values(self, "reset", begun, "observation, info")
        self._maze_state, self.reset_info = begun
        self._observation = self._observe(self._maze_state)
        return dict(self._observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`.

        Raises:
            EnvError: `reset` was never called, or the action is not in the action space.
        """
        self._check_begun("step")
        engine_action = self._read_action(action)
        stays = self._stay()
        if stays is not None:
            return stays
        self.context.begin_step()
        told: Any = self.env.step(engine_action)
        try:
            self._maze_state, reward, terminated, truncated, info = told
            terminated, truncated = bool(terminated), bool(truncated)
            info = dict(info, terminated=terminated, truncated=truncated)
        except (TypeError, ValueError) as error:
            raise wrong_values(self, "step", told, ENGINE_STEP_VALUES) from error
        self.context.end_step()
        result = self._observe(self._maze_state)
        done = terminated or truncated
        if done:
            self._end = {"terminated": terminated, "truncated": truncated}
            self._observation = {key: value.copy() for key, value in result.items()}
        if self.context.event_service.interfaces:  # somebody makes events
            self._keep_events(done=done)
        return result, reward if type(reward) is float else read_reward(self, reward), done, info

    def get_maze_state(self) -> Any:
        """Return what the engine shows of its state, its own last observation, as a copy.

        What it does not show is in `snapshot_state` alone.

        Raises:
            EnvError: `reset` was never called.
        """
        self._check_begun("get_maze_state")
        return deepcopy(self._maze_state)

    def layer_state(self) -> StateDict:
        """Return the course of the episode, without the engine; see `MazeEnv.layer_state`."""
        return {**super().layer_state(), "maze_state": encode_value(self._maze_state)}

    def load_layer_state(self, state: StateDict) -> None:
        """Take over what `layer_state` returned."""
        super().load_layer_state(state)
        self._maze_state = decode_value(state["maze_state"])

    def _observe(self, value: Any) -> Observation:
        if self._flat_observation is not None:
            return {"observation": self._flat_observation(value)}
        try:
            return to_dict_value(value, self._observation_leaves, self._observation_readers)
        except (KeyError, IndexError, TypeError) as error:
            raise EnvError(
                f"{self!r} returned the observation {value!r}, which is not in its observation_space: {error!r}."
            ) from error

    def _turn_back(self, maze_action: Any) -> Action:
        heads = to_dict_value(maze_action, self._action_leaves, self._action_readers)
        return {key: np.asarray(value, self.action_space[key].dtype) for key, value in heads.items()}

    def _read_action(self, action: Action) -> Any:
        if not (type(action) is dict or isinstance(action, Mapping)) or action.keys() != self._action_readers.keys():
            raise wrong_heads(action, self._action_readers)
        if self._flat_action is not None:
            return self._flat_action(action["action"])
        return from_dict_value(action, self.env.action_space, self._action_leaves, self._action_readers)

    def render(self) -> Any:
        """Return what the engine draws in its render mode.

        Raises:
            EnvError: the packages for drawing are not installed.
        """
        try:
            return self.env.render()
        except gymnasium.error.DependencyNotInstalled as error:
            raise EnvError(f"{self.env} cannot be drawn: {error}") from error

    def close(self) -> None:
        """Close the engine."""
        self.env.close()

    def __repr__(self) -> str:
        return f"GymMazeEnv({self.env})"


def make_gym_maze_env(
    name: str, render_mode: str | None = None, ignored_observations: Sequence[str] = (), **kwargs: Any
) -> GymMazeEnv:
    """Return the environment of one id; the target of ``conf/env/gym_env.yaml``.

    Args:
        name: id in gymnasium's or legacy gym's registry.
        render_mode: how to draw, for example ``"rgb_array"``.
        ignored_observations: keys of observations that agents do not see, such as texts, of which no arrays are made.
        **kwargs: arguments of the environment's constructor.
    """
    return GymMazeEnv(name, render_mode=render_mode, ignored_observations=ignored_observations, **kwargs)
