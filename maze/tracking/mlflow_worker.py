"""The process that sends journals to MLflow: ``python -m maze.tracking.mlflow_worker SPOOL URI PARENT_PID``.

A process and not a thread: importing MLflow and making its database take four seconds of Python. In a thread beside a
busy loop they took eleven, and cost the loop eight. A process of its own also notices when the run is killed, and says
so in the store. It serves all runs of its parent and leaves when idle.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from maze.errors import TrackingError
from maze.tracking.journal import LOCK_NAME, JournalReader, JournalState, pending_journals, read_state, write_state
from maze.tracking.store import StoreLocation

if TYPE_CHECKING:
    from maze.tracking.mlflow_completion import CompletingSession
    from maze.tracking.system_metrics import SystemSampler

__all__ = ["JournalSender", "Worker", "main", "send_abandoned"]

_TICK_SECONDS = 0.05
_FLUSH_SECONDS = 1.0
_RETRY_SECONDS = 10.0
_PROBE_SECONDS = 3.0
_IDLE_SECONDS = 30.0


class JournalSender:
    """Sends one journal until it is closed.

    Args:
        directory: the journal's folder.

    Raises:
        filelock.Timeout: another process is sending it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = FileLock(directory / LOCK_NAME, timeout=0)
        self._lock.acquire()
        self._reader = JournalReader(directory)
        self._store = StoreLocation(self._reader.uri, directory.parent.parent, "directory")
        self._state = JournalState(run_id=read_state(directory).run_id)
        self._session: CompletingSession | None = None
        self._pending: list[dict[str, Any]] = []
        self._closed = False
        self._sampler: SystemSampler | None = None
        self._measured: list[dict[str, Any]] = []
        self._attempted = -_RETRY_SECONDS

    @property
    def state(self) -> JournalState:
        """How far the journal has been sent."""
        return self._state

    def advance(self, *, closing: bool) -> None:
        """Read what is new, and send it when it is time.

        Args:
            closing: nobody will write the closing record any more; the run counts as killed.
        """
        while records := self._reader.read():
            self._pending += records
            self._watch(records[0])
        self._measure()
        if self._pending and self._pending[-1]["op"] == "finish":
            self._closed = True
        elif closing and not self._closed:
            self._pending.append({"op": "finish", "status": "KILLED"})
            self._closed = True
        waited = time.monotonic() - self._attempted
        has_agent = any(record["op"] == "agent" for record in self._pending)  # training is over: its end waits for this
        due = waited >= (_RETRY_SECONDS if self._state.error else 0.0 if has_agent else _FLUSH_SECONDS)
        if self._closed or (due and (self._pending or self._measured)):
            self._send()
            self._attempted = time.monotonic()

    def release(self) -> None:
        """Let go of the journal."""
        self._lock.release()

    def _watch(self, record: Mapping[str, Any]) -> None:
        """Begin to measure what the run costs the machine, if its first record asks for that."""
        owner = self._reader.owner
        if self._sampler is None and owner is not None and record["op"] == "start":
            if not record["description"].get("system_metrics"):
                return
            from maze.tracking.system_metrics import SystemSampler  # noqa: PLC0415 - most runs do not need it

            self._sampler = SystemSampler(owner)

    def _measure(self) -> None:
        """Take note of what the run costs the machine, when it is time."""
        sample = None if self._sampler is None or self._closed else self._sampler.sample_if_due()
        if sample is not None:
            step, values = sample
            self._measured.append({"op": "metrics", "values": values, "step": step, "time": int(time.time() * 1000)})

    def _send(self) -> None:
        """Send what is pending; on failure it stays pending and the state says why."""
        try:
            self._probe()
            from maze.tracking.mlflow_completion import CompletingSession  # noqa: PLC0415 - takes seconds
            from maze.tracking.mlflow_database import STORE_ERRORS, is_permanent  # noqa: PLC0415
        except OSError as error:
            self._failed(f"cannot be reached ({error})")
            return
        except ImportError as error:
            self._failed(f"cannot be imported ({error})", permanent=True)
            return
        if self._session is None:
            self._session = CompletingSession(self._store, self.directory, run_id=self._state.run_id)
        try:
            closing = self._pending[-1:] if self._closed else []
            self._session.apply([*self._pending[: len(self._pending) - len(closing)], *self._measured, *closing])
        except TrackingError as error:
            self._failed(str(error), permanent=True)
        except STORE_ERRORS as error:
            self._failed(str(error).strip().split("\n")[0], permanent=is_permanent(error))
        else:
            sent = self._state.sent + len(self._pending)
            self._pending, self._measured = [], []
            is_first = self._state.sent == 0
            self._save(self._state.updated(sent=sent, error="", permanent=False, done=self._closed))
            if is_first and not self._closed:
                with contextlib.suppress(*STORE_ERRORS):  # whatever is wrong is told when the agent is sent
                    self._session.prepare()

    def _failed(self, error: str, *, permanent: bool = False) -> None:
        """Write down why sending failed."""
        self._save(self._state.updated(error=error, permanent=permanent))

    def _save(self, state: JournalState) -> None:
        """Write the state, with what the session knows."""
        if self._session is not None:
            state = state.updated(
                run_id=self._session.run_id or state.run_id,
                notes=tuple(self._session.notes[:20]),
                children=dict(self._session.children),
            )
        self._state = state.updated(settled=self._closed)
        write_state(self.directory, self._state)

    def _probe(self) -> None:
        """Raise OSError at once where a server does not answer; MLflow itself would try for minutes."""
        if (server := self._store.server) is not None:
            socket.create_connection(server, timeout=_PROBE_SECONDS).close()


