"""Aggregation of events over episodes and epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from maze.errors import InvalidSpecificationError, suggest
from maze.statistics.event_statistics import Event, LogStats, LogStatsKey, LogStatsLevel, event_statistics
from maze.types import StateDict

__all__ = ["LogStatsAggregator"]


class LogStatsAggregator:
    """Collects values of events and reduces them to the statistics that the events declare for one level.

    Args:
        level: the level of the statistics.

    Attributes:
        level: as given.
        last_stats: what the last `reduce` gave; None before the first one.
    """

    def __init__(self, level: LogStatsLevel) -> None:
        self.level = level
        self.last_stats: LogStats | None = None
        self._values: dict[LogStatsKey, list[float]] = {}
        self._totals: LogStats = {}

    def receive(self, key: LogStatsKey, values: Sequence[float]) -> None:
        """Add values of an event, or of a statistic of the level below.

        Args:
            key: whose values they are; without ``output_name`` those of the event itself.
            values: [E].
        """
        self._values.setdefault(key, []).extend(values)

    def reduce(self) -> LogStats:
        """Reduce everything that was received since the last call, and begin anew.

        Returns:
            The statistics, also kept as ``last_stats``; of an event without values there are none.
        """
        stats: LogStats = {}
        for (event, input_name, group), values in self._values.items():
            for statistic in event_statistics(event, self.level):
                if statistic.input_name != input_name or not values:
                    continue
                key = LogStatsKey(event, statistic.output_name, group)
                stats[key] = float(statistic.reduce(np.asarray(values, dtype=np.float64)))
                if statistic.cumulative:
                    stats[key] = self._totals[key] = self._totals.get(key, 0.0) + stats[key]
        self._values = {}
        self.last_stats = stats
        return stats

    def clear(self) -> None:
        """Forget what was received since the last `reduce`."""
        self._values = {}

    def value(self, event: Event, name: str | None = None) -> float:
        """Return one statistic of the last reduction.

        Args:
            event: for example ``BaseEnvEvents.reward``.
            name: for example ``"mean"``.

        Raises:
            InvalidSpecificationError: there is no such statistic.
        """
        stats: Mapping[LogStatsKey, float] = self.last_stats or {}
        key = LogStatsKey(event, name)
        if key not in stats:
            known = [str(other.output_name) for other in stats if other.event == event]
            raise InvalidSpecificationError(
                f"{event.__qualname__}: there is no {self.level.value} statistic {name!r}; {suggest(name, known)} "
                "Statistics exist once an episode has ended and, for an epoch, after write_epoch_stats()."
            )
        return stats[key]

    def state_dict(self) -> StateDict:
        """Return the sums that go on over epochs, by event and name."""
        return {f"{key.event.__qualname__}/{key.output_name}": total for key, total in self._totals.items()}

    def load_state_dict(self, state: StateDict, events: Sequence[Event]) -> None:
        """Go on from what ``state_dict`` returned.

        Args:
            state: sums by event and name.
            events: the events that may be meant.
        """
        keys = [
            LogStatsKey(event, item.output_name) for event in events for item in event_statistics(event, self.level)
        ]
        names = {f"{key.event.__qualname__}/{key.output_name}": key for key in keys}
        self._totals = {names[name]: float(total) for name, total in state.items() if name in names}
