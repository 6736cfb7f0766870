"""From events to the statistics of episodes and epochs, for one environment or many side by side.

Environments and wrappers keep what happened cheaply; statistics are made once an episode or once an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from maze.statistics.distribution import Distribution
from maze.statistics.event_statistics import (
    LEVEL_BELOW,
    EpisodeStats,
    Event,
    LogStats,
    LogStatsKey,
    LogStatsLevel,
    event_statistics,
    input_of,
    statistic_name,
)
from maze.statistics.events import EpisodeEvents, EventCall
from maze.statistics.log_stats import LogStatsAggregator
from maze.statistics.plots import Plot
from maze.types import Array, StateDict

__all__ = ["EpisodeStatistics", "EpochStatistics", "EventStats", "step_statistics"]


@dataclass(slots=True)
class EventStats:
    """What environments have to tell of the time since they were last asked.

    Attributes:
        episodes: what every episode that ended tells, with the environment, in the order of their ends there.
        values: values of events that are not counted by episode, [E], by key.
    """

    episodes: list[tuple[int, EpisodeStats]] = field(default_factory=list)
    values: dict[LogStatsKey, list[Array]] = field(default_factory=dict)

    def add(self, other: EventStats, row: int | None = None) -> None:
        """Add what other environments have to tell.

        Args:
            other: is not used afterwards.
            row: number of the environment, if it is a single one.
        """
        self.episodes.extend((own if row is None else row, stats) for own, stats in other.episodes)
        for key, parts in other.values.items():
            self.values.setdefault(key, []).extend(parts)

    def first_of_each(self) -> dict[int, EpisodeStats]:
        """Return what the first episode that ended in each environment tells."""
        first: dict[int, EpisodeStats] = {}
        for row, stats in self.episodes:
            first.setdefault(row, stats)
        return first


def step_statistics(calls: Iterable[EventCall]) -> LogStats:
    """Return the statistics of one step, of the events that declare any.

    Args:
        calls: the events of the step.
    """
    aggregator = LogStatsAggregator(LogStatsLevel.STEP)
    _receive(aggregator, calls)
    return aggregator.reduce()


class EpisodeStatistics:
    """Keeps the events of the episodes of one environment, and makes statistics of each when it ends."""

    def __init__(self) -> None:
        self.events = EpisodeEvents()

    def begin(self) -> None:
        """Begin an episode; one that did not end is forgotten."""
        self.events = EpisodeEvents()

    def add_step(self, calls: Sequence[EventCall]) -> None:
        """Keep the events of one step."""
        self.events.steps.append(list(calls))

    def end(self) -> EpisodeStats:
        """Return the statistics of the episode, and the values of its events that statistics of epochs take."""
        aggregator = LogStatsAggregator(LogStatsLevel.EPISODE)
        for calls in self.events.steps:
            _receive(aggregator, calls)
            aggregator.receive_all(step_statistics(calls))
        return {**aggregator.reduce(), **self._values_for_epochs()}

    def _values_for_epochs(self) -> dict[LogStatsKey, Array]:
        values: dict[LogStatsKey, list[Array]] = {}
        for calls in self.events.steps:
            for call in calls:
                for name in _own_inputs(call.event, LogStatsLevel.EPOCH):
                    value = np.ravel(np.asarray(input_of(call.event, call.arguments, name)))
                    values.setdefault(LogStatsKey(call.event, name, call.group), []).append(value)
        return {key: np.concatenate(parts) for key, parts in values.items()}


class EpochStatistics:
    """Makes statistics of what environments have to tell, epoch by epoch; what is cumulative goes on.

    Attributes:
        distributions: how values were spread in the last epoch, by name.
        plots: figures of the last epoch, not drawn yet, by name.
    """

    def __init__(self) -> None:
        self._aggregator = LogStatsAggregator(LogStatsLevel.EPOCH)
        self.distributions: dict[str, Distribution] = {}
        self.plots: dict[str, Plot] = {}

    def reduce(self, stats: EventStats) -> dict[str, float]:
        """Return the statistics of an epoch by name, for example ``"BaseEnvEvents/kpi/mean/fill_rate"``."""
        for _, episode in stats.episodes:
            self._aggregator.receive_all(episode)
        for key, parts in stats.values.items():
            self._aggregator.receive(key, np.concatenate([np.ravel(part) for part in parts]))
        numbers = self._aggregator.reduce()
        spread = self._aggregator.last_distributions
        self.distributions = {statistic_name(key): value for key, value in spread.items()}
        self.plots = {statistic_name(key): plot for key, plot in self._aggregator.last_plots.items()}
        return {statistic_name(key): value for key, value in numbers.items()}

    def state_dict(self) -> StateDict:
        """Return what goes on over epochs."""
        return self._aggregator.state_dict()

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what ``state_dict`` returned."""
        self._aggregator.load_state_dict(state)


def _receive(aggregator: LogStatsAggregator, calls: Iterable[EventCall]) -> None:
    """Hand the events' own values to an aggregator, as far as its statistics take them."""
    for call in calls:
        for name in _own_inputs(call.event, aggregator.level):
            key = LogStatsKey(call.event, name, call.group)
            aggregator.receive(key, [input_of(call.event, call.arguments, name)])


@cache
def _own_inputs(event: Event, level: LogStatsLevel) -> frozenset[str | None]:
    """Return what the statistics of a level take of the event itself, rather than of the level below."""
    names = frozenset(statistic.input_name for statistic in event_statistics(event, level))
    below = LEVEL_BELOW.get(level)
    if below is None:
        return names
    return names - {statistic.output_name for statistic in event_statistics(event, below)}
