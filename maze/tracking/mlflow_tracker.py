"""A tracker on MLflow that costs the run microseconds: it writes a journal, and a process of its own sends that.

This module does not import MLflow; the process does (see :mod:`maze.tracking.mlflow_worker`). MLflow's settings, such
as no telemetry and few retries, are in that process's environment; the one of the run is never touched.
"""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from maze.errors import InvalidSpecificationError, TrackingError, suggest
from maze.tracking.description import AgentModel, LoggedDataset, RestoredStage, RunDescription, RunStatus
from maze.tracking.journal import JournalState, JournalWriter, read_state
from maze.tracking.records import agent_record, complete_record, file_record, file_records
from maze.tracking.sender import ensure_sender, last_words
from maze.tracking.store import StoreLocation, resolve_store
from maze.tracking.tracker import NullTracker, Tracker

__all__ = ["MlflowTracker", "TrackingMode", "open_tracker"]

TrackingMode: TypeAlias = Literal["best_effort", "required", "off"]

_LOGGER = logging.getLogger(__name__)
MAX_NOTES = 3
"""How many of the store's remarks are passed on; what differs is in the run's tags anyway."""

_LOOK_SECONDS = 5.0
_POLL_SECONDS = 0.02
_FLUSH_ADVICE = "They are sent with the next run, or by: maze-run tracking flush"