class Worker:
    """Sends all journals of one process to one store, and then what earlier processes had to leave behind.

    Args:
        spool: folder of journals.
        uri: tracking URI of the store.
        parent: id of the process whose runs are sent.
    """

    def __init__(self, spool: Path, uri: str, parent: int) -> None:
        self._spool = spool
        self._uri = uri
        self._parent = parent
        self._open: dict[Path, JournalSender] = {}
        self._known: set[Path] = set()
        self._left_behind: list[Path] = []

    def run(self) -> None:
        """Send until the parent is gone, or has had nothing to send for half a minute."""
        busy = time.monotonic()
        while True:
            orphan = os.getppid() != self._parent
            self._discover()
            for sender in list(self._open.values()):
                sender.advance(closing=orphan)
                if sender.state.settled:
                    self._close(sender, remove=orphan and sender.state.done)
            if self._open:
                busy = time.monotonic()
            elif orphan or time.monotonic() - busy > _IDLE_SECONDS:
                return
            self._send_left_behind()
            time.sleep(_TICK_SECONDS)

    def _discover(self) -> None:
        """Take over journals that the parent has begun."""
        for directory in pending_journals(self._spool):
            if directory in self._known:
                continue
            try:
                reader = JournalReader(directory)
                if reader.owner == self._parent and reader.uri == self._uri and not read_state(directory).settled:
                    self._open[directory] = JournalSender(directory)
                else:
                    self._left_behind.append(directory)
            except (FileNotFoundError, Timeout):
                continue
            self._known.add(directory)

    def _close(self, sender: JournalSender, *, remove: bool) -> None:
        """Let go of a journal whose fate is settled."""
        sender.release()
        del self._open[sender.directory]
        if remove:
            shutil.rmtree(sender.directory, ignore_errors=True)
        elif not sender.state.done:
            self._left_behind.append(sender.directory)

    def _send_left_behind(self) -> None:
        """Send one journal that an earlier run left behind, once a run of this process shows that the store works."""
        healthy = [sender for sender in self._open.values() if sender.state.run_id and not sender.state.error]
        if healthy and len(healthy) == len(self._open) and self._left_behind:
            send_abandoned(self._left_behind.pop(0), uri=self._uri)


def send_abandoned(directory: Path, *, uri: str | None = None) -> bool:
    """Send a journal whose run is over, and remove it; return whether it is gone.

    Args:
        directory: the journal's folder.
        uri: send it only if it is for this store, and if the store has not refused it for good; None to try anyway.
    """
    try:
        reader = JournalReader(directory)
        state = read_state(directory)
        if not reader.is_abandoned() or (uri is not None and (reader.uri != uri or state.permanent)):
            return False
        if not state.done:
            sender = JournalSender(directory)
            sender.advance(closing=True)
            sender.release()
            state = sender.state
    except Timeout:
        return False
    except FileNotFoundError:
        return True
    if state.done:
        shutil.rmtree(directory, ignore_errors=True)
    return state.done


def main(arguments: list[str]) -> None:
    """Serve a parent process, or with the parent 0 send one journal whose run is over."""
    place, uri, parent = Path(arguments[0]), arguments[1], int(arguments[2])
    if parent == 0:
        send_abandoned(place)
    else:
        Worker(place, uri, parent).run()


if __name__ == "__main__":
    main(sys.orig_argv[-3:])
    sys.stderr.flush()
    os._exit(0)
