"""Aggregation of events over steps, episodes and epochs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from maze.config.foreign import ForeignErrors, error_text
from maze.errors import InvalidSpecificationError, MazeError, suggest
from maze.statistics.distribution import Distribution
from maze.statistics.event_statistics import (
    LEVEL_BELOW,
    Event,
    EventStatistic,
    LogStats,
    LogStatsKey,
    LogStatsLevel,
    declared_groups,
    event_name,
    event_statistics,
    statistic_name,
)
from maze.statistics.plots import Plot
from maze.types import Array, StateDict

__all__ = ["LogStatsAggregator"]


class LogStatsAggregator:
    """Collects values of events and reduces them to the statistics that the events declare for one level.

    Args:
        level: the level of the statistics.

    Attributes:
        level: as given.
        last_stats: what the last `reduce` gave; None before the first one.
        last_distributions: how values were spread, of those events that declare it; by key, as ``last_stats``.
        last_plots: figures that were declared, not drawn yet; by key, as ``last_stats``.
    """

    def __init__(self, level: LogStatsLevel) -> None:
        self.level = level
        self.last_stats: LogStats | None = None
        self.last_distributions: dict[LogStatsKey, Distribution] = {}
        self.last_plots: dict[LogStatsKey, Plot] = {}
        self._values: dict[LogStatsKey, list[npt.ArrayLike]] = {}
        self._totals: dict[str, float] = {}

    def receive(self, key: LogStatsKey, values: npt.ArrayLike) -> None:
        """Add values of an event, or of a statistic of the level below.

        Args:
            key: whose values they are; without ``output_name`` those of the event itself.
            values: [E].
        """
        self._values.setdefault(key, []).append(values)

    def receive_all(self, stats: Mapping[LogStatsKey, float | Array]) -> None:
        """Add the statistics of one step or one episode: numbers, each as one value, or arrays of values, [E]."""
        for key, value in stats.items():
            self.receive(key, np.atleast_1d(value))

    def reduce(self) -> LogStats:
        """Reduce everything that was received since the last call, and begin anew.

        Returns:
            The statistics, also kept as ``last_stats``; of an event without values there are none.

        Raises:
            InvalidSpecificationError: a function that was declared fails, or gives no number; the message names it.
        """
        stats: LogStats = {}
        distributions: dict[LogStatsKey, Distribution] = {}
        plots: dict[LogStatsKey, Plot] = {}
        for (event, output_name), groups in self._inputs().items():
            for statistic in event_statistics(event, self.level):
                if statistic.input_name != output_name:
                    continue
                for group, parts in _regrouped(event, statistic, groups, self.level).items():
                    values = np.concatenate(parts)
                    if not len(values):
                        continue
                    key = LogStatsKey(event, statistic.output_name, group)
                    if statistic.is_plot:
                        plots[key] = Plot(values, statistic.reduce, event.__qualname__)
                        continue
                    result = _reduced(event, statistic, values)
                    if isinstance(result, Distribution):
                        distributions[key] = result
                    else:
                        stats[key] = self._counted(key, result, statistic)
        self._values = {}
        self.last_stats, self.last_distributions, self.last_plots = stats, distributions, plots
        return stats

    def _inputs(self) -> dict[tuple[Event, str | None], dict[Hashable, list[Any]]]:
        """Return what was received by event and name, then by group."""
        inputs: dict[tuple[Event, str | None], dict[Hashable, list[Any]]] = {}
        for (event, output_name, group), parts in self._values.items():
            arrays = [np.ravel(np.asarray(part)) for part in parts]
            inputs.setdefault((event, output_name), {})[group] = [part for part in arrays if len(part)]
        return inputs

    def _counted(self, key: LogStatsKey, value: float, statistic: EventStatistic) -> float:
        if not statistic.cumulative:
            return value
        name = statistic_name(key)
        self._totals[name] = self._totals.get(name, 0.0) + value
        return self._totals[name]

    def clear(self) -> None:
        """Forget what was received since the last `reduce`."""
        self._values = {}

    def value(self, event: Event, name: str | None = None, group: Hashable = None) -> float:
        """Return one statistic of the last reduction.

        Args:
            event: for example ``BaseEnvEvents.reward``.
            name: for example ``"mean"``.
            group: which group of events; what they are grouped by, as a tuple or, if it is one value, by itself.

        Raises:
            InvalidSpecificationError: there is no such statistic.
        """
        stats: Mapping[LogStatsKey, float] = self.last_stats or {}
        key = LogStatsKey(event, name, group if group is None or isinstance(group, tuple) else (group,))
        if key in stats:
            return stats[key]
        names = {str(other.output_name): None for other in stats if other.event == event}
        groups = [other.group for other in stats if other.event == event and other.output_name == name]
        if groups:
            raise InvalidSpecificationError(
                f"{event.__qualname__}: there is no group {group!r} of {name!r}; accepted: "
                f"{', '.join(repr(known) for known in groups)}."
            )
        raise InvalidSpecificationError(
            f"{event.__qualname__}: there is no {self.level.value} statistic {name!r}; {suggest(name, list(names))} "
            "Statistics exist once an episode has ended and, for an epoch, after write_epoch_stats()."
        )

    def state_dict(self) -> StateDict:
        """Return the sums that go on over epochs, by name."""
        return dict(self._totals)

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what ``state_dict`` returned."""
        self._totals = {name: float(total) for name, total in state.items()}


