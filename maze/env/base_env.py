"""The interface of a single environment: `MazeEnv`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from types import TracebackType
from typing import Any, TypeAlias

from gymnasium import spaces

from maze.env.snapshot import restore_snapshot, snapshot_or_error
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.statistics import EpisodeStats, EventCall, EventStats, KpiCalculator, LogStats
from maze.types import Action, ActorID, Array, Observation, StateDict, StepKey

__all__ = ["MazeEnv", "RecordedStep"]

RecordedStep: TypeAlias = tuple[dict[StepKey, Observation] | None, dict[StepKey, Action] | None]
"""What an agent saw and did in a step, each by step key, as far as it is known."""


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

    def is_actor_done(self) -> bool:
        """Tell whether the agent that acts next has ended before the episode has; here never."""
        return False

    def get_actor_rewards(self) -> Array | None:
        """Return the rewards of the last step by agent; None, as here, where `step` returned that of the one agent."""
        return None

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

    def get_maze_state(self) -> Any:
        """Return the present state, as the simulation inside shows it.

        Raises:
            EnvError: the environment does not say.
        """
        raise _unsaid(self, "get_maze_state")

    def get_env_time(self) -> int:
        """Return how many steps of the running episode were done.

        Raises:
            EnvError: the environment does not say.
        """
        raise _unsaid(self, "get_env_time")

    def get_episode_id(self) -> str:
        """Return the name of the running episode; the same seed gives the same names again.

        Raises:
            EnvError: the environment does not say.
        """
        raise _unsaid(self, "get_episode_id")

    def get_renderer(self) -> Any:
        """Return an object with a method ``render(maze_state)``; None where the environment draws by itself alone."""
        return None

    def get_serializable_components(self) -> dict[str, Any]:
        """Return the parts that make up the state, by name; none where the environment does not tell them."""
        return {}

    def get_kpi_calculator(self) -> KpiCalculator | None:
        """Return what judges an episode at its end, or None."""
        return None

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Return what an agent would have seen and done in a recorded step, for example to imitate it.

        Args:
            maze_state: of the step, as `get_maze_state` of this environment tells it; None gives no observation.
            maze_action: what was done in it, in the words of the simulation; None gives no action.
            first_step_in_episode: whether the episode began in this state. The steps of an episode come in their order,
                without gaps: some wrappers remember the last ones.

        Returns:
            Observation and action, each by step key; here the one key 0.

        Raises:
            EnvError: the environment, or a wrapper around it, does not say.
        """
        del maze_state, maze_action, first_step_in_episode
        raise _unsaid(self, "get_observation_and_action_dicts")

    def layer_state(self) -> StateDict | None:
        """Return what changes in this environment, without what is inside it; None leaves that to its attributes.

        Raises:
            NoSnapshotError: some of it cannot be saved.
        """
        return None

    def load_layer_state(self, state: StateDict) -> None:  # noqa: B027 - never called unless `layer_state` says something
        """Take over what `layer_state` returned."""

    def snapshot_state(self) -> StateDict:
        """Return everything that the future of this environment and of its wrappers depends on, as plain values.

        Raises:
            NoSnapshotError: some of it cannot be saved, such as the state of a physics engine.
        """
        return snapshot_or_error(self)

    def load_snapshot_state(self, state: StateDict) -> None:
        """Continue from what `snapshot_state` of an equal environment returned; may be called again and again.

        Raises:
            ArtifactError: the environment consists of other parts.
        """
        restore_snapshot(self, deepcopy(state))

    def clone_from(self, env: MazeEnv) -> None:
        """Continue from where an equal environment is: the same actions lead to the same steps in both from here on.

        Args:
            env: has the same wrappers, and stays as it is.

        Raises:
            NoSnapshotError: its state cannot be copied, such as that of a physics engine.
            ArtifactError: it consists of other parts.
        """
        if not isinstance(env, MazeEnv):
            raise InvalidSpecificationError(f"env: {env!r} cannot be cloned; give a MazeEnv with the same wrappers.")
        restore_snapshot(self, snapshot_or_error(env))

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events since the last call; empty where there are none."""
        return EventStats()

    def last_episode_stats(self) -> EpisodeStats:
        """Return what the events of the episode that ended last tell: statistics, and arrays of values, [E]."""
        return {}

    def get_step_events(self) -> list[EventCall]:
        """Return what happened in the last step, in the order in which it did; empty where nothing is told."""
        return []

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


def _unsaid(env: MazeEnv, method: str) -> EnvError:
    return EnvError(f"{type(env).__name__} has no {method}(); write one, or use a GymMazeEnv or a CoreMazeEnv.")
