"""How events become numbers: an event is a method of an interface, and decorators declare the statistics made of it.

Its name says what happens and its argument what is known about it; whoever counts needs to know no event by name::

    class ShopEvents(ABC):
        @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
        @define_episode_stats(np.sum, output_name="sum")
        @abstractmethod
        def sold(self, value: float) -> None: ...
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

__all__ = [
    "BaseEnvEvents",
    "Event",
    "EventStatistic",
    "LogStats",
    "LogStatsKey",
    "LogStatsLevel",
    "define_episode_stats",
    "define_epoch_stats",
    "event_statistics",
]

Event: TypeAlias = Callable[..., None]
"""A method of an events interface, for example ``BaseEnvEvents.reward``."""

Decorated = TypeVar("Decorated", bound=Callable[..., None])

_ATTRIBUTE = "__maze_statistics__"


class LogStatsLevel(enum.Enum):
    """How much one number sums up."""

    EPISODE = "episode"
    EPOCH = "epoch"


class LogStatsKey(NamedTuple):
    """Name of one statistic; equal to the plain tuple ``(event, output_name, group)``.

    Attributes:
        event: what happened.
        output_name: which statistic of it, for example ``"mean"``.
        group: which of several groups of such events; None where they are not grouped.
    """

    event: Event
    output_name: str | None = None
    group: Hashable = None


LogStats: TypeAlias = dict[LogStatsKey, float]
"""Statistics by key."""


@dataclass(frozen=True, slots=True)
class EventStatistic:
    """How the values of one level become one number of the next.

    Attributes:
        level: the level of the result.
        reduce: makes a number of an array of numbers, [E].
        input_name: which statistic of the level below it takes; None takes the event's own values.
        output_name: name of the result.
        cumulative: add up over all reductions instead of beginning anew.
    """

    level: LogStatsLevel
    reduce: Callable[[Any], Any]
    input_name: str | None
    output_name: str | None
    cumulative: bool = False


def define_episode_stats(
    reduce_function: Callable[[Any], Any], *, output_name: str | None = None
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic of the values that an event had in one episode.

    Args:
        reduce_function: makes a number of an array of values, for example ``np.sum`` or ``len``.
        output_name: name of the statistic.
    """
    return _declare(EventStatistic(LogStatsLevel.EPISODE, reduce_function, None, output_name))


def define_epoch_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic over the episodes of an epoch.

    Args:
        reduce_function: makes a number of an array with one value for each episode, for example ``np.mean``.
        input_name: which statistic of the episodes it takes.
        output_name: name of the statistic.
        cumulative: add up over epochs instead of beginning anew.
    """
    return _declare(EventStatistic(LogStatsLevel.EPOCH, reduce_function, input_name, output_name, cumulative))


def _declare(statistic: EventStatistic) -> Callable[[Decorated], Decorated]:
    def decorate(event: Decorated) -> Decorated:
        setattr(event, _ATTRIBUTE, (statistic, *getattr(event, _ATTRIBUTE, ())))
        return event

    return decorate


def event_statistics(event: Event, level: LogStatsLevel) -> tuple[EventStatistic, ...]:
    """Return the statistics that were declared for an event, in the order in which they are written above it.

    Args:
        event: a method of an events interface.
        level: the level of the results.
    """
    return tuple(statistic for statistic in getattr(event, _ATTRIBUTE, ()) if statistic.level is level)


class BaseEnvEvents(ABC):
    """What happens in every environment."""

    @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
    @define_epoch_stats(np.std, input_name="sum", output_name="std")
    @define_epoch_stats(np.min, input_name="sum", output_name="min")
    @define_epoch_stats(np.max, input_name="sum", output_name="max")
    @define_epoch_stats(np.mean, input_name="count", output_name="mean_step_count")
    @define_epoch_stats(np.median, input_name="count", output_name="median_step_count")
    @define_epoch_stats(np.sum, input_name="count", output_name="total_step_count")
    @define_epoch_stats(len, input_name="count", output_name="episode_count")
    @define_epoch_stats(len, input_name="count", output_name="total_episode_count", cumulative=True)
    @define_episode_stats(np.sum, output_name="sum")
    @define_episode_stats(len, output_name="count")
    @abstractmethod
    def reward(self, value: float) -> None:
        """Tell the reward of one step."""
