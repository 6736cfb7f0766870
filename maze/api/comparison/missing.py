"""Which jobs of a multi-run, or runs beside others, left no result, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze import report
from maze.artifacts import RunFiles, is_running, read_json
from maze.errors import ArtifactError
from maze.report.missing_jobs import setting_of

__all__ = ["ending_of", "has_result", "missing_jobs"]


def has_result(files: RunFiles) -> bool:
    """Say whether a run has what a comparison needs: its record, and the numbers of its end."""
    return files.record.is_file() and files.metrics.is_file()


def missing_jobs(directory: Path) -> list[report.MissingJob]:
    """Return the jobs without a result of a multi-run, or the runs without one among others in a directory.

    Args:
        directory: of the multi-run, or around the runs.

    Raises:
        ArtifactError: the list of jobs is damaged.
    """
    listed: list[Mapping[str, Any]] = []
    sweep = RunFiles(directory).sweep
    if sweep.is_file():
        listed = list(read_json(sweep).get("jobs", ()))
    names = [str(job["name"]) for job in listed]
    beside = [path.name for path in sorted(directory.glob("*")) if path.is_dir() and _is_training(RunFiles(path))]
    listed += [{"name": name} for name in beside if name not in names]
    counts = Counter(setting_of(_values(job)) for job in listed)
    return [
        report.MissingJob(
            source=str(directory),
            name=str(job["name"]),
            reason=_reason(job, RunFiles(directory / str(job["name"]))),
            values=_values(job),
            n_siblings=counts[setting_of(_values(job))],
        )
        for job in listed
        if not has_result(RunFiles(directory / str(job["name"])))
    ]


def ending_of(record: Mapping[str, Any]) -> str:
    """Say in words why a run was not trained to its end; "" where it was.

    Args:
        record: of the run.
    """
    status, reason = record.get("status"), record.get("reason")
    if status == "RUNNING":
        return "still running" if is_running(record.get("process")) else "its process was killed"
    words = {"KILLED": "interrupted", "FAILED": "failed"}.get(str(status), "")
    return f"{words}: {reason}" if words and reason else words


def _is_training(files: RunFiles) -> bool:
    """Say whether a directory is that of a run that trained, or was to; one with played episodes alone is none."""
    if not files.is_used():
        return False
    try:
        record = read_json(files.record) if files.record.is_file() else {}
    except ArtifactError:
        return True
    calls = [call.get("method") for call in record.get("calls", ())]
    return "train" in calls or record.get("status") != "FINISHED"


def _values(job: Mapping[str, Any]) -> dict[str, str]:
    return {str(path): str(word) for path, word in (job.get("values") or {}).items()}


def _reason(job: Mapping[str, Any], files: RunFiles) -> str:
    """Say why a job has no result."""
    if job.get("status") not in (None, "finished"):
        return f"{job['status']}: {job.get('reason') or 'for no reason that is known'}"
    if not files.root.is_dir():
        return "its directory is gone"
    try:
        ending = ending_of(read_json(files.record)) if files.record.is_file() else ""
    except ArtifactError as error:
        return str(error)
    gone = " and ".join(path.name for path in (files.record, files.metrics) if not path.is_file())
    return f"{ending}; it has no {gone}" if ending else f"it has no {gone}"
