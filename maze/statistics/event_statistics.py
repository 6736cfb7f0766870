"""What is declared about events, and the names of the statistics that are made of them.

An event is a method of an interface; the decorators in ``maze.statistics.event_decorators`` declare its statistics.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from maze.errors import InvalidSpecificationError
from maze.types import Array

__all__ = [
    "LEVEL_BELOW",
    "EpisodeStats",
    "Event",
    "EventStatistic",
    "Groups",
    "LogStats",
    "LogStatsKey",
    "LogStatsLevel",
    "declare_groups",
    "declare_statistic",
    "declared_groups",
    "event_arguments",
    "event_name",
    "event_statistics",
    "events_of",
    "input_of",
    "kinds_of_events",
    "statistic_name",
]

Event: TypeAlias = Callable[..., None]
"""A method of an events interface, for example ``BaseEnvEvents.reward``."""

_ATTRIBUTE = "__maze_statistics__"
_GROUPING = "__maze_grouping__"


class LogStatsLevel(enum.Enum):
    """How much one number sums up."""

    STEP = "step"
    EPISODE = "episode"
    EPOCH = "epoch"


LEVEL_BELOW = {LogStatsLevel.EPOCH: LogStatsLevel.EPISODE, LogStatsLevel.EPISODE: LogStatsLevel.STEP}
"""Where statistics of a level take theirs from."""


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

EpisodeStats: TypeAlias = dict[LogStatsKey, float | Array]
"""What one episode tells: statistics, and arguments of its events, [E], that statistics of epochs take as they are."""

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
        is_plot: ``reduce`` draws a figure of the values, which is done only where somebody keeps it.
    """

    level: LogStatsLevel
    reduce: Callable[[Any], Any]
    input_name: str | None
    output_name: str | None
    group_by: tuple[str, ...] | None = None
    cumulative: bool = False
    is_plot: bool = False


def declare_statistic(event: Event, statistic: EventStatistic) -> None:
    """Declare a statistic of an event; it comes before those that were declared earlier."""
    setattr(event, _ATTRIBUTE, (statistic, *getattr(event, _ATTRIBUTE, ())))


def declare_groups(event: Event, names: tuple[str, ...]) -> None:
    """Declare the arguments by which events of a kind are told apart."""
    setattr(event, _GROUPING, names)


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


def kinds_of_events(given: Iterable[Event | Iterable[Event]]) -> frozenset[Event]:
    """Return the events that somebody asks for.

    Args:
        given: events, and lists, or other iterables, of events.

    Raises:
        InvalidSpecificationError: something else is among them.
    """
    kinds: list[Any] = []
    for one in given:
        kinds.extend(one if isinstance(one, Iterable) and not isinstance(one, str | type) else (one,))
    for kind in kinds:
        if not inspect.isfunction(kind):
            raise InvalidSpecificationError(
                f"query_events: {kind!r} is no event; accepted: methods of an events interface, such as "
                "BaseEnvEvents.reward, one by one or in a list."
            )
    return frozenset(kinds)


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
    group = () if key.group is None else key.group if isinstance(key.group, tuple) else (key.group,)
    parts = (*event_name(key.event).split("."), key.output_name, *group)
    return "/".join(str(part) for part in parts if part is not None)


def event_name(event: Event) -> str:
    """Return the name under which events are logged, for example ``"BaseEnvEvents.reward"``.

    Args:
        event: a method of an events interface.
    """
    return ".".join(event.__qualname__.split(".")[-2:])
