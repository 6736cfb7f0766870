"""The journal between a run and its store: one folder per run, written first and sent later.

The run appends JSON lines and copies files; another process reads them, tells the store, and keeps its progress in
``state.json``. What is in the folder survives either of them, so a server that is away, or a killed run, loses nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

__all__ = [
    "JOURNAL_NAME",
    "LOCK_NAME",
    "JournalReader",
    "JournalState",
    "JournalWriter",
    "is_alive",
    "pending_journals",
    "read_state",
    "write_state",
]

JOURNAL_NAME = "journal.jsonl"
STATE_NAME = "state.json"
LOCK_NAME = "lock"
STORE_NAME = "store.json"


@dataclass(frozen=True, slots=True)
class JournalState:
    """How far a journal has been sent.

    Attributes:
        run_id: the run in the store, once it is known.
        sent: records that the store has confirmed.
        done: everything up to the closing record is in the store.
        settled: the journal is closed and was tried to its end; nothing will change without a new attempt.
        error: why the last attempt failed, or "".
        permanent: the failure will repeat without a person's help.
        notes: what the user should know although nothing failed.
        children: name to id of further runs that this journal completed.
    """

    run_id: str | None = None
    sent: int = 0
    done: bool = False
    settled: bool = False
    error: str = ""
    permanent: bool = False
    notes: tuple[str, ...] = ()
    children: Mapping[str, str] = field(default_factory=dict)

    def updated(self, **changes: Any) -> JournalState:
        """Return the state with some values replaced."""
        return replace(self, **changes)


class JournalWriter:
    """The run's side: appends records and copies files; nothing here waits for a store.

    Args:
        spool: folder of all journals.
        uri: tracking URI of the store that the journal is for.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, spool: Path, uri: str) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        self.directory = spool / f"{stamp}-{uuid.uuid4().hex[:8]}"
        (self.directory / "files").mkdir(parents=True)
        owner = {"uri": uri, "host": socket.gethostname(), "pid": os.getpid()}
        (self.directory / STORE_NAME).write_text(json.dumps(owner) + "\n", encoding="utf-8")
        self._stream: TextIO = (self.directory / JOURNAL_NAME).open("w", encoding="utf-8")
        self._numbers = itertools.count()
        self.written = 0

    def append(self, **record: Any) -> None:
        """Append one record, ``op`` first; it is readable by others when this returns.

        Raises:
            OSError: the disk is full or gone.
        """
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()
        self.written += 1

    def keep(self, source: Path) -> str:
        """Copy a file or folder as it is now and return its name within the journal.

        Raises:
            OSError: the source is unreadable or the disk is full.
        """
        name = f"files/{next(self._numbers)}"
        target = self.directory / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        return name

    def keep_bytes(self, content: bytes) -> str:
        """Keep bytes as a file and return its name within the journal.

        Raises:
            OSError: the disk is full.
        """
        name = f"files/{next(self._numbers)}"
        (self.directory / name).write_bytes(content)
        return name

    def close(self) -> None:
        """Close the file; what was appended stays."""
        self._stream.close()

    def discard(self) -> None:
        """Remove the folder: everything in it is in the store."""
        self.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class JournalReader:
    """The sender's side: reads whole records, from the beginning on.

    Args:
        directory: the journal's folder.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.offset = 0

    def read(self, limit: int = 5000) -> list[dict[str, Any]]:
        """Return up to ``limit`` further records; a line still being written is left for the next call."""
        records: list[dict[str, Any]] = []
        with (self.directory / JOURNAL_NAME).open("rb") as stream:
            stream.seek(self.offset)
            for line in _whole_lines(stream, limit):
                records.append(json.loads(line))
                self.offset += len(line)
        return records

    def has_more(self) -> bool:
        """Return whether something was appended since the last read."""
        return (self.directory / JOURNAL_NAME).stat().st_size > self.offset

    @property
    def uri(self) -> str:
        """Tracking URI of the store that the journal is for."""
        return str(self._header()["uri"])

    @property
    def owner(self) -> int | None:
        """Id of the process whose run this is; None if that is on another machine."""
        header = self._header()
        return int(header["pid"]) if header["host"] == socket.gethostname() else None

    def is_abandoned(self) -> bool:
        """Return whether no process will append to the journal any more: it is closed, or its run's process is dead."""
        with (self.directory / JOURNAL_NAME).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 4096))
            tail = stream.read()
        last = tail.rstrip(b"\n").rpartition(b"\n")[2]
        if last.startswith(b'{"op": "finish"'):
            return True
        owner = self.owner
        return owner is not None and not is_alive(owner)

    def _header(self) -> dict[str, Any]:
        """Return the store's URI and the run's process."""
        header: dict[str, Any] = json.loads((self.directory / STORE_NAME).read_text(encoding="utf-8"))
        return header


def is_alive(pid: int) -> bool:
    """Return whether a process of this machine exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _whole_lines(stream: BinaryIO, limit: int) -> list[bytes]:
    """Return up to ``limit`` lines that end in a newline."""
    return [line for line in itertools.islice(stream, limit) if line.endswith(b"\n")]


def read_state(directory: Path) -> JournalState:
    """Return how far a journal has been sent; a fresh state where nobody has begun."""
    path = directory / STATE_NAME
    if not path.is_file():
        return JournalState()
    values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return JournalState(**{**values, "notes": tuple(values["notes"])})


def write_state(directory: Path, state: JournalState) -> None:
    """Write the state so that a reader sees the old or the new one, never half of it."""
    temporary = directory / f"{STATE_NAME}.tmp"
    temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
    temporary.replace(directory / STATE_NAME)


def pending_journals(spool: Path) -> list[Path]:
    """Return the folders of journals, oldest first; some may belong to runs that are still going."""
    if not spool.is_dir():
        return []
    return sorted(path.parent for path in spool.glob(f"*/{JOURNAL_NAME}"))
