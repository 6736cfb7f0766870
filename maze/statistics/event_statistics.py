"""How events become numbers: an event is a method of an interface, and decorators declare the statistics made of it.

Its name says what happens and its arguments what is known about it; whoever counts needs to know no event by name::

    class ShopEvents(ABC):
        @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
        @define_episode_stats(np.sum, input_name="amount", output_name="sum")
        @define_stats_grouping("product")
        @abstractmethod
        def sold(self, product: str, amount: float) -> None: ...

A statistic takes what the level below calls ``input_name``: a statistic of that name, or else the event's argument of
that name. Without ``input_name`` it takes the statistic without a name, or else the event's only argument besides the
groups.
"""

from __future__ import annotations

import enum
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from maze.errors import InvalidSpecificationError

__all__ = [
    "BaseEnvEvents",
    "Event",
    "EventStatistic",
    "LogStats",
    "LogStatsKey",
    "LogStatsLevel",
    "declared_groups",
    "define_episode_stats",
    "define_epoch_stats",
    "define_stats_grouping",
    "define_step_stats",
    "event_arguments",
    "event_statistics",
    "events_of",
    "input_of",
    "statistic_name",
]

Event: TypeAlias = Callable[..., None]
"""A method of an events interface, for example ``BaseEnvEvents.reward``."""

Decorated = TypeVar("Decorated", bound=Callable[..., None])

_ATTRIBUTE = "__maze_statistics__"
_GROUPING = "__maze_grouping__"


class LogStatsLevel(enum.Enum):
    """How much one number sums up."""

    STEP = "step"
    EPISODE = "episode"
    EPOCH = "epoch"


class LogStatsKey(NamedTuple):
    """Name of one statistic; equal to the plain tuple ``(event, output_name, group)``.

    Attributes:
        event: what happened.
        output_name: which statistic of it, for example ``"mean"``.
        group: which of several groups of such events, the values of the arguments that they are grouped by; None where
            they are not grouped.
    """

    event: Event
    output_name: str | None = None
    group: Hashable = None


LogStats: TypeAlias = dict[LogStatsKey, float]
"""Statistics by key."""

Groups: TypeAlias = str | tuple[str, ...] | None
"""Names of arguments that values are grouped by."""


@dataclass(frozen=True, slots=True)
class EventStatistic:
    """How the values of one level become one number of the next.

    Attributes:
        level: the level of the result.
        reduce: makes a number of an array of values, [E].
        input_name: which statistic of the level below, or which argument of the event, it takes; None takes the
            nameless statistic, or the event's own value.
        output_name: name of the result.
        group_by: arguments that results are told apart by; None keeps the groups as they come.
        cumulative: add up over all reductions instead of beginning anew.
    """

    level: LogStatsLevel
    reduce: Callable[[Any], Any]
    input_name: str | None
    output_name: str | None
    group_by: tuple[str, ...] | None = None
    cumulative: bool = False


def define_step_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic of the events in one step.

    Args:
        reduce_function: makes a number of an array of values, for example ``np.sum`` or ``len``.
        input_name: which argument of the event it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; all that the event is grouped by when None.
        cumulative: add up over steps instead of beginning anew.
    """
    return _declare(LogStatsLevel.STEP, reduce_function, input_name, output_name, group_by, cumulative)


def define_episode_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic of the values that an event had in one episode.

    Args:
        reduce_function: makes a number of an array of values, for example ``np.sum`` or ``len``.
        input_name: which statistic of the steps, or which argument of the event, it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; those of the values when None.
        cumulative: add up over episodes instead of beginning anew.
    """
    return _declare(LogStatsLevel.EPISODE, reduce_function, input_name, output_name, group_by, cumulative)