def _reduced(event: Event, statistic: EventStatistic, values: Array) -> float | Distribution:
    """Return what a declared function makes of values, [E]; where it fails, say which one, of what."""

    def explained(error: Exception) -> MazeError:
        name = getattr(statistic.reduce, "__name__", repr(statistic.reduce))
        return InvalidSpecificationError(
            f"{event_name(event)}: the {statistic.level.value} statistic {statistic.output_name!r} cannot be made: "
            f"{name}() failed with {error_text(error)}. It was given an array of {len(values)} values "
            f"({values.dtype}); accepted: a function that makes a number of it."
        )

    with ForeignErrors(explained, passes=MazeError):
        result = statistic.reduce(values)
        return result if isinstance(result, Distribution) else float(result)


def _regrouped(
    event: Event, statistic: EventStatistic, groups: Mapping[Hashable, Sequence[Any]], level: LogStatsLevel
) -> Mapping[Hashable, Sequence[Any]]:
    """Return the values by the groups that a statistic keeps apart, those in which there are any."""
    joined: dict[Hashable, list[Any]] = {}
    if statistic.group_by is None:
        return {group: parts for group, parts in groups.items() if parts}
    names = _groups_of(event, statistic.input_name, level)
    unknown = [name for name in statistic.group_by if name not in names]
    if unknown:
        raise InvalidSpecificationError(
            f"{event.__qualname__}: statistic {statistic.output_name!r} is grouped by {unknown}, its values by "
            f"{list(names)}; accepted are those of define_stats_grouping() that the level below keeps apart."
        )
    kept = [names.index(name) for name in statistic.group_by]
    for group, parts in groups.items():
        if parts:
            whole = group if isinstance(group, tuple) else ()
            joined.setdefault(tuple(whole[index] for index in kept) or None, []).extend(parts)
    return joined


def _groups_of(event: Event, input_name: str | None, level: LogStatsLevel) -> tuple[str, ...]:
    """Return the arguments that the values which a statistic takes are grouped by."""
    below = LEVEL_BELOW.get(level)
    while below is not None:
        for statistic in event_statistics(event, below):
            if statistic.output_name == input_name:
                if statistic.group_by is not None:
                    return statistic.group_by
                return _groups_of(event, statistic.input_name, below)
        below = LEVEL_BELOW.get(below)
    return declared_groups(event)
