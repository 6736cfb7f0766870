"""Recording episodes that are played: with their run, as a stage of the pipeline, or beside their files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from maze.api.record.afterwards import Afterwards
from maze.api.record.calls import Call
from maze.api.record.run_record import has_training
from maze.api.session import RunSession, logs_kept_quiet
from maze.artifacts import RunFiles

__all__ = ["PlayLog"]

_LOGGER = logging.getLogger(__name__)

Film: TypeAlias = Callable[[str, Mapping[str, Any], Any], bytes]
"""Takes the name of a call, its arguments and the episodes, and gives a GIF, or b"" where there is none."""

Keep: TypeAlias = Callable[..., None]
"""Takes the episodes, and the files that hold them, if there are any."""


class PlayLog:
    """Decides where a call that plays episodes is recorded.

    Args:
        make_session: opens the record of a stage, or of a rollout that is no part of a training.
        stage_record: record of the stage that is running, or None outside of one.
        afterwards: record of the run that made the agent, where that was loaded and may be written to, or None.
        silent: print nothing.

    Attributes:
        calls: calls that were made before there was a place for the record.
    """

    def __init__(
        self,
        make_session: Callable[[RunFiles, Path | None], RunSession],
        *,
        stage_record: Path | None,
        afterwards: Afterwards | None,
        silent: bool,
    ) -> None:
        self._make_session = make_session
        self._stage_record = stage_record
        self._afterwards = afterwards
        self._silent = silent
        self.calls: list[Call] = []

    @contextmanager
    def playing(
        self,
        session: RunSession | None,
        method: str,
        arguments: Mapping[str, Any],
        *,
        is_loaded: bool,
        film: Film,
        draws: Mapping[str, Any],
    ) -> Iterator[Keep]:
        """Record the episodes that a block plays.

        After training they join the record of the run. A stage is recorded from its beginning, so that it shows as
        running and as failed, and so that the tracking store is opened while torch is loaded. What is played before
        training becomes part of the record that training begins. What a loaded agent plays joins the record of the run
        that made it; a rollout with an ``output_dir`` of its own leaves a record there as well.

        Args:
            session: of the run that was trained here, or None.
            method: name of the call.
            arguments: of the call.
            is_loaded: the agent was loaded.
            film: makes a video of one of the episodes, if the run wants one.
            draws: state of the generator of seeds before the call, where it is not the first state; else empty.

        Yields:
            A function that takes the episodes and the files that hold them.
        """
        played: list[Any] = []

        def keep(episodes: Any, files: Mapping[str, Path] | None = None) -> None:
            is_tracked = session is not None or self._stage_record is not None
            played.extend((episodes, files or {}, film(method, arguments, episodes) if is_tracked else b""))

        with logs_kept_quiet(self._silent):
            if session is None and self._stage_record is not None:
                session = self._make_session(RunFiles(self._stage_record.parent), self._stage_record)
                with session.recorded(method, arguments) as call:
                    yield keep
                    session.log_episodes(call, *played)
                return
            try:
                yield keep
            except Exception as error:
                if session is not None:
                    session.log_failed_call(method, arguments, error)
                raise
            if session is not None:
                session.log_call(method, arguments, *played)
                return
            self.calls.append(Call.of_episodes(method, arguments, *played[:2]))
            self._record_afterwards(Call.of_episodes(method, arguments, *played[:2]), played[0], film, draws)
            if is_loaded and arguments.get("output_dir") is not None:
                self._write_beside(RunFiles(Path(arguments["output_dir"])), self.calls[-1])

    def _write_beside(self, files: RunFiles, call: Call) -> None:
        if not has_training(files.record):
            self._make_session(files, None).record.write_finished(call)

    def _record_afterwards(self, call: Call, episodes: Any, film: Film, draws: Mapping[str, Any]) -> None:
        """Record with the run that made the agent what it played, and say so where that was not possible."""
        if self._afterwards is None:
            return
        call.draws = dict(draws)
        reason = self._afterwards.record(call, episodes, lambda: film(call.method, call.arguments, episodes))
        if reason:
            _LOGGER.warning("not recorded with the run: %s", reason)
