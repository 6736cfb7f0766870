"""What happened in episodes, event by event: one table for each kind of event, readable by people.

An environment, a wrapper or a trainer can say that something happened; who records puts it into an :class:`EventLog`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maze.artifacts import atomic_path
from maze.errors import EnvError
from maze.types import Array

__all__ = ["EventLog", "EventRecord", "as_objects"]

_NAME = re.compile(r"[^\W\d][\w.]*")
_COLUMNS = ("episode", "step")
_SUFFIX = ".tsv"
_KINDS = {"b": "truth", "i": "number", "u": "number", "f": "number", "U": "text"}
"""What arrays hold, by the kinds of their dtypes; numbers of one column become those of one dtype."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened in one step of one episode.

    Attributes:
        event: the kind, for example ``"reward"`` or ``"MyEvents.goods_sold"``; it names the table.
        episode: number of the episode, from 0.
        step: number of the step within the episode, from 0.
        values: what is known about it, by name: numbers, texts or small arrays.
    """

    event: str
    episode: int
    step: int
    values: Mapping[str, Any]


class EventLog:
    """Collects events and writes them as tables, one for each kind.

    Rows are kept in the order of episodes, then steps, then arrival, whatever order they come in.
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, Array]]] = {}

    @property
    def events(self) -> list[str]:
        """The kinds of events that happened, in the order in which they first did."""
        return list(self._parts)

    def append(self, record: EventRecord) -> None:
        """Take one event.

        Raises:
            EnvError: its name cannot name a table, or its values have other names than those before it, or the name
                of a column that every table has.
        """
        values = {name: _column_of([value]) for name, value in record.values.items()}
        self.extend(record.event, np.array([record.episode]), np.array([record.step]), values)

    def extend(self, event: str, episode: Array, step: Array, values: Mapping[str, Array]) -> None:
        """Take K events of one kind at once, which is what recorders of many environments side by side do.

        Args:
            event: the kind.
            episode: number of each one's episode, int [K].
            step: number of each one's step, int [K].
            values: by name [K, ...], or objects [K] where values are of several kinds or shapes; copied.

        Raises:
            EnvError: as `append`.
        """
        if not _NAME.fullmatch(event):
            raise EnvError(f"event {event!r}: accepted are letters, digits, _ and dots, since it names a table.")
        if taken := [name for name in _COLUMNS if name in values]:
            raise EnvError(f"event {event!r} has the value {taken[0]!r}, which every table has; call it another name.")
        parts = self._parts.setdefault(event, [])
        if parts and list(parts[0])[2:] != list(values):
            raise EnvError(f"event {event!r} had the values {list(parts[0])[2:]} before, and now {list(values)}.")
        columns = {"episode": episode, "step": step, **values}
        parts.append({name: np.array(column) for name, column in columns.items()})

    def table(self, event: str) -> dict[str, Array]:
        """Return all events of one kind by column: ``episode`` and ``step`` [K], then the values [K, ...]."""
        parts = self._parts[event]
        joined = {name: _joined([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((joined["step"], joined["episode"]))
        return {name: column[order] for name, column in joined.items()}

    def tables(self) -> dict[str, dict[str, Array]]:
        """Return every kind's table."""
        return {event: self.table(event) for event in self._parts}

    def records(self, event: str) -> Iterator[EventRecord]:
        """Yield the events of one kind one by one."""
        table = self.table(event)
        episodes, steps = table.pop("episode"), table.pop("step")
        for row, (episode, step) in enumerate(zip(episodes, steps, strict=True)):
            yield EventRecord(event, int(episode), int(step), {name: column[row] for name, column in table.items()})

    def write(self, directory: Path) -> dict[str, Path]:
        """Write every table as tab-separated text, in place of those of an earlier rollout.

        Without events nothing is left, not even the directory, unless there is something else in it.

        Returns:
            The file of each kind of event. Arrays take one column for each element: ``action.0``, ``action.1``, ...
            Those of several shapes, and other containers, stand in one column as JSON; None is an empty text.

        Raises:
            ArtifactError: the directory cannot be written.
        """
        files = {event: directory / f"{event}{_SUFFIX}" for event in self._parts}
        for event, path in files.items():
            columns = dict(_flat_columns(self.table(event)))
            with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
                writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
        for path in directory.glob(f"*{_SUFFIX}"):
            if path not in files.values():
                path.unlink()
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
        return files


def _column_of(values: Sequence[Any]) -> Array:
    """Return values as one array, [K, ...], where all of them are numbers, truths or texts of one shape; else objects.

    Args:
        values: of one name, one for each event, [K].
    """
    try:
        arrays = [np.asarray(value) for value in values]
    except ValueError:  # a list of lists that are not equally long
        arrays = []
    kinds = {(_KINDS.get(array.dtype.kind), array.shape) for array in arrays}
    if len(kinds) == 1 and None not in next(iter(kinds)):
        return np.stack(arrays)
    return as_objects(values)


def as_objects(values: Sequence[Any]) -> Array:
    """Return values of any kind as an array of objects, [K]; a log finds out what they are once it has all of them."""
    column = np.empty(len(values), object)
    for index, value in enumerate(values):
        column[index] = value
    return column


def _joined(parts: Sequence[Array]) -> Array:
    """Return the parts of a column as one, which does not depend on how it was divided."""
    if len({(_KINDS.get(part.dtype.kind), part.shape[1:]) for part in parts}) == 1 and parts[0].dtype != object:
        return np.concatenate(parts)
    return _column_of([value for part in parts for value in part])


def _flat_columns(table: Mapping[str, Array]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield columns of texts; a value of several numbers becomes several columns."""
    for name, column in table.items():
        if column.ndim == 1:
            yield name, _texts(column)
            continue
        for index in np.ndindex(column.shape[1:]):
            yield f"{name}.{'.'.join(map(str, index))}", _texts(column[(slice(None), *index)])


def _texts(column: Array) -> list[str]:
    """The shortest text of every value that reads back as the same value."""
    return [_text(value) if column.dtype == object else str(value) for value in column]


def _text(value: Any) -> str:
    """The text of a value of any kind."""
    if isinstance(value, np.ndarray | list | tuple | dict):
        return json.dumps(value.tolist() if isinstance(value, np.ndarray) else value, default=str)
    return "" if value is None else str(value)