def define_epoch_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic over the episodes of an epoch.

    Args:
        reduce_function: makes a number of an array with one value for each episode, for example ``np.mean``.
        input_name: which statistic of the episodes it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; those of the values when None.
        cumulative: add up over epochs instead of beginning anew.
    """
    return _declare(LogStatsLevel.EPOCH, reduce_function, input_name, output_name, group_by, cumulative)


def define_stats_grouping(*names: str) -> Callable[[Decorated], Decorated]:
    """Return a decorator that tells events apart by some of their arguments: every group has statistics of its own.

    Args:
        *names: arguments of the event, for example ``"product"``.

    Raises:
        InvalidSpecificationError: the event has no such argument.
    """

    def decorate(event: Decorated) -> Decorated:
        known = event_arguments(event)
        for name in names:
            if name not in known:
                raise InvalidSpecificationError(
                    f"{event.__qualname__}: there is no argument {name!r} to group by; accepted: {', '.join(known)}."
                )
        setattr(event, _GROUPING, names)
        return event

    return decorate


def _declare(
    level: LogStatsLevel,
    reduce_function: Callable[[Any], Any],
    input_name: str | None,
    output_name: str | None,
    group_by: Groups,
    cumulative: bool,
) -> Callable[[Decorated], Decorated]:
    groups = (group_by,) if isinstance(group_by, str) else group_by
    statistic = EventStatistic(level, reduce_function, input_name, output_name, groups, cumulative)

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


def declared_groups(event: Event) -> tuple[str, ...]:
    """Return the arguments that an event is grouped by."""
    groups: tuple[str, ...] = getattr(event, _GROUPING, ())
    return groups


@cache
def event_arguments(event: Event) -> tuple[str, ...]:
    """Return the names of an event's arguments."""
    return tuple(name for name in inspect.signature(event).parameters if name != "self")


def events_of(interface: type) -> dict[str, Event]:
    """Return the events of an interface by name: its public methods, inherited ones included.

    Args:
        interface: a class whose methods are events, such as `BaseEnvEvents`.
    """
    members = inspect.getmembers(interface, inspect.isfunction)
    return {name: member for name, member in members if not name.startswith("_")}


def input_of(event: Event, arguments: Mapping[str, Any], name: str | None) -> Any:
    """Return the value of one event that a statistic with this ``input_name`` takes.

    Args:
        event: a method of an events interface.
        arguments: by name.
        name: of an argument; None takes the only one besides the groups.

    Raises:
        InvalidSpecificationError: there is no such argument, or there is more than one to choose from.
    """
    if name is not None and name in arguments:
        return arguments[name]
    candidates = [argument for argument in arguments if argument not in declared_groups(event)]
    if name is None and len(candidates) == 1:
        return arguments[candidates[0]]
    if name is None and not candidates:
        return 1.0
    raise InvalidSpecificationError(
        f"{event.__qualname__}: a statistic takes input_name={name!r}; accepted is one of its arguments: "
        f"{', '.join(candidates) or 'none'}, or a statistic of the level below."
    )


def statistic_name(key: LogStatsKey) -> str:
    """Return the name under which a statistic is written, for example ``"BaseEnvEvents/reward/mean"``.

    Args:
        key: of the statistic.
    """
    interface, _, event = key.event.__qualname__.rpartition(".")
    group = () if key.group is None else key.group if isinstance(key.group, tuple) else (key.group,)
    parts = (interface.rpartition(".")[2], event, key.output_name, *group)
    return "/".join(str(part) for part in parts if part is not None)


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

    @define_epoch_stats(np.mean, input_name="value", output_name="mean")
    @define_epoch_stats(np.std, input_name="value", output_name="std")
    @define_epoch_stats(np.min, input_name="value", output_name="min")
    @define_epoch_stats(np.max, input_name="value", output_name="max")
    @define_episode_stats(np.mean, input_name="value", output_name="value")
    @define_stats_grouping("name")
    @abstractmethod
    def kpi(self, name: str, value: float) -> None:
        """Tell one key performance indicator of an episode, at its end."""
