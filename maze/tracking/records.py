"""The records of a journal that carry files: what is told to the store is built here, in the run's process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from maze.errors import ArtifactError
from maze.tracking.description import AgentModel, RestoredStage, RunDescription
from maze.tracking.journal import JournalWriter
from maze.tracking.restore import read_curve, read_key, read_metrics, read_origin

__all__ = ["agent_record", "complete_record", "file_record", "file_records"]


def file_record(journal: JournalWriter, content: Path | bytes, name: str) -> dict[str, Any]:
    """Return the record of one artifact, with its content kept as it is now.

    Raises:
        OSError: the file is unreadable or the disk is full.
    """
    source = journal.keep(content) if isinstance(content, Path) else journal.keep_bytes(content)
    return {"op": "file", "source": source, "name": name}


def file_records(journal: JournalWriter, description: RunDescription) -> list[dict[str, Any]]:
    """Return the records of the description's configuration and artifacts; files that do not exist are left out."""
    records = []
    if description.config:
        text = yaml.safe_dump(_plain(description.config), sort_keys=False, allow_unicode=True)
        records.append(file_record(journal, text.encode(), "config/resolved.yaml"))
    for name, content in description.artifacts.items():
        if isinstance(content, str):
            records.append(file_record(journal, content.encode(), name))
        elif content.is_file():
            records.append(file_record(journal, content, name))
    return records


def agent_record(journal: JournalWriter, agent_dir: Path, model: AgentModel) -> dict[str, Any]:
    """Return the record of a saved agent, with its folder copied as it is now."""
    return {"op": "agent", "source": journal.keep(agent_dir), "model": model.as_record()}


def complete_record(
    journal: JournalWriter, description: RunDescription, stages: Sequence[RestoredStage]
) -> dict[str, Any]:
    """Return the record from which a run of one seed is completed.

    Raises:
        ArtifactError: a record, curve or metrics file of a stage is unreadable.
    """
    return {
        "op": "complete",
        "name": description.name,
        "description": description.as_record(),
        "records": file_records(journal, description),
        "stages": [_stage(journal, stage, description.started) for stage in stages],
    }


def _stage(journal: JournalWriter, stage: RestoredStage, started: int | None) -> dict[str, Any]:
    """Return a stage's name, the run that did its work, and the records that it would have written."""
    now = int(time.time() * 1000) if started is None else started
    points = read_curve(stage.curve, stage.prefix) if stage.curve is not None else []
    if stage.metrics is not None:
        last = points[-1][0] if points else 0
        logged = set().union(*(values for _, values in points))
        numbers = read_metrics(stage.metrics, stage.prefix)
        points.append((last, {name: value for name, value in numbers.items() if name not in logged}))
    records: list[dict[str, Any]] = [
        {"op": "metrics", "values": values, "step": step, "time": now} for step, values in points if values
    ]
    records += [file_record(journal, path, name) for name, path in stage.files.items()]
    records += [{"op": "dataset", **dataset.as_record()} for dataset in stage.datasets]
    if stage.agent_dir is not None:
        if stage.agent is None:
            raise ArtifactError(f"Stage {stage.name!r} has an agent folder and no AgentModel; pass agent= as well.")
        records.append(agent_record(journal, stage.agent_dir, stage.agent))
    return {
        "stage": stage.name,
        "origin": "unknown" if stage.record is None else read_origin(stage.record),
        "key": None if stage.record is None else read_key(stage.record),
        "records": records,
        "missing": list(stage.missing),
    }


def _plain(value: Any) -> Any:
    """Return a configuration as plain dictionaries, lists and scalars; anything else as its text."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
