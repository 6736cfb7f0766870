"""The single environment: `MazeEnv` is the interface, `GymMazeEnv` puts gymnasium and legacy gym behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import gymnasium
from gymnasium import spaces

from maze.env.engine_ids import check_keys
from maze.env.engines import legacy_engine_of, make_engine
from maze.env.readers import make_action_reader, make_observation_reader, wrong_heads
from maze.env.spaces import from_dict_value, leaves_of, to_dict_space, to_dict_value
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.statistics import EpisodeStats, EventStats, LogStats
from maze.types import Action, ActorID, Array, Observation, StepKey

__all__ = ["GymMazeEnv", "MazeEnv", "make_gym_maze_env"]


class MazeEnv(ABC):
    """An environment with one agent and one step key, observed and controlled through dictionaries of arrays.

    Attributes:
        observation_space: Dict space of one observation.
        action_space: Dict space of one action.
        training: whether wrappers gather statistics of what passes through them.
    """

    observation_space: spaces.Dict
    action_space: spaces.Dict
    training: bool = False

    @abstractmethod
    def seed(self, seed: int) -> None:
        """Make the episodes from the next `reset` on reproducible.

        Args:
            seed: any integer >= 0.
        """

    @abstractmethod
    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""

    @abstractmethod
    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once.

        Args:
            action: one entry for each action head.

        Returns:
            Observation, reward, done, and info, in which ``"terminated"`` and ``"truncated"`` are always present.
        """

    def render(self) -> Any:
        """Return the picture of the present state, as far as the environment can draw one."""
        return None

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free what the environment holds."""

    def noop_action(self) -> Action | None:
        """Return the action that does nothing; None where the environment does not say which that is.

        Raises:
            EnvError: it should say so, and does not.
        """
        return None

    def actor_id(self) -> ActorID:
        """Return who acts next; here always the one agent of step key 0."""
        return ActorID(0, 0)

    @property
    def observation_spaces_dict(self) -> dict[StepKey, spaces.Dict]:
        """Observation space by step key."""
        return {0: self.observation_space}

    @property
    def action_spaces_dict(self) -> dict[StepKey, spaces.Dict]:
        """Action space by step key."""
        return {0: self.action_space}

    @property
    def agent_counts_dict(self) -> dict[StepKey, int]:
        """Number of agents by step key."""
        return {0: 1}

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events since the last call; empty where there are none."""
        return EventStats()

    def last_episode_stats(self) -> EpisodeStats:
        """Return what the events of the episode that ended last tell: statistics, and arrays of values, [E]."""
        return {}

    def last_step_stats(self) -> LogStats:
        """Return the statistics of the events of the last step."""
        return {}

    def update_statistics(self) -> None:  # noqa: B027 - most gather nothing
        """Merge everything that wrappers gathered since the last call into their statistics."""

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics of all wrappers as arrays by flat name."""
        return {}

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over statistics that `statistics_state` returned.

        Raises:
            ArtifactError: the statistics belong to other wrappers.
        """
        if state:
            raise ArtifactError(f"There are statistics {sorted(state)}, but no wrapper that uses them.")

    def gather_anew(self) -> None:  # noqa: B027 - most gather nothing
        """Begin gathering statistics from nothing; those in use stay in use.

        What the next `update_statistics` then puts in use, and `statistics_state` tells, is what was gathered since
        alone: the part of an actor, for `merge_statistics` of whoever gathers them all.
        """

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics that were gathered elsewhere, for the next `update_statistics` to put in use.

        Args:
            state: of the same wrappers, as `statistics_state` returns it.

        Raises:
            ArtifactError: the statistics belong to other wrappers.
            EnvError: a wrapper does not say how its statistics are merged.
        """
        if state:
            raise ArtifactError(f"There are statistics {sorted(state)}, but no wrapper that uses them.")

    def __enter__(self) -> MazeEnv:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class GymMazeEnv(MazeEnv):
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
        self.made_plainly = isinstance(env, str) and render_mode is None and not kwargs
        self.training = False
        self.observation_space = to_dict_space(self.env.observation_space, "observation", ignored)
        self.action_space = to_dict_space(self.env.action_space, "action")
        self._observation_leaves = leaves_of(self.env.observation_space, "observation", ignored)
        self._action_leaves = leaves_of(self.env.action_space, "action")
        self._observation_readers = {
            key: make_observation_reader(space, key) for key, space in self.observation_space.spaces.items()
        }
        self._action_readers = {key: make_action_reader(leaf, key) for _, key, leaf in self._action_leaves}
        # The usual case, one array in and one out, goes straight to its reader.
        flat_observation = [path for path, _, _ in self._observation_leaves] == [()]
        flat_action = [path for path, _, _ in self._action_leaves] == [()]
        self._flat_observation = self._observation_readers["observation"] if flat_observation else None
        self._flat_action = self._action_readers["action"] if flat_action else None
        self._seed: int | None = None
        self._observation: Observation | None = None
        self.reset_info: dict[str, Any] = {}
        self._end: dict[str, Any] | None = None

    def seed(self, seed: int) -> None:
        """Seed the environment's own generator at the next `reset`."""
        self._seed = int(seed)

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        observation, self.reset_info = self.env.reset() if self._seed is None else self.env.reset(seed=self._seed)
        self._seed, self._end = None, None
        self._observation = self._read_observation(observation)
        return dict(self._observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`.

        Raises:
            EnvError: `reset` was never called, or the action is not in the action space.
        """
        if self._observation is None:
            raise EnvError("step() was called before reset(). Call reset() to begin an episode.")
        engine_action = self._read_action(action)
        if self._end is not None:
            return {key: value.copy() for key, value in self._observation.items()}, 0.0, True, dict(self._end)
        observation, reward, terminated, truncated, info = self.env.step(engine_action)
        terminated, truncated = bool(terminated), bool(truncated)
        info = dict(info, terminated=terminated, truncated=truncated)
        result = self._read_observation(observation)
        done = terminated or truncated
        if done:
            self._end = {"terminated": terminated, "truncated": truncated}
            self._observation = {key: value.copy() for key, value in result.items()}
        return result, float(reward), done, info

    def _read_observation(self, value: Any) -> Observation:
        if self._flat_observation is not None:
            return {"observation": self._flat_observation(value)}
        return to_dict_value(value, self._observation_leaves, self._observation_readers)

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
