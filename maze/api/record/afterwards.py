"""Recording, with the run that made an agent, what the agent played after it was loaded from its files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.leaving import STAGE_VARIABLE
from maze.api.record.calls import Call, file_digest
from maze.api.record.objects import store_objects
from maze.api.record.origins import describe_environment
from maze.api.record.run_record import calls_directory, is_of_a_run
from maze.api.record.told_afterwards import tell_run
from maze.artifacts import AgentFiles, RunFiles, is_running, read_json, write_json
from maze.config import RunConfig
from maze.errors import ArtifactError
from maze.tracking import collect_lineage, origin_of

if TYPE_CHECKING:
    from maze.rollout import Episodes

__all__ = ["Afterwards", "unrecorded"]

_IS_RECORDED: ContextVar[bool] = ContextVar("maze_is_recorded", default=True)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Run a block in which nothing that loaded agents play is recorded with their runs, because its caller does so."""
    token = _IS_RECORDED.set(False)
    try:
        yield
    finally:
        _IS_RECORDED.reset(token)


class Afterwards:
    """Adds to the record of a run what its agent plays, loaded by another context than the one that trained it.

    Each such context is a session of its own in the record, marked as one that loaded the agent, so that a repetition
    loads it anew as well. What is no run with a record of its own is left alone, and so is what DVC keeps, such as
    outputs of a pipeline, and everything while a stage of a pipeline runs.

    Args:
        config: of the loaded agent.
        agent: its files.
    """

    def __init__(self, config: RunConfig, agent: AgentFiles) -> None:
        self._config = config
        self._agent = agent
        self._weights = ""
        self._session = uuid.uuid4().hex
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def note_weights(self) -> None:
        """Take note of the weights that are being loaded; what others play is not recorded as theirs."""
        self._weights = file_digest(self._agent.weights)

    def record(self, call: Call, episodes: Episodes, film: Callable[[], bytes]) -> str:
        """Record episodes that were played, in the run's directory and in its MLflow run, as far as these are there.

        Args:
            call: that played them.
            episodes: what it gave.
            film: makes a video of one of them, if the run wants one.

        Returns:
            Why they were not recorded although the run has a record; "" where there is nothing to say.
        """
        if not _IS_RECORDED.get() or STAGE_VARIABLE in os.environ:  # a stage writes its own outputs alone
            return ""
        from maze.api.repository.outputs import is_kept_by_dvc  # noqa: PLC0415  (no stage needs it)

        origin = origin_of(self._agent.root)
        files = self._files(origin)
        try:
            if files is not None and is_kept_by_dvc(files.root):
                return ""
            content = None if files is None else self._run_of(files, origin)
            if files is None or content is None:
                if origin is not None:
                    tell_run(self._config, None, origin, call, episodes, film=film, content={})
                return ""
            reason = self._obstacle(files, content)
            if reason:
                return reason
            if call.method == "evaluate" and hasattr(episodes, "returns"):
                from maze.rollout import write_episodes  # noqa: PLC0415  (is loaded by now)

                write_episodes(files.evaluation, episodes)
            content = self._add(files, call)
        except ArtifactError as error:
            return str(error)
        tell_run(self._config, files, origin, call, episodes, film=film, content=content)
        return ""

    def _files(self, origin: Mapping[str, Any] | None) -> RunFiles | None:
        """Return the files of the run that made the agent; None where they are not known."""
        if origin is not None:
            return RunFiles(Path(origin["run_dir"])) if origin.get("run_dir") else None
        return RunFiles(self._agent.root.parent) if self._agent.root.name == "agent" else None

    @staticmethod
    def _run_of(files: RunFiles, origin: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the record of a run, if there is one and it is that of the run that was named."""
        if not files.record.is_file():
            return None
        content = read_json(files.record)
        if not is_of_a_run(content) or (origin is not None and origin.get("key") != content.get("key")):
            return None
        found: dict[str, Any] = content
        return found

    def _obstacle(self, files: RunFiles, content: Mapping[str, Any]) -> str:
        """Say why a run's record cannot be written to now; "" where it can."""
        process = content.get("process")
        if content.get("status") == "RUNNING" and is_running(process):
            return f"{files.record}: process {(process or {}).get('pid')} is at work in this run"
        if not files.agent.weights.is_file() or file_digest(files.agent.weights) != self._weights:
            return f"{files.record}: the run has other weights by now than those that played"
        return ""

    def _add(self, files: RunFiles, call: Call) -> dict[str, Any]:
        """Write the record with one call more, and return it."""
        content: dict[str, Any] = read_json(files.record)
        sessions = list(content["sessions"])
        known = [number for number, session in enumerate(sessions) if session.get("loaded") == self._session]
        if not known:
            threads = self._config.runner.torch_threads or 1
            environment = describe_environment(collect_lineage(Path.cwd()), torch_threads=threads)
            session = {"config": self._config.to_mapping(), "environment": environment, "started": self._started}
            sessions.append({**session, "loaded": self._session})
        call.session = known[0] if known else len(sessions) - 1
        place = f"calls.{self._session[:8]}.{len(content['calls'])}"
        store_objects(calls_directory(files.record), call.write_arguments(place))
        content |= {"sessions": sessions, "calls": [*content["calls"], call.as_record()]}
        write_json(files.record, content)
        return content
