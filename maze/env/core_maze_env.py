"""An environment composed of a simulation and its conversions, with events, rewards and indicators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium import spaces

from maze.env.core_env import ActionConversionInterface, CoreEnv, ObservationConversionInterface
from maze.env.maze_env import MazeEnv
from maze.env.readers import make_action_reader, make_observation_reader, wrong_heads
from maze.env.spaces import to_dict_space
from maze.errors import EnvError, InvalidSpecificationError
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
from maze.types import Action, ActorID, Observation, StateDict, StepKey

__all__ = ["CoreMazeEnv"]

CoreEnvT = TypeVar("CoreEnvT", bound=CoreEnv)


class CoreMazeEnv(MazeEnv, Generic[CoreEnvT]):
    """A simulation as agents know it: observations and actions are converted, events become statistics.

    Once an episode has ended, `step` stays there: the same observation, reward 0 and ``done`` until the next `reset`.

    Args:
        core_env: the simulation.
        action_conversion_dict: what actions mean, by step key; here the one key 0.
        observation_conversion_dict: what is seen, by step key; here the one key 0.

    Attributes:
        core_env: as given.
        context: of the simulation.

    Raises:
        InvalidSpecificationError: there are other step keys than 0.
        EnvError: a space is not supported.
    """

    def __init__(
        self,
        core_env: CoreEnvT,
        action_conversion_dict: Mapping[StepKey, ActionConversionInterface],
        observation_conversion_dict: Mapping[StepKey, ObservationConversionInterface],
    ) -> None:
        for name, given in (("action", action_conversion_dict), ("observation", observation_conversion_dict)):
            if list(given) != [0]:
                raise InvalidSpecificationError(
                    f"{name}_conversion_dict: has the step keys {list(given)}; accepted is [0], since environments of "
                    "several steps are not supported yet."
                )
        self.core_env = core_env
        self.context = core_env.context
        self.training = False
        self.action_conversion_dict = dict(action_conversion_dict)
        self.observation_conversion_dict = dict(observation_conversion_dict)
        self._action_conversion = action_conversion_dict[0]
        self._observation_conversion = observation_conversion_dict[0]
        self.observation_space = _dict_space(self._observation_conversion, self._observation_conversion.space())
        self.action_space = _dict_space(self._action_conversion, self._action_conversion.space())
        self._observation_readers = {
            key: make_observation_reader(space, key) for key, space in self.observation_space.spaces.items()
        }
        self._action_readers = {key: make_action_reader(space, key) for key, space in self.action_space.spaces.items()}
        self._base_events = self.context.event_service.create_event_topic(BaseEnvEvents)
        self._kpi_calculator = core_env.get_kpi_calculator()
        self._seed: int | None = None
        self._observation: Observation | None = None
        self._end: dict[str, Any] | None = None
        self._episode = EpisodeStatistics()
        self._last_calls: list[EventCall] = []
        self._last_stats: EpisodeStats = {}
        self._finished: list[EpisodeStats] = []

    def seed(self, seed: int) -> None:
        """Seed the simulation at the next `reset`."""
        self._seed = int(seed)

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        if self._seed is not None:
            self.core_env.seed(self._seed)
        self.context.begin_episode(self._seed)
        self._seed, self._end = None, None
        self._episode.begin()
        maze_state = self.core_env.reset()
        self.context.event_service.clear_events()  # what happens before the first action belongs to no step
        self._observation = self._observe(maze_state)
        return dict(self._observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`.

        Raises:
            EnvError: `reset` was never called, or the action is not in the action space.
        """
        if self._observation is None:
            raise EnvError("step() was called before reset(). Call reset() to begin an episode.")
        if not isinstance(action, Mapping) or action.keys() != self._action_readers.keys():
            raise wrong_heads(action, self._action_readers)
        given = {key: read(action[key]) for key, read in self._action_readers.items()}
        if self._end is not None:
            return {key: value.copy() for key, value in self._observation.items()}, 0.0, True, dict(self._end)
        maze_action = self._action_conversion.space_to_maze(given, self.core_env.get_maze_state())
        maze_state, reward, done, core_info = self.core_env.step(maze_action)
        self.context.step_id += 1
        self._base_events.reward(float(reward))
        flags = _ends(bool(done), core_info)
        if done:
            self._end = flags
            self._tell_kpis(maze_state)
        self._last_calls = self.context.event_service.clear_events()
        self._episode.add_step(self._last_calls)
        if done:
            self._last_stats = self._episode.end()
            told = {key: value for key, value in self._last_stats.items() if key.event != BaseEnvEvents.reward}
            if told:
                self._finished.append(told)
        result = self._observe(maze_state)
        self._observation = {key: value.copy() for key, value in result.items()}
        return result, float(reward), bool(done), {**core_info, **flags}

    def _observe(self, maze_state: Any) -> Observation:
        seen = self._observation_conversion.maze_to_space(maze_state)
        if seen.keys() != self._observation_readers.keys():
            raise EnvError(
                f"{type(self._observation_conversion).__name__}.maze_to_space() gave the keys {sorted(seen)}; its "
                f"space() has {sorted(self._observation_readers)}."
            )
        return {key: read(seen[key]) for key, read in self._observation_readers.items()}

    def _tell_kpis(self, maze_state: Any) -> None:
        if self._kpi_calculator is None:
            return
        so_far = self._episode.events
        so_far.steps.append(list(self.context.event_service.calls))  # the last step's, for the calculator alone
        for name, value in self._kpi_calculator.calculate_kpis(so_far, maze_state).items():
            self._base_events.kpi(name, float(value))
        so_far.steps.pop()

    def noop_action(self) -> Action:
        """Return the action that does nothing, as the action conversion says.

        Raises:
            EnvError: the conversion has none, or it is not in the action space.
        """
        given = self._action_conversion.noop_action()
        if given.keys() != self._action_readers.keys():
            raise wrong_heads(given, self._action_readers)
        return {key: np.asarray(read(given[key])) for key, read in self._action_readers.items()}

    def get_maze_state(self) -> Any:
        """Return the simulation's present state."""
        return self.core_env.get_maze_state()

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

    def actor_id(self) -> ActorID:
        """Return who acts next."""
        return self.core_env.actor_id()

    @property
    def agent_counts_dict(self) -> dict[StepKey, int]:
        """Number of agents by step key."""
        return self.core_env.agent_counts_dict

    def render(self) -> Any:
        """Return the picture of the present state."""
        return self.core_env.render()

    def close(self) -> None:
        """Close the simulation."""
        self.core_env.close()

    def snapshot_state(self) -> StateDict | None:
        """Return everything for an exact continuation; None where the simulation does not say what it depends on."""
        core = self.core_env.state_dict()
        if core is None:
            return None
        return {
            "core": core,
            "generator": self.core_env.generator.bit_generator.state,
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

    def load_snapshot_state(self, state: StateDict) -> None:
        """Continue from what `snapshot_state` returned."""
        self.core_env.generator.bit_generator.state = state["generator"]
        self.core_env.load_state_dict(state["core"])
        self.context.load_state_dict(state["context"])
        self._seed, self._end = state["seed"], state["end"]
        self._observation = {key: np.array(value) for key, value in state["observation"].items()} or None
        events = {event.__qualname__: event for event in self.context.event_service.events}
        self._episode.begin()
        for calls in state["steps"]:
            self._episode.add_step([EventCall(events[name], dict(arguments)) for name, arguments in calls])
        self._finished = [
            {
                LogStatsKey(events[name], output_name, None if group is None else tuple(group)): float(value)
                for name, output_name, group, value in stats
            }
            for stats in state["finished"]
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.core_env).__name__})"


def _dict_space(conversion: object, space: spaces.Space[Any]) -> spaces.Dict:
    if not isinstance(space, spaces.Dict):
        raise EnvError(f"{type(conversion).__name__}.space() is {space}; accepted is a gymnasium Dict space.")
    return to_dict_space(space, "observation")


def _ends(done: bool, info: Mapping[str, Any]) -> dict[str, bool]:
    """Return both flags of a step, of which a simulation may give one, or none where its episodes just end."""
    truncated = done and bool(info.get("truncated", False))
    return {"terminated": done and bool(info.get("terminated", not truncated)), "truncated": truncated}
