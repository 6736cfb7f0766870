"""Returns and lengths of episodes, kept by a wrapper around the environment that they happen in."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.wrappers import Wrapper
from maze.errors import EnvError, InvalidSpecificationError, suggest
from maze.statistics import (
    BaseEnvEvents,
    ConsoleWriter,
    Event,
    EventCall,
    LogStatsAggregator,
    LogStatsKey,
    LogStatsLevel,
    LogStatsWriter,
    StatsValue,
    statistic_name,
)
from maze.statistics.event_statistics import event_name as name_of_event
from maze.types import Array, StateDict

__all__ = ["LogStatsWrapper"]

_RETURN = LogStatsKey(BaseEnvEvents.reward, "sum")
_LENGTH = LogStatsKey(BaseEnvEvents.reward, "count")
_OWN = (_RETURN, _LENGTH)


class LogStatsWrapper(Wrapper):
    """Keeps the return and the length of every finished episode, and makes statistics of them, epoch by epoch.

    Returns are of the rewards where it stands, be it inside or outside of wrappers that change them.
    Nothing leaves the wrapper by itself: ``write_epoch_stats()`` ends an epoch, ``get_stats(LogStatsLevel.EPOCH)`` has
    its statistics. So several environments, or several runs in one process, never count each other's episodes.

    Args:
        env: the environment inside.
        logging_prefix: name of the group in which a report shows these statistics, for example ``"eval"``.

    Attributes:
        logging_prefix: as given.
        episode_returns: undiscounted return of each finished episode since the last `clear_statistics`.
        episode_lengths: number of steps of each of them.
    """

    def __init__(self, env: MazeEnv, logging_prefix: str | None = None) -> None:
        super().__init__(env)
        self.logging_prefix = logging_prefix
        self.episode_returns: list[float] = []
        self.episode_lengths: list[int] = []
        self._running_return: Array = np.zeros(())  # float64 [...]
        self._running_length: Array = np.zeros((), dtype=np.int64)  # [...]
        self._single_ended = True
        self._last_reward: float | None = None  # of a single environment, once it has stepped
        self._epoch_start = 0  # episodes before this one belong to epochs that were written
        self._stats = {level: LogStatsAggregator(level) for level in LogStatsLevel}

    def episode_start(self, batch_shape: tuple[int, ...]) -> None:
        """Forget unfinished episodes."""
        self._running_return = np.zeros(batch_shape)
        self._running_length = np.zeros(batch_shape, dtype=np.int64)
        self._single_ended, self._last_reward = False, None

    def episode_step(self, reward: Array, done: Array) -> None:
        """Add one step to the running episodes and keep those that ended."""
        if self._single_ended:  # a single environment stays at its end until it is reset
            return
        self._running_return += reward
        self._running_length += 1
        if done.shape == ():
            self._last_reward = float(reward)
        if not np.count_nonzero(done):
            return
        self.episode_returns.extend(self._running_return[done].tolist())
        self.episode_lengths.extend(self._running_length[done].tolist())
        self._running_return[done] = 0.0
        self._running_length[done] = 0
        self._single_ended = done.shape == ()
        self._write_episode_stats()

    def episode_start_rows(self, rows: Array) -> None:
        """Forget the unfinished episodes of some environments."""
        if self._running_return.shape != rows.shape:
            self.episode_start(rows.shape)
        self._running_return[rows] = 0.0
        self._running_length[rows] = 0

    def episode_step_rows(self, reward: Array, done: Array, rows: Array) -> None:
        """Add one step to some of the running episodes and keep those that ended."""
        lengths = self._running_length[~rows]
        self.episode_step(np.where(rows, reward, 0.0), done & rows)
        self._running_length[~rows] = lengths

    def last_episode_statistics(self) -> dict[str, float]:
        """Return the ``"return"`` and ``"length"`` of the episode that ended last.

        Raises:
            EnvError: no episode has ended yet.
        """
        if not self.episode_returns:
            raise EnvError("No episode has ended yet, so there are no statistics of it. Step until done is true.")
        return {"return": self.episode_returns[-1], "length": self.episode_lengths[-1]}

    def clear_statistics(self) -> None:
        """Forget all finished episodes."""
        self.episode_returns.clear()
        self.episode_lengths.clear()
        self._epoch_start = 0

    def get_stats(self, level: LogStatsLevel) -> LogStatsAggregator:
        """Return the statistics of one level, whose ``last_stats`` go on being replaced by newer ones.

        Args:
            level: ``STEP``: of the events of the last step, as of now. ``EPISODE``: of the episode that ended last.
                ``EPOCH``: of all episodes between the last two calls of `write_epoch_stats`.

        Raises:
            InvalidSpecificationError: there is no such level.
        """
        if level not in self._stats:
            raise InvalidSpecificationError(
                f"level: {level!r} is not accepted; accepted: {', '.join(str(known) for known in LogStatsLevel)}."
            )
        if level is LogStatsLevel.STEP:
            self._stats[level].last_stats = self.env.last_step_stats()
        return self._stats[level]

    def get_stats_value(
        self, event: Event, level: LogStatsLevel, name: str | None = None, group: Hashable = None
    ) -> float:
        """Return one number of `get_stats`, for example ``(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "mean")``.

        Args:
            event: what happened.
            level: how much the number sums up.
            name: which statistic of the event.
            group: which group of events, for example the name of a KPI.

        Raises:
            InvalidSpecificationError: there is no such level or statistic.
        """
        return self.get_stats(level).value(event, name, group)

    def get_last_step_events(self, query: Event | Iterable[Event] | None = None) -> list[EventCall]:
        """Return everything that happened in the last step of a single environment, in the order in which it did.

        The environment's own events and those of wrappers inside come first; where none of them is the reward, the one
        that this wrapper saw ends the list. It is empty before the first step of an episode.

        Args:
            query: an event, or several, to be told of alone, for example ``BaseEnvEvents.reward``; None for all.
        """
        if self._last_reward is None:
            return []
        calls = self.get_step_events()
        if all(call.event != BaseEnvEvents.reward for call in calls):
            calls.append(EventCall(BaseEnvEvents.reward, {"value": self._last_reward}))
        if query is None:
            return calls
        wanted = [query] if callable(query) else list(query)
        return [call for call in calls if call.event in wanted]

    def render_stats(
        self,
        event_name: str | None = None,
        level: LogStatsLevel | None = None,
        writer: LogStatsWriter | None = None,
    ) -> None:
        """Print statistics as a table, on standard error.

        Args:
            event_name: those of one event alone, for example ``"BaseEnvEvents.reward"``; None for all.
            level: as for `get_stats`; None for the last epoch that was written, or else the last episode.
            writer: gets them instead of the console.

        Raises:
            InvalidSpecificationError: there are no statistics of such an event.
            EnvError: there are none at all: no episode has ended yet.
        """
        if level is None:
            level = (
                LogStatsLevel.EPISODE if self._stats[LogStatsLevel.EPOCH].last_stats is None else LogStatsLevel.EPOCH
            )
        told = _told(self.get_stats(level))
        if not told:
            raise EnvError(
                f"There are no {level.value} statistics to show: those of steps come from define_step_stats(), others "
                "once an episode has ended."
            )
        known = {name_of_event(key.event) for key in told}
        if event_name is not None and event_name not in known:
            raise InvalidSpecificationError(
                f"event_name: {event_name!r} has no {level.value} statistics; {suggest(event_name, known)}"
            )
        shown = {
            statistic_name(key): value for key, value in told.items() if event_name in (None, name_of_event(key.event))
        }
        n_steps = sum(self.episode_lengths) + int(np.sum(self._running_length))
        (writer or ConsoleWriter()).write(self.logging_prefix or "env", shown, step=n_steps)

    def write_epoch_stats(self, writer: LogStatsWriter | None = None, step: int = 0) -> None:
        """End an epoch: make its statistics of the episodes that ended since the last call.

        Args:
            writer: gets them, below `logging_prefix`; None leaves them to `get_stats`.
            step: of the run, for the writer.
        """
        epoch = self._stats[LogStatsLevel.EPOCH]
        epoch.receive(_RETURN, self.episode_returns[self._epoch_start :])
        epoch.receive(_LENGTH, self.episode_lengths[self._epoch_start :])
        epoch.reduce()
        self._epoch_start = len(self.episode_returns)
        if writer is not None:
            path = self.logging_prefix or "env"
            writer.write(path, {statistic_name(key): value for key, value in _told(epoch).items()}, step=step)
            if epoch.last_plots:
                plots = {statistic_name(key): plot for key, plot in epoch.last_plots.items()}
                writer.write_plots(path, plots, step=step)

    def clear_epoch_stats(self) -> None:
        """Leave the episodes that ended since the last `write_epoch_stats` out of the next one."""
        self._epoch_start = len(self.episode_returns)
        self._stats[LogStatsLevel.EPOCH].clear()

    def _write_episode_stats(self) -> None:
        """Keep the statistics of the last episode; a wrapper sees its rewards as sum and number."""
        stats = {_RETURN: self.episode_returns[-1], _LENGTH: float(self.episode_lengths[-1])}
        if self._single_ended:  # a batch is told of events by its vector environment
            told = {key: value for key, value in self.env.last_episode_stats().items() if key not in _OWN}
            self._stats[LogStatsLevel.EPOCH].receive_all(told)
            numbers = {key: value for key, value in told.items() if isinstance(value, float)}
            stats = {**{key: value for key, value in numbers.items() if key.event != BaseEnvEvents.reward}, **stats}
        self._stats[LogStatsLevel.EPISODE].last_stats = stats

    def own_state(self) -> StateDict:
        """Return the finished and the running episodes."""
        return {
            "episode_returns": list(self.episode_returns),
            "episode_lengths": list(self.episode_lengths),
            "running_return": self._running_return.copy(),
            "running_length": self._running_length.copy(),
            "single_ended": self._single_ended,
            "epoch_start": self._epoch_start,
            "epoch_totals": self._stats[LogStatsLevel.EPOCH].state_dict(),
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over finished and running episodes."""
        self.episode_returns = [float(value) for value in state["episode_returns"]]
        self.episode_lengths = [int(value) for value in state["episode_lengths"]]
        self._running_return = np.array(state["running_return"], dtype=np.float64)
        self._running_length = np.array(state["running_length"], dtype=np.int64)
        self._single_ended = bool(state["single_ended"])
        self._epoch_start = int(state["epoch_start"])
        self._stats[LogStatsLevel.EPOCH].load_state_dict(state["epoch_totals"])


def _told(stats: LogStatsAggregator) -> dict[LogStatsKey, StatsValue]:
    """Return the numbers and distributions of the last reduction."""
    return {**(stats.last_stats or {}), **stats.last_distributions}