def open_tracker(
    mode: TrackingMode = "best_effort",
    *,
    directory: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Tracker:
    """Return the tracker for a run.

    Args:
        mode: ``best_effort`` never disturbs the run; ``required`` raises where the store cannot be used; ``off``.
        directory: the run's directory, which decides where the store is.
        environment: variables to read instead of the process's own.

    Raises:
        InvalidSpecificationError: the mode is unknown.
    """
    if mode == "off":
        return NullTracker()
    if mode not in ("best_effort", "required"):
        modes = ("best_effort", "required", "off")
        raise InvalidSpecificationError(f"Tracking mode {mode!r} is unknown; {suggest(mode, modes)}")
    return MlflowTracker(resolve_store(directory, environment=environment), mode=mode)


class MlflowTracker(Tracker):
    """Writes a run to MLflow's store, beside the run and not in its way.

    Args:
        store: where the runs are; see :func:`maze.tracking.resolve_store`.
        mode: ``best_effort`` warns once where the store fails and keeps the records for later; ``required`` raises.
        finish_timeout: longest time in seconds that ``finish`` waits for the store (``start`` too, where required).
        says_notes: warn of what the store had to say at the end although nothing failed.
    """

    def __init__(
        self,
        store: StoreLocation,
        *,
        mode: TrackingMode = "best_effort",
        finish_timeout: float = 60.0,
        says_notes: bool = True,
    ) -> None:
        self.store = store
        self._says_notes = says_notes
        self._required = mode == "required"
        self._timeout = finish_timeout
        self._journal: JournalWriter | None = None
        self._closed: JournalWriter | None = None
        self._sender: subprocess.Popen[bytes] | None = None
        self._state = JournalState()
        self._looked = 0.0
        self._warned = False

    @property
    def run_id(self) -> str | None:
        """The run's id; known some seconds after ``start`` and always after a ``finish`` that succeeded."""
        if self._state.run_id is None:
            self._look()
        return self._state.run_id

    @property
    def child_run_ids(self) -> Mapping[str, str]:
        """Name to id of the runs that ``complete_run`` completed; known after ``finish``."""
        return self._state.children

    def start(self, description: RunDescription) -> None:
        """Begin the run; the store is told in the background.

        Raises:
            TrackingError: the run is started already; or, where tracking is required, the store cannot be used.
        """
        if self._journal is not None:
            raise TrackingError(f"The tracker has started a run; call finish before starting {description.name!r}.")
        self._state = JournalState()
        self._warned = False
        self._looked = time.time()
        try:
            self.store.prepare()
            self._journal = JournalWriter(self.store.spool, self.store.uri)
            self._journal.append(op="start", description=_begun(description).as_record())
            self._sender = ensure_sender(self.store)
        except OSError as error:
            self._lose(error)
        self._write(lambda journal: file_records(journal, description))
        if self._required:
            self._await_opening()

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Record numbers of one step; costs about ten microseconds."""
        now = time.time()
        values = {name: float(value) for name, value in metrics.items()}
        self._write(lambda _: [{"op": "metrics", "values": values, "step": int(step), "time": int(now * 1000)}])
        if now - self._looked > _LOOK_SECONDS:
            self._look()

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record flat parameters; a second value for one becomes a tag."""
        values = {str(name): str(value) for name, value in parameters.items()}
        self._write(lambda _: [{"op": "parameters", "values": values}])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""
        values = {str(name): str(value) for name, value in tags.items()}
        self._write(lambda _: [{"op": "tags", "values": values}])

    def log_file(self, path: Path, folder: str = "", *, name: str | None = None) -> None:
        """Keep a copy of a file as it is now."""
        target = name or path.name
        self._write(lambda journal: [file_record(journal, path, f"{folder}/{target}" if folder else target)])

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact."""
        self._write(lambda journal: [file_record(journal, text.encode(), name)])

    def log_image(self, image: bytes, name: str) -> None:
        """Keep the bytes of an image as an artifact."""
        self._write(lambda journal: [file_record(journal, image, name)])

    def log_agent(self, agent_dir: Path, model: AgentModel) -> None:
        """Keep the agent as a servable model."""
        self._write(lambda journal: [agent_record(journal, agent_dir, model)])

    def log_dataset(self, dataset: LoggedDataset) -> None:
        """Record data as an input of the run."""
        self._write(lambda _: [{"op": "dataset", **dataset.as_record()}])

    def complete_run(self, description: RunDescription, stages: Sequence[RestoredStage]) -> None:
        """Make sure that the run of one seed exists and holds everything.

        Raises:
            ArtifactError: a record, curve or metrics file of a stage is unreadable.
        """
        self._write(lambda journal: [complete_record(journal, description, stages)])

    def report_missing(self, parts: Sequence[str]) -> None:
        """Say in words which of its own files a run lacks; none takes back what was said."""
        self._write(lambda _: [{"op": "missing", "parts": list(parts)}])

    def finish(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Close the run and wait until the store has everything, or until it is clear that it will not.

        Raises:
            TrackingError: only in the mode ``required``: something is missing in the store.
        """
        self.hand_over(status)
        self.settle()

    def hand_over(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Close the run without waiting for the store; :meth:`settle` does that, later."""
        self._write(lambda _: [{"op": "finish", "status": str(status), "time": int(time.time() * 1000)}])
        self._closed, self._journal = self._journal, None
        if self._closed is not None:
            self._closed.close()

    def settle(self) -> None:
        """Wait until the store has everything of a run that was handed over, or until it is clear that it will not.

        Raises:
            TrackingError: only in the mode ``required``: something is missing in the store.
        """
        journal, self._closed = self._closed, None
        if journal is None:
            return
        self._state = self._await(journal.directory, lambda state: state.settled)
        if self._state.done:
            self._say_notes()
            journal.discard()
        else:
            self._complain(self._reason(journal))

    def _write(self, build: Callable[[JournalWriter], Iterable[dict[str, Any]]]) -> None:
        """Append what ``build`` makes to the journal; a full disk costs the tracking and not the run."""
        if self._journal is None:
            return
        try:
            for record in build(self._journal):
                self._journal.append(**record)
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Stop tracking, since the journal cannot be written."""
        self._journal = None
        self._complain(f"The run is no longer tracked: {error}. Free or allow writing to {self.store.directory}.")

    def _complain(self, message: str) -> None:
        """Warn once a run, or raise where tracking is required."""
        if self._required:
            raise TrackingError(message)
        if not self._warned:
            self._warned = True
            _LOGGER.warning(message)

    def _reason(self, journal: JournalWriter) -> str:
        """Return why a journal is not completely in the store, where it waits and what sends it."""
        missing = f"{journal.written - self._state.sent} of {journal.written} records wait in {journal.directory}."
        if not self._state.settled and self._sender is not None and self._sender.poll() is None:
            return f"MLflow takes its time: process {self._sender.pid} is still sending; {missing}"
        reason = self._state.error or last_words(self.store) or "the sending process ended unexpectedly"
        return f"MLflow at {self.store.uri}: {reason.rstrip('.')}. {missing} {_FLUSH_ADVICE}"

    def _say_notes(self) -> None:
        """Pass on what the store had to say, in one warning."""
        if self._state.notes and self._says_notes:
            shown, more = self._state.notes[:MAX_NOTES], len(self._state.notes) - MAX_NOTES
            told = " ".join([*shown, f"And {more} more like these."] if more > 0 else shown)
            _LOGGER.warning("MLflow run %s: %s", self._state.run_id, told)

    def _look(self) -> None:
        """Read how far the process is, and warn early where it cannot send."""
        self._looked = time.time()
        if self._journal is None:
            return
        self._state = read_state(self._journal.directory)
        if self._state.error and not self._required:
            self._complain(f"MLflow at {self.store.uri}: {self._state.error} The run goes on. {_FLUSH_ADVICE}")

    def _await(self, directory: Path, until: Callable[[JournalState], bool]) -> JournalState:
        """Wait until the state of the journal is as wanted; start the sender again once if it has died."""
        deadline = time.monotonic() + self._timeout
        restarts = 1
        while not until(state := read_state(directory)) and time.monotonic() < deadline:
            if self._sender is None or self._sender.poll() is not None:
                state = read_state(directory)
                if until(state) or restarts == 0:
                    return state
                restarts -= 1
                self._sender = ensure_sender(self.store)
            time.sleep(_POLL_SECONDS)
        return state

    def _await_opening(self) -> None:
        """Wait until the run is open in the store; raise where it cannot be."""
        if self._journal is None:
            return
        self._state = self._await(self._journal.directory, lambda state: bool(state.run_id or state.error))
        if self._state.run_id is None:
            reason = self._state.error or last_words(self.store) or "no answer"
            raise TrackingError(f"MLflow at {self.store.uri} is required and cannot be used: {reason}")


def _begun(description: RunDescription) -> RunDescription:
    """Return a description that says when its run began: the store hears of it later, perhaps when it is over."""
    return description if description.started is not None else replace(description, started=int(time.time() * 1000))
