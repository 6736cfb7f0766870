"""Watching what agents see, do and earn, without slowing them down."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from maze.env.maze_env import MazeEnv
from maze.env.wrappers import Wrapper
from maze.statistics import (
    ActionEvents,
    Event,
    EventCall,
    EventStats,
    LogStatsKey,
    ObservationEvents,
    RewardEvents,
    ValueSample,
)
from maze.types import Action, Array, Observation, StateDict

__all__ = ["MazeEnvMonitoringWrapper"]

_RETURN = LogStatsKey(RewardEvents.reward_original, "sum")
_REWARD = LogStatsKey(RewardEvents.reward_original)


class MazeEnvMonitoringWrapper(Wrapper):
    """Watches observations and actions where it stands among the wrappers, and original rewards, in training.

    Epoch by epoch a run has the mean, spread and extremes of observations and of continuous actions, how often each
    discrete action was taken, and the returns of the rewards as the environment pays them, whichever wrappers inside
    change them for agents. Of very long epochs a sample is kept.
    A single environment tells every one of them as events of its step, in training or not: logs of events have them.

    Args:
        env: the environment inside.
        observation_logging: watch observations.
        action_logging: watch actions.
        reward_logging: watch the environment's own rewards.
    """

    batchable: ClassVar[bool] = True  # step and reset keep what a single environment's events tell, and change nothing

    def __init__(
        self,
        env: MazeEnv,
        observation_logging: bool = True,
        action_logging: bool = True,
        reward_logging: bool = True,
    ) -> None:
        super().__init__(env)
        self.observation_logging = observation_logging
        self.action_logging = action_logging
        self.reward_logging = reward_logging
        self._samples: dict[LogStatsKey, ValueSample] = {}
        self._observations: dict[str, ValueSample] = {}
        self._actions: dict[str, ValueSample] = {}
        self._action_events: dict[str, Event] = {}
        self._rewards = ValueSample()
        if observation_logging:
            for key in env.observation_space.spaces:
                sample_key = LogStatsKey(ObservationEvents.observation, None, (key,))
                self._observations[key] = self._samples[sample_key] = ValueSample()
        if action_logging:
            for head, space in env.action_space.spaces.items():
                continuous = isinstance(space, spaces.Box)
                event = ActionEvents.continuous_action if continuous else ActionEvents.discrete_action
                self._action_events[head] = event
                self._actions[head] = self._samples[LogStatsKey(event, None, (head,))] = ValueSample()
        if reward_logging:
            self._samples[_REWARD] = self._rewards
        self._action: Action | None = None
        self._reward: Array = np.zeros(())  # original, [...], of the step that is going on
        self._return: Array = np.zeros(())  # float64 [...], of the running episodes
        self._returns: list[tuple[int, float]] = []  # row and return of each episode that ended
        self._single_ended = True
        self._seen: Observation = {}
        self._last_step: tuple[Observation, Action, float] | None = None  # seen, done and earned

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        observation = super().reset()
        self._seen, self._last_step = observation, None
        return observation

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        result = super().step(action)
        self._last_step = self._seen, action, result[1]
        self._seen = result[0]
        return result

    def own_step_events(self) -> list[EventCall]:
        """Return what was seen before the last step, done and earned in it, as far as it is watched."""
        if self._last_step is None:
            return []
        seen, action, reward = self._last_step
        told = [(ObservationEvents.observation, key, seen[key]) for key in self._observations]
        told += [(event, head, action[head]) for head, event in self._action_events.items()]
        calls = [EventCall(event, {"name": name, "value": np.array(value)}) for event, name, value in told]
        if self.reward_logging:
            calls.append(EventCall(RewardEvents.reward_original, {"value": reward}))
        return calls

    def gather(self, observation: Observation, rows: Array | None = None) -> None:
        """Watch observations."""
        del rows
        for key, sample in self._observations.items():
            sample.add(observation[key])

    def action(self, action: Action) -> Action:
        """Keep an action in view until it is known which environments it was for."""
        self._action = action
        return action

    def reverse_action(self, action: Action) -> Action:
        """Return the action, which is watched and stays as it is."""
        return action

    def original_reward(self, reward: Array) -> None:
        """Keep the rewards of a step in view until it is known which environments it was for."""
        self._reward = reward

    def episode_start(self, batch_shape: tuple[int, ...]) -> None:
        """Forget unfinished episodes."""
        self._return = np.zeros(batch_shape)
        self._single_ended = False

    def episode_step(self, reward: Array, done: Array) -> None:
        """Watch the actions and rewards of one step."""
        del reward  # as wrappers inside have made it
        if self._single_ended or not self._training:
            return
        if self._action is not None:
            for head, sample in self._actions.items():
                sample.add(np.asarray(self._action[head]))
        if self.reward_logging:
            self._rewards.add(self._reward)
            self._return += self._reward
            if np.count_nonzero(done):
                self._keep_returns(done)
        self._single_ended = done.shape == () and bool(done)

    def _keep_returns(self, done: Array) -> None:
        rows = np.flatnonzero(done)
        self._returns.extend(zip(rows.tolist(), np.atleast_1d(self._return)[rows].tolist(), strict=True))
        self._return[done] = 0.0

    def episode_start_rows(self, rows: Array) -> None:
        """Forget the unfinished episodes of some environments."""
        if self._return.shape != rows.shape:
            self.episode_start(rows.shape)
        self._return[rows] = 0.0

    def episode_step_rows(self, reward: Array, done: Array, rows: Array) -> None:
        """Watch the actions and rewards of one step of some environments."""
        del reward
        if not self._training:
            return
        if self._action is not None:
            for head, sample in self._actions.items():
                sample.add(np.asarray(self._action[head])[rows])
        if self.reward_logging:
            self._rewards.add(self._reward[rows])
            self._return[rows] += self._reward[rows]
            self._keep_returns(done & rows)

    def own_event_stats(self) -> EventStats:
        """Return what was watched since the last call."""
        returns, self._returns = self._returns, []
        stats = EventStats([(row, {_RETURN: value}) for row, value in returns])
        for key, sample in self._samples.items():
            values = sample.drain()
            if values is not None:
                stats.values[key] = [values]
        return stats

    def own_state(self) -> StateDict:
        """Return what was watched since the statistics were asked for last."""
        return {
            "samples": [sample.state_dict() for sample in self._samples.values()],
            "return": self._return.copy(),
            "returns": [list(item) for item in self._returns],
            "single_ended": self._single_ended,
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what was watched."""
        for sample, saved in zip(self._samples.values(), state["samples"], strict=True):
            sample.load_state_dict(saved)
        self._return = np.array(state["return"], dtype=np.float64)
        self._returns = [(int(row), float(value)) for row, value in state["returns"]]
        self._single_ended = bool(state["single_ended"])
