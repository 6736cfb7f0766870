"""Where a run's numbers and files go, behind one small interface; a tracker never stops or slows a run."""

from __future__ import annotations

import io
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from maze.errors import TrackingError
from maze.tracking.description import AgentModel, LoggedDataset, RestoredStage, RunDescription, RunStatus

__all__ = ["FanOutTracker", "JsonLinesTracker", "NullTracker", "Tracker"]

_LOGGER = logging.getLogger(__name__)


class Tracker:
    """Receives what a run has to say, from ``start`` to ``finish``.

    No method raises because of the store, except in the mode ``required``, and none waits for it, except ``finish``.
    Every method does nothing here; a tracker overrides those whose content it keeps.
    """

    @property
    def run_id(self) -> str | None:
        """Identity of the run in its store; None where there is none, or not yet."""
        return None

    def start(self, description: RunDescription) -> None:
        """Begin the run, or the stage's part of it."""

    def finish(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Send what is left, wait for it within a bound, and close the run. A second call does nothing."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Record numbers of one step (epoch); a key is written once per step."""

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record flat parameters beyond those of the description."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""

    def log_file(self, path: Path, folder: str = "", *, name: str | None = None) -> None:
        """Keep a copy of a file as it is now, under ``folder`` of the run's artifacts."""

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as the artifact ``name``, for example ``"config/resolved.yaml"``."""

    def log_image(self, image: bytes, name: str) -> None:
        """Keep the bytes of an image file as the artifact ``name``, for example ``"figures/curve.png"``."""

    def log_agent(self, agent_dir: Path, model: AgentModel) -> None:
        """Keep the agent as a model that can be loaded and served without this run's process."""

    def log_dataset(self, dataset: LoggedDataset) -> None:
        """Record data that the run uses as its input; the data itself stays where it is."""

    def complete_run(self, description: RunDescription, stages: Sequence[RestoredStage]) -> None:
        """Make sure that the run of one seed exists and holds everything, also what DVC restored from its cache."""

    def report_missing(self, parts: Sequence[str]) -> None:
        """Say in words which of its own files a run lacks, where others made it again; none takes back what was said.

        What the runs lack that ``complete_run`` has completed is said besides.
        """

    def log_figure(self, figure: Any, name: str) -> None:
        """Keep a matplotlib figure, drawn now as PNG, as the artifact ``name``."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        self.log_image(buffer.getvalue(), name if name.endswith(".png") else f"{name}.png")


class NullTracker(Tracker):
    """Keeps nothing."""


class JsonLinesTracker(Tracker):
    """Writes one JSON object per call of ``log_metrics``, so per epoch, to a text file that can be read while it grows.

    Holds neither time nor run id, so that equal runs write equal bytes. Numbers that are not finite become null.

    Args:
        path: the file; its directory is made, and an earlier file of that name is replaced when the run starts.
        append: go on in an earlier file instead, for a run that is resumed.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = Path(path)
        self._append = append
        self._stream: TextIO | None = None

    def start(self, description: RunDescription) -> None:
        """Open the file."""
        del description
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("a" if self._append else "w", encoding="utf-8")
        except OSError as error:
            self._give_up(error)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Write ``{"step": step, **metrics}`` as one line."""
        if self._stream is None:
            return
        line = {"step": step, **{name: _finite_or_none(value) for name, value in metrics.items()}}
        try:
            self._stream.write(json.dumps(line, allow_nan=False) + "\n")
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def finish(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Close the file."""
        del status
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _give_up(self, error: OSError) -> None:
        """Stop writing and say so once."""
        self._stream = None
        _LOGGER.warning("Metrics are no longer written to %s: %s. The run goes on.", self._path, error)


class FanOutTracker(Tracker):
    """Hands everything on to several trackers; an error of one is raised only after all others have been served.

    Args:
        trackers: the receivers, in order; the first one with a run id gives the ``run_id``.
    """

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = tuple(trackers)

    @property
    def run_id(self) -> str | None:
        """The first run id that a receiver has."""
        return next((tracker.run_id for tracker in self._trackers if tracker.run_id is not None), None)

    def start(self, description: RunDescription) -> None:
        """Start every tracker."""
        self._raise_first([_error_of(tracker.start, description) for tracker in self._trackers])

    def finish(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Finish every tracker."""
        self._raise_first([_error_of(tracker.finish, status) for tracker in self._trackers])

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_metrics(metrics, step)

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_parameters(parameters)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.set_tags(tags)

    def log_file(self, path: Path, folder: str = "", *, name: str | None = None) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_file(path, folder, name=name)

    def log_text(self, text: str, name: str) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_text(text, name)

    def log_image(self, image: bytes, name: str) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_image(image, name)

    def log_agent(self, agent_dir: Path, model: AgentModel) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_agent(agent_dir, model)

    def log_dataset(self, dataset: LoggedDataset) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.log_dataset(dataset)

    def complete_run(self, description: RunDescription, stages: Sequence[RestoredStage]) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.complete_run(description, stages)

    def report_missing(self, parts: Sequence[str]) -> None:
        """Hand on."""
        for tracker in self._trackers:
            tracker.report_missing(parts)

    @staticmethod
    def _raise_first(errors: Sequence[TrackingError | None]) -> None:
        """Raise the first error, if there is one."""
        for error in errors:
            if error is not None:
                raise error


def _error_of(call: Any, argument: Any) -> TrackingError | None:
    """Return the tracking error that a call raised, or None."""
    try:
        call(argument)
    except TrackingError as error:
        return error
    return None


def _finite_or_none(value: float) -> float | None:
    """Return the number as a float, or None for infinities and NaN, which JSON does not have."""
    number = float(value)
    return number if math.isfinite(number) else None
