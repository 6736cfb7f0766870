"""The vector environment: many environments that take one step together. It is what training and evaluation run on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from maze.env.told_rewards import ToldRewards
from maze.errors import ArtifactError, EnvError
from maze.statistics import EventCall, EventStats
from maze.types import Array, Observation, StateDict

__all__ = ["VectorEnv", "VectorStep"]


@dataclass(slots=True)
class VectorStep:
    """What one step of N environments gave. The arrays are valid until the next step; copy what must last.

    Attributes:
        observation: ``[N, *shape]`` by key; where an episode ended, already the first one of the next episode.
        reward: float32 ``[N]``.
        terminated: bool ``[N]``, the episode reached an end of the task.
        truncated: bool ``[N]``, the episode was cut off, for example by a time limit.
        final_observation: ``[N, *shape]`` by key, the last observation of each ended episode; other rows mean nothing.
            None when no episode ended.
        told_rewards: float32 ``[N]`` by name, where wrappers inside changed rewards: ``original`` as the environments
            paid them, and ``counted`` as evaluations would be paid. None where nothing was changed.
        events: what happened in each environment, [N]; None where nobody asked for it, see `make_vector_env`.
    """

    observation: Observation
    reward: Array
    terminated: Array
    truncated: Array
    final_observation: Observation | None = None
    told_rewards: ToldRewards | None = None
    events: Sequence[Sequence[EventCall]] | None = None


class VectorEnv(ABC):
    """N environments in step, each of which begins its next episode in the very step that ends one.

    Attributes:
        n_envs: number of environments N.
        observation_space: Dict space of one environment's observation.
        action_space: Dict space of one environment's action.
        training: whether wrappers gather statistics of what passes through them.
    """

    n_envs: int
    observation_space: spaces.Dict
    action_space: spaces.Dict
    training: bool = False

    @abstractmethod
    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment.

        Args:
            seeds: one for each environment; None lets every environment go on drawing from its own generator.

        Returns:
            First observations ``[N, *shape]`` by key.
        """

    @abstractmethod
    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment.

        Args:
            action: ``[N, *shape]`` by action head.

        Raises:
            EnvError: `reset` was never called, or an action is not in the action space.
        """

    @abstractmethod
    def seed(self, seeds: Sequence[int]) -> None:
        """Make the episodes from the next begin on reproducible, with one seed for each environment."""

    @abstractmethod
    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments, which stay at the end of their episode until `reset_rows`; for wrappers.

        Args:
            action: ``[N, *shape]`` by action head; those of the other environments must be valid, and mean nothing.
            rows: which environments act, bool ``[N]``; none of them is at the end of its episode.

        Returns:
            The last observation where an episode ended, and no final observations. The other environments keep their
            observation, and have reward 0 and no ends.
        """

    @abstractmethod
    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments.

        Args:
            rows: which environments begin, bool ``[N]``; all of them were seeded before.

        Returns:
            Present observations ``[N, *shape]`` of all environments, by key.
        """

    @property
    @abstractmethod
    def observation(self) -> Observation:
        """The present observations ``[N, *shape]``, as the last `reset`, `step` or `load_state_dict` left them."""

    @property
    def exact_resume(self) -> bool:
        """Whether `load_state_dict` continues to the last bit, rather than with freshly seeded episodes."""
        return not self.begins_anew(self.state_dict())

    @property
    def gathers(self) -> bool:
        """Whether some wrapper may take note of what happens in training, such as statistics to normalise by."""
        return True

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether the environments had no state that could be saved, so that `load_state_dict` starts episodes."""
        del state
        return False

    @abstractmethod
    def state_dict(self) -> StateDict:
        """Return everything that a continuation needs, as arrays, numbers, strings, lists and dictionaries."""

    @abstractmethod
    def load_state_dict(self, state: StateDict) -> None:
        """Continue from what `state_dict` returned; see `begins_anew`.

        Raises:
            ArtifactError: the state belongs to other environments.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free what the environments hold."""

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events since the last call; empty where there are none."""
        return EventStats()

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

    def fetch_statistics(self) -> None:
        """Give the wrappers of this process what their likes in worker processes gathered, before they merge it."""
        inner = getattr(self, "env", None)
        if isinstance(inner, VectorEnv):
            inner.fetch_statistics()

    def spread_statistics(self) -> None:
        """Give the wrappers in worker processes the statistics of those of this process, after they changed."""
        inner = getattr(self, "env", None)
        if isinstance(inner, VectorEnv):
            inner.spread_statistics()

    def heads_of(self, action: Mapping[str, Array]) -> list[tuple[str, Array]]:
        """Return the actions by head; raise an EnvError unless there is one for each environment."""
        heads = [(key, np.asarray(values)) for key, values in action.items()]
        for key, values in heads:
            if values.shape[:1] != (self.n_envs,):
                raise EnvError(f"The actions for {key!r} have shape {values.shape}; expected ({self.n_envs}, ...).")
        return heads

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

    def check_seeds(self, seeds: Sequence[int]) -> None:
        """Raise an EnvError unless there is one seed for each environment."""
        if len(seeds) != self.n_envs:
            raise EnvError(f"{len(seeds)} seeds were given for {self.n_envs} environments; give one for each.")

    def check_state(self, state: StateDict, kind: str) -> None:
        """Raise an ArtifactError unless a state is of this kind and number of environments."""
        given = f"{state.get('n_envs')} environments of kind {state.get('kind')!r}"
        expected = f"{self.n_envs} environments of kind {kind!r}"
        if given != expected:
            raise ArtifactError(f"The state is of {given}; these are {expected}.")
