"""Finding the record of a run in every form in which it is named: a directory, outputs of a pipeline, an MLflow run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze.api.record.run_record import EARLIER, INITIAL, calls_directory
from maze.artifacts import AgentFiles, RunFiles, read_json
from maze.errors import ArtifactError

__all__ = ["STAGES", "Recorded", "find_recorded"]

STAGES = ("train", "rollout", "evaluate")
"""Stages of the pipeline that work on one seed's agent, in their order."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """One record, and where the run left what it tells of.

    Attributes:
        part: stage of the pipeline, or ``run``.
        content: the record.
        files: the run's files; of a stage, those that it wrote.
        calls: directory of the live objects among the arguments of calls.
    """

    part: str
    content: Mapping[str, Any]
    files: RunFiles
    calls: Path

    @property
    def initial(self) -> AgentFiles | None:
        """The agent with which the run began; None where it began with none, or where that is no part of the run."""
        origin = self.content.get("began_from")
        if not isinstance(origin, Mapping) or origin.get("directory") != INITIAL:
            return None
        return RunFiles(self.files.root / INITIAL).agent

    @property
    def inherits(self) -> bool:
        """Whether the run began with a new agent that took over parts of an earlier one (``input_dir``)."""
        origin = self.content.get("began_from")
        return isinstance(origin, Mapping) and "taken" in origin

    @property
    def objects(self) -> Path:
        """Directory of the run's live objects and of the copies of modules; of a resumed run, those of its end."""
        return self.files.root / "objects" if self.is_rollout else self.files.agent.objects

    def objects_of(self, session: int) -> Path:
        """Return the directory of the live objects that one session was given; one that loads an agent keeps none."""
        kept = (self.files.root / EARLIER / str(number) / "objects" for number in range(session, len(self.sessions)))
        return next((place for place in kept if place.is_dir()), self.objects)

    @property
    def is_rollout(self) -> bool:
        """Whether it tells of a rollout from configuration (``conf_rollout``), which trains nothing."""
        return self.content.get("kind") == "rollout"

    @property
    def sessions(self) -> list[Mapping[str, Any]]:
        """What each process that worked on the run was given, in order."""
        return list(self.content["sessions"])

    def calls_of(self, session: int) -> list[tuple[int, Mapping[str, Any]]]:
        """Return the calls of one session with their numbers."""
        calls = enumerate(self.content["calls"])
        return [(number, call) for number, call in calls if call.get("session", 0) == session]


def find_recorded(source: str | Path) -> list[Recorded]:
    """Return the records of a run: one, or one for each stage of a pipeline that worked on the same agent.

    Args:
        source: directory of a run, its ``record.json``, one seed's outputs of a stage (``out/train/0``), an MLflow run
            id, or ``models:/name@alias`` or ``models:/name/version`` for the run that made a registered policy.

    Raises:
        ArtifactError: there is no record, or it is damaged or too old to be repeated.
    """
    path = Path(source)
    if path.is_file():
        path = path.parent if path.name == "record.json" else _outputs_of(path)
    if not path.is_dir():
        from maze.tracking import download_run  # noqa: PLC0415  (a process of its own loads mlflow)

        path = download_run(str(source))
    found = _in_directory(path.resolve())
    if not found:
        raise ArtifactError(_nothing_in(path, source))
    return found


def _outputs_of(record: Path) -> Path:
    """Return the outputs of the stage whose record is ``out/record/<stage>/<seed>.json``."""
    return record.parents[2] / record.parent.name / record.stem if len(record.parents) > 2 else record


def _in_directory(path: Path) -> list[Recorded]:
    root = path.parent if path.name == "agent" and not RunFiles(path).record.is_file() else path
    if RunFiles(root).record.is_file():
        return [_read("run", RunFiles(root).record, root)]
    records = {stage: (root / stage / "record.json", root / stage) for stage in STAGES}  # as MLflow keeps them
    if not any(record.is_file() for record, _ in records.values()):
        out, seed = root.parent.parent, root.name
        records = {stage: (out / "record" / stage / f"{seed}.json", out / stage / seed) for stage in STAGES}
        if root.parent.name not in STAGES:
            return []
    return [_read(stage, record, place) for stage, (record, place) in records.items() if record.is_file()]


def _read(part: str, record: Path, root: Path) -> Recorded:
    content = read_json(record)
    known = isinstance(content, dict) and isinstance(content.get("calls"), list)
    if known and content.get("kind") == "rollout":
        session = {"config": content.get("config"), "environment": content.get("environment")}
        content = {**content, "sessions": [session]}
    if not known or not _has_sessions(content):
        raise ArtifactError(
            f"{record}: does not hold what a repetition needs (the configuration of each session and the calls); it "
            "was written by an earlier version of maze, or is no record of a training. Train again to get one."
        )
    return Recorded(part=part, content=content, files=RunFiles(root), calls=calls_directory(record))


def _has_sessions(content: Mapping[str, Any]) -> bool:
    sessions = content.get("sessions")
    known = isinstance(sessions, list) and all(isinstance(session, dict) for session in sessions)
    return known and all(isinstance(session.get("config"), dict) for session in sessions or ())


def _nothing_in(path: Path, source: str | Path) -> str:
    jobs = sorted(record.parent for record in path.glob("*/record.json"))
    if jobs:
        shown = ", ".join(str(job) for job in jobs[:4])
        return f"{source}: holds several runs; name one of them: {shown}{', ...' if len(jobs) > 4 else ''}."
    return (
        f"{source}: holds no record; accepted is the directory of a run (with record.json inside), one seed's outputs "
        "of a pipeline (out/train/0, with out/record/train/0.json), an MLflow run id, or models:/NAME@champion. "
        "Records of a pipeline that are not there come back with `dvc checkout`."
    )
