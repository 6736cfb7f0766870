"""Events that other processes tell of: methods of interfaces, which are other functions where they went by value."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from maze.statistics import EventCall, LogStatsKey

__all__ = ["ForeignEvents"]

Value = TypeVar("Value")


class ForeignEvents:
    """Finds this process's own events for those that came from other processes, where they are other functions."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}

    def own_keys(self, told: Mapping[LogStatsKey, Value]) -> dict[LogStatsKey, Value]:
        """Return statistics by the keys that they have in this process."""
        return {LogStatsKey(self._own(event), name, group): value for (event, name, group), value in told.items()}

    def own_calls(self, told: Sequence[EventCall]) -> list[EventCall]:
        """Return events as those that they are in this process."""
        return [EventCall(self._own(call.event), call.arguments) for call in told]

    def _own(self, event: Any) -> Any:
        name = (getattr(event, "__module__", ""), getattr(event, "__qualname__", ""))
        if name not in self._known:
            found: Any = sys.modules.get(name[0])
            for part in name[1].split("."):
                found = getattr(found, part, None)
            self._known[name] = found if callable(found) else event
        return self._known[name]
