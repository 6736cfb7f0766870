"""The events of episodes that are being played."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maze.env.vector import VectorStep
from maze.statistics import Event, EventCall, EventLog
from maze.statistics.event_log import as_objects
from maze.statistics.event_statistics import event_arguments, event_name
from maze.types import Array, Observation

__all__ = ["EventRecorder"]

_COLUMNS = ("episode", "step")


class EventRecorder:
    """Logs the events of every step; pass it as an observer to ``play_episodes``.

    Every episode has a ``reward`` (value) and an ``action`` (a column for each head) in each step, and an
    ``episode_end`` (terminated, truncated, return, length) in its last one: what the agent gets and does. Environments
    that were made to tell (see `make_vector_env`) add their own events and those of wrappers, one table for each, such
    as ``BakeryEvents.sold``, with a column for each argument; one that is called like a column of every table,
    ``episode`` or ``step``, has an underscore behind its name.

    Attributes:
        log: the events.
    """

    def __init__(self) -> None:
        self.log = EventLog()
        self._episode = np.zeros(0, np.int64)
        self._length = np.zeros(0, np.int64)  # steps so far of each environment's episode, [N]
        self._return = np.zeros(0, np.float64)  # [N]

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        """Log the events of one step of the active rows."""
        del observation
        if not np.array_equal(episode, self._episode):  # another wave of episodes begins
            self._episode = episode.copy()
            self._length, self._return = np.zeros(len(episode), np.int64), np.zeros(len(episode), np.float64)
        rows = np.flatnonzero(active)
        number = self._length[rows]
        self.log.extend("action", episode[rows], number, {head: np.asarray(a)[rows] for head, a in action.items()})
        self.log.extend("reward", episode[rows], number, {"value": step.reward[rows]})
        if step.events is not None:
            self._log_calls(rows, step.events)
        self._length[rows] += 1
        self._return[rows] += step.reward[rows]
        ended = rows[(step.terminated | step.truncated)[rows]]
        if len(ended):
            end = {
                "terminated": step.terminated[ended],
                "truncated": step.truncated[ended],
                "return": self._return[ended],
                "length": self._length[ended],
            }
            self.log.extend("episode_end", episode[ended], self._length[ended] - 1, end)

    def _log_calls(self, rows: Array, events: Sequence[Sequence[EventCall]]) -> None:
        """Log what happened in some environments, kind by kind."""
        by_event: dict[Event, list[tuple[int, EventCall]]] = {}
        for row in rows.tolist():
            for call in events[row]:
                by_event.setdefault(call.event, []).append((row, call))
        for event, told in by_event.items():
            of_rows = np.array([row for row, _ in told])
            values = {
                f"{name}_" if name in _COLUMNS else name: as_objects([call.arguments[name] for _, call in told])
                for name in event_arguments(event)
            }
            self.log.extend(event_name(event), self._episode[of_rows], self._length[of_rows], values)
