"""The calls of a run as its record lists them: arguments as real values, and what each call gave."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from maze.artifacts import RunFiles
from maze.config.describe import describe_object
from maze.config.overrides import OBJECT_KEY
from maze.types import Array

__all__ = ["STORED_KEY", "Call", "array_digest", "file_digest", "file_digests", "read_arguments", "with_afterwards"]

STORED_KEY = "_stored_"
"""Key that says, in the mark of a live object, under which path it is stored beside the record."""

_PLAIN = (str, int, bool, type(None))


class Call:
    """One call of a public method, as it will stand in the record.

    Args:
        method: its name.
        arguments: by name; those that are None are left out.

    Attributes:
        result: the numbers that it gave.
        files: sha256 of the files that it wrote, by name relative to the run, or to ``directory``.
        digest: hash over all values of played episodes; "" where none were played.
        directory: where files of played episodes went; "" where none were written.
        status: ``RUNNING`` until it ends as ``FINISHED``, ``FAILED`` or ``KILLED``.
        reason: why it did not finish.
        n_epochs: how many epochs a training did.
        n_updates: how many updates it did since the last of them was complete.
        last_epoch: number of the last of them.
        is_repeatable: whether making it again gives the same bits, as far as is known.
        session: number of the process's part of the run; a run that is resumed has several.
        draws: state of the generator of seeds before the call; empty where it follows from the calls before.
    """

    def __init__(self, method: str, arguments: Mapping[str, Any]) -> None:
        self.method = method
        self.arguments = {name: value for name, value in arguments.items() if value is not None}
        self.result: Mapping[str, Any] = {}
        self.files: dict[str, str] = {}
        self.digest = ""
        self.directory = ""
        self.status = "RUNNING"
        self.reason = ""
        self.n_epochs = 0
        self.n_updates = 0
        self.last_epoch = 0
        self.is_repeatable = True
        self.session = 0
        self.draws: dict[str, Any] = {}
        self._written: dict[str, Any] | None = None

    @classmethod
    def of_episodes(cls, method: str, arguments: Mapping[str, Any], episodes: Any, files: Mapping[str, Path]) -> Call:
        """Return a call that has ended, with what it gave."""
        call = cls(method, arguments)
        call.status = "FINISHED"
        call.note_episodes(episodes, files)
        return call

    def note(self, result: Any) -> None:
        """Keep what a training gave."""
        self.result = dataclasses.asdict(result)

    def note_episodes(self, episodes: Any, files: Mapping[str, Path] | None = None) -> None:
        """Keep what played episodes gave, and the files that hold them; an evaluator of one's own may give anything."""
        given = getattr(episodes, "statistics", episodes)
        plain = {str(name): _to_number(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
        self.result = {name: value for name, value in plain.items() if isinstance(value, int | float | None)}
        if dataclasses.is_dataclass(episodes):
            arrays = {field.name: getattr(episodes, field.name) for field in dataclasses.fields(episodes)}
            self.digest = array_digest({name: value for name, value in arrays.items() if isinstance(value, np.ndarray)})
        for path in (files or {}).values():
            self.directory = self.directory or str(path.parent.absolute())
            self.files[path.absolute().relative_to(self.directory).as_posix()] = file_digest(path)

    def write_arguments(self, place: str) -> dict[str, Any]:
        """Turn the arguments into plain values, once, before the call can change them.

        Args:
            place: dotted path of the call in the record, for example ``calls.2``.

        Returns:
            The live objects among the arguments, by the path under which they have to be stored.
        """
        objects: dict[str, Any] = {}
        self._written = {name: _write(value, f"{place}.{name}", objects) for name, value in self.arguments.items()}
        return objects

    def as_record(self) -> dict[str, Any]:
        """Return the call as plain values."""
        if self._written is None:
            self.write_arguments(f"calls.{self.method}")
        record: dict[str, Any] = {
            "method": self.method,
            "arguments": self._written,
            "result": dict(self.result),
            "status": self.status,
        }
        for name in (
            "reason",
            "files",
            "digest",
            "directory",
            "n_epochs",
            "n_updates",
            "last_epoch",
            "session",
            "draws",
        ):
            value = getattr(self, name)
            if value:
                record[name] = value
        if not self.is_repeatable:
            record["is_repeatable"] = False
        return record


def _to_number(value: Any) -> Any:
    """Return a NumPy scalar as the number that it is, and anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _write(value: Any, path: str, objects: dict[str, Any]) -> Any:
    """Return a value as JSON gives it back unchanged; anything else as a mark, and itself in ``objects``."""
    if isinstance(value, enum.Enum):
        value = value.value
    value = _to_number(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, _PLAIN) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [_write(item, f"{path}.{index}", objects) for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and OBJECT_KEY not in value:
        return {key: _write(item, f"{path}.{key}", objects) for key, item in value.items()}
    objects[path] = value
    return {**describe_object(value), STORED_KEY: path}


def read_arguments(written: Any, objects: Mapping[str, Any]) -> Any:
    """Return arguments as they were passed.

    Args:
        written: what :meth:`Call.as_record` wrote.
        objects: live objects by the path under which they were stored.
    """
    if isinstance(written, Mapping):
        if STORED_KEY in written:
            return objects[written[STORED_KEY]]
        return {name: read_arguments(value, objects) for name, value in written.items()}
    if isinstance(written, list):
        return [read_arguments(value, objects) for value in written]
    return written


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_digests(files: RunFiles) -> dict[str, str]:
    """Return the sha256 of what training wrote, by name relative to the run, as far as it exists."""
    agent = files.agent
    written = (files.curve, files.metrics, agent.weights, agent.statistics, agent.spaces)
    return {path.relative_to(files.root).as_posix(): file_digest(path) for path in written if path.is_file()}


def array_digest(arrays: Mapping[str, Array]) -> str:
    """Return a hash over the names, types, shapes and values of arrays."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def with_afterwards(
    calls: Sequence[Mapping[str, Any]], sessions: Sequence[Mapping[str, Any]], present: Any
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the calls and sessions of a record with those that loaded agents have added to its file meanwhile.

    Args:
        calls: that the writer of the record knows.
        sessions: likewise.
        present: what its file holds.
    """
    later = list(present.get("sessions") or ())[len(sessions) :] if isinstance(present, Mapping) else []
    if not later or not all(session.get("loaded") for session in later):
        return list(calls), list(sessions)
    merged: list[Mapping[str, Any]] = []
    waiting = list(calls)
    for call in present["calls"]:
        if call.get("session", 0) >= len(sessions):
            merged.append(call)
        elif waiting:
            merged.append(waiting.pop(0))
    return [*merged, *waiting], [*sessions, *later]
