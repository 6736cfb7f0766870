"""What environments have in common that know their time and what happens in them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.context import EnvironmentContext
from maze.errors import EnvError
from maze.statistics import (
    BaseEnvEvents,
    EpisodeStatistics,
    EpisodeStats,
    EventCall,
    EventStats,
    LogStats,
    LogStatsKey,
    step_statistics,
)
from maze.types import Action, Observation, StateDict, StepKey

__all__ = ["ContextEnv"]


class ContextEnv(MazeEnv):
    """An environment with a context: the base of `GymMazeEnv` and `CoreMazeEnv`.

    Whoever makes a topic of ``context.event_service``, a wrapper for example, has its events counted by step, episode
    and epoch.

    Args:
        context: is told of every episode and step.

    Attributes:
        context: as given.
    """

    def __init__(self, context: EnvironmentContext) -> None:
        self.context = context
        self.training = False
        self._seed: int | None = None
        self._observation: Observation | None = None
        self._end: dict[str, Any] | None = None
        self._episode = EpisodeStatistics()
        self._last_calls: list[EventCall] = []
        self._last_stats: EpisodeStats = {}
        self._finished: list[EpisodeStats] = []

    def seed(self, seed: int) -> None:
        """Make the episodes from the next `reset` on reproducible."""
        self._seed = int(seed)

    def get_env_time(self) -> int:
        """Return how many steps of the running episode were done."""
        return self.context.step_id

    def get_episode_id(self) -> str:
        """Return the name of the running episode; the same seed gives the same names again."""
        return self.context.episode_id

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Convert a state and an action of the simulation, or the engine; see the method of `MazeEnv`."""
        del first_step_in_episode  # nothing is remembered here
        observations: dict[StepKey, Observation] | None = None if maze_state is None else {0: self._observe(maze_state)}
        actions: dict[StepKey, Action] | None = None if maze_action is None else {0: self._turn_back(maze_action)}
        return observations, actions

    @abstractmethod
    def _observe(self, maze_state: Any) -> Observation:
        """Return what is seen of a state."""

    @abstractmethod
    def _turn_back(self, maze_action: Any) -> Action:
        """Return the agent's action that means this."""

    def get_step_events(self) -> list[EventCall]:
        """Return what happened in the last step."""
        return list(self._last_calls)

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, the statistics of the episodes that ended since the last call; rewards apart."""
        finished, self._finished = self._finished, []
        return EventStats([(0, stats) for stats in finished])

    def last_episode_stats(self) -> EpisodeStats:
        """Return what the events of the episode that ended last tell; see `MazeEnv.last_episode_stats`."""
        return dict(self._last_stats)

    def last_step_stats(self) -> LogStats:
        """Return the statistics of the events of the last step."""
        return step_statistics(self._last_calls)

    def _begin_episode(self) -> int | None:
        """Begin an episode, for events as well, and return the seed to begin it with, if it was given one."""
        seed, self._seed, self._end = self._seed, None, None
        self.context.begin_episode(seed)
        self._episode.begin()
        return seed

    def _keep_events(self, *, done: bool) -> None:
        """Take the events of a step that was done, and make statistics of them where the episode has ended."""
        self._last_calls = self.context.event_service.clear_events()
        self._episode.add_step(self._last_calls)
        if not done:
            return
        self._last_stats = self._episode.end()
        told = {key: value for key, value in self._last_stats.items() if key.event != BaseEnvEvents.reward}
        if told:
            self._finished.append(told)

    def _stay(self) -> tuple[Observation, float, bool, dict[str, Any]] | None:
        """Return the step of an episode that has ended; None where it goes on."""
        if self._end is None or self._observation is None:
            return None
        return {key: value.copy() for key, value in self._observation.items()}, 0.0, True, dict(self._end)

    def _check_begun(self, method: str) -> None:
        if self._observation is None:
            raise EnvError(f"{method}() was called before reset(). Call reset() to begin an episode.")

    def layer_state(self) -> StateDict:
        """Return the course of the episode and its events; see `MazeEnv.layer_state`."""
        return {
            "context": self.context.state_dict(),
            "seed": self._seed,
            "observation": {key: value.copy() for key, value in (self._observation or {}).items()},
            "end": self._end,
            "steps": [
                [[call.event.__qualname__, dict(call.arguments)] for call in calls]
                for calls in self._episode.events.steps
            ],
            "finished": [
                [[key.event.__qualname__, key.output_name, key.group, value] for key, value in stats.items()]
                for stats in self._finished
            ],
        }

    def load_layer_state(self, state: StateDict) -> None:
        """Take over what `layer_state` returned."""
        self.context.load_state_dict(state["context"])
        self._seed, self._end = state["seed"], state["end"]
        self._observation = {key: np.array(value) for key, value in state["observation"].items()} or None
        events = {event.__qualname__: event for event in self.context.event_service.events}
        self._episode.begin()
        for calls in state["steps"]:
            self._episode.add_step([EventCall(events[name], dict(arguments)) for name, arguments in calls])
        self._last_calls = (self._episode.events.steps or [[]])[-1]
        self._finished = [
            {
                LogStatsKey(events[name], output_name, None if group is None else tuple(group)): value
                for name, output_name, group, value in stats
            }
            for stats in state["finished"]
        ]
