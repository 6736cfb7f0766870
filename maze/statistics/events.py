"""Events while they happen: a simulation calls methods of an interface, and others can ask what was called.

An environment owns an `EventService`; parts of it publish through a `Pubsub`, of which others are subscribers. Nothing
is global, so that environments in one process never see each other's events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from maze.errors import EnvError
from maze.statistics.event_statistics import Event, declared_groups, event_arguments, events_of, kinds_of_events

__all__ = ["EpisodeEvents", "EventCall", "EventService", "EventTopic", "Pubsub", "Subscriber"]

InterfaceT = TypeVar("InterfaceT")


@dataclass(frozen=True, slots=True)
class EventCall:
    """One event that happened.

    Attributes:
        event: the method of the interface, for example ``ShopEvents.sold``.
        arguments: by name.
    """

    event: Event
    arguments: Mapping[str, Any]

    @property
    def group(self) -> tuple[Any, ...] | None:
        """The arguments that the event is grouped by; None where it is not."""
        return tuple(self.arguments[name] for name in declared_groups(self.event)) or None


class EventTopic:
    """What every topic is, whatever its interface: it keeps nothing of its own."""


class EventService:
    """Holds the events of the present step.

    Attributes:
        calls: the events, in the order in which they happened.
        interfaces: those that topics were made of.
    """

    def __init__(self) -> None:
        self.calls: list[EventCall] = []
        self.interfaces: list[type] = []
        self._subscribers: list[Subscriber] = []

    def create_event_topic(self, interface: Callable[..., InterfaceT]) -> InterfaceT:
        """Return an object with the interface's methods; calling one of them makes its event happen.

        Args:
            interface: class whose public methods are events.
        """
        topic: InterfaceT = _make_topic(cast("type", interface), self.receive, self)
        return topic

    def receive(self, call: EventCall) -> None:
        """Take note of an event."""
        self.calls.append(call)

    def query_events(self, *events: Event | Iterable[Event]) -> list[EventCall]:
        """Return this step's events of some kinds; see `EpisodeEvents.query_events`."""
        kinds = kinds_of_events(events)
        return [call for call in self.calls if call.event in kinds]

    def clear_events(self) -> list[EventCall]:
        """Begin the next step, for subscribers as well, and return what happened in the last one."""
        calls, self.calls = self.calls, []
        for subscriber in self._subscribers:
            subscriber.clear_events()
        return calls

    def add_subscriber(self, subscriber: Subscriber) -> None:
        """Begin every step anew for a subscriber, too."""
        self._subscribers.append(subscriber)

    @property
    def events(self) -> list[Event]:
        """Every kind of event that can happen."""
        return [event for interface in self.interfaces for event in events_of(interface).values()]


class Subscriber(ABC):
    """Is told the events of some interfaces, step by step."""

    def __init__(self) -> None:
        self.calls: list[EventCall] = []

    @abstractmethod
    def get_interfaces(self) -> Sequence[type]:
        """Return the interfaces whose events are of interest."""

    def notify_event(self, call: EventCall) -> None:
        """Take note of an event of these interfaces."""
        self.calls.append(call)

    def query_events(self, *events: Event | Iterable[Event]) -> Iterator[EventCall]:
        """Yield this step's events of some kinds, in the order in which they happened.

        Args:
            events: methods of interfaces, such as ``ShopEvents.sold``, one by one or in a list.

        Raises:
            InvalidSpecificationError: one of them is no event.
        """
        kinds = kinds_of_events(events)
        return (call for call in self.calls if call.event in kinds)

    def clear_events(self) -> None:
        """Begin the next step."""
        self.calls = []


class Pubsub:
    """Connects those who publish events with those who subscribe to them.

    Args:
        service: the environment's, which gets every event, and says when a step begins.
    """

    def __init__(self, service: EventService) -> None:
        self.service = service
        self._subscribers: list[Subscriber] = []

    def create_event_topic(self, interface: Callable[..., InterfaceT]) -> InterfaceT:
        """Return an object with the interface's methods; calling one tells the service and the subscribers."""

        def publish(call: EventCall) -> None:
            self.service.receive(call)
            for subscriber in self._subscribers:
                if interface in subscriber.get_interfaces():
                    subscriber.notify_event(call)

        topic: InterfaceT = _make_topic(cast("type", interface), publish, self.service)
        return topic

    def register_subscriber(self, subscriber: Subscriber) -> None:
        """Tell a subscriber all further events of its interfaces."""
        self._subscribers.append(subscriber)
        self.service.add_subscriber(subscriber)


@dataclass(slots=True)
class EpisodeEvents:
    """All events of one episode, for example for a KPI calculator.

    Attributes:
        steps: the events of each step.
    """

    steps: list[list[EventCall]] = field(default_factory=list)

    def query_events(self, *events: Event | Iterable[Event]) -> list[EventCall]:
        """Return the episode's events of some kinds, in the order in which they happened.

        Args:
            events: methods of interfaces, such as ``ShopEvents.sold``, one by one or in a list.

        Raises:
            InvalidSpecificationError: one of them is no event.
        """
        kinds = kinds_of_events(events)
        return [call for step in self.steps for call in step if call.event in kinds]


def _make_topic(interface: type, publish: Callable[[EventCall], None], service: EventService) -> Any:
    """Return an object of a class below the interface, whose methods publish what they are called with."""
    if interface not in service.interfaces:
        service.interfaces.append(interface)
    events = events_of(interface)
    if not events:
        raise EnvError(f"{interface.__qualname__} has no public methods; those of an events interface are its events.")
    methods = {name: _make_method(event, publish) for name, event in events.items()}
    topic = type(interface.__name__, (interface, EventTopic), {**methods, "__module__": interface.__module__})
    return topic()


def _make_method(event: Event, publish: Callable[[EventCall], None]) -> Callable[..., None]:
    names = event_arguments(event)

    def happen(_self: object, *values: Any, **named: Any) -> None:
        arguments = {**dict(zip(names, values, strict=False)), **named}
        if len(values) + len(named) != len(names) or arguments.keys() != set(names):
            raise EnvError(f"{event.__qualname__} takes {', '.join(names)}; given {values}, {named}.")
        publish(EventCall(event, arguments))

    return happen
