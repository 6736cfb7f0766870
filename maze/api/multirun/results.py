"""What a multi-run leaves behind: ``sweep.json`` and ``jobs.csv`` in its directory, and failures as objects."""

from __future__ import annotations

import dataclasses
import math
import signal
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from maze.api.arguments import absolute_directory
from maze.api.multirun.children import signal_of, told_end
from maze.api.multirun.grid import JobSpecification, described_values
from maze.api.multirun.job_files import JobFiles
from maze.artifacts import RunFiles, read_json, write_csv, write_json
from maze.errors import InvalidSpecificationError
from maze.launchers import JobResult
from maze.trainers.base import TrainingSummary

__all__ = ["JobFailure", "JobOutcome", "SweepRecord"]

_LAST_LINES = 20

Status: TypeAlias = Literal["waiting", "finished", "failed", "stopped"]


@dataclasses.dataclass(frozen=True)
class JobFailure:
    """Stands in the lists of a multi-run in the place of a job that did not finish.

    Attributes:
        name: the job's name.
        values: its value on every axis.
        reason: what went wrong, in one line.
        traceback: where it went wrong; what the process printed last where it was killed.
        exit_code: of its process; -n when signal n killed it.
        run_dir: its directory; ``train.log`` there holds everything that the process printed.
    """

    name: str
    values: Mapping[str, Any]
    reason: str
    traceback: str = dataclasses.field(repr=False)
    exit_code: int
    run_dir: Path

    def __str__(self) -> str:
        """Return the job and the reason in one line."""
        return f"job {self.name} failed: {self.reason}"


@dataclasses.dataclass(frozen=True)
class JobOutcome:
    """How a job ended, or that it has not run yet.

    Attributes:
        status: ``waiting``, ``finished``, ``failed``, or ``stopped`` by Ctrl-C or SIGTERM.
        seconds: of its last call.
        exit_code: of its process.
        summary: what its training returned.
        statistics: the last epoch's metrics.
        reason: why it did not finish.
        traceback: where.
    """

    status: Status = "waiting"
    seconds: float = 0.0
    exit_code: int = 0
    summary: TrainingSummary | None = None
    statistics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    reason: str = "it has not been trained yet"
    traceback: str = ""

    @property
    def best_return(self) -> float | None:
        """Mean return of the best state; None where there is none."""
        value = None if self.summary is None else self.summary.best_return
        return None if value is None or math.isnan(value) else value

    @classmethod
    def of(cls, result: JobResult, files: JobFiles) -> JobOutcome:
        """Read how a job ended from its process and from what that wrote."""
        written = files.read_outcome()
        if "summary" in written:  # also where its process was stopped while it ended
            summary = TrainingSummary(**written["summary"])
            return cls("finished", result.seconds, 0, summary, written["statistics"], reason="")
        stopped = result.exit_code in {-signal.SIGTERM, -signal.SIGINT} or written.get("interrupted", False)
        last_words = "\n".join(result.output.strip().splitlines()[-_LAST_LINES:])
        return cls(
            status="stopped" if stopped else "failed",
            seconds=result.seconds,
            exit_code=result.exit_code,
            reason=_reason(result.exit_code, written),
            traceback="" if stopped else written.get("traceback", last_words),  # nothing of its own went wrong
        )


def _reason(exit_code: int, written: Mapping[str, Any]) -> str:
    """Say why a process did not finish, in one line."""
    handled = bool(written.get("interrupted", False))
    if "error" in written and signal_of(exit_code, handled=handled) is None:
        return " ".join(str(written["error"]).split())
    return told_end(exit_code, handled=handled)


class SweepRecord:
    """The files of a multi-run's directory.

    Args:
        directory: of the multi-run.
        seed: base of all randomness of its jobs.
        jobs: its jobs.
        earlier: what an earlier process left in the directory, to be gone on with.

    Attributes:
        key: identity of the multi-run in the tracking store.
        n_calls: how often it was trained.
        run_id: of the multi-run in the tracking store.
        outcomes: how the jobs ended, in order.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        jobs: Sequence[JobSpecification],
        earlier: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self.seed = seed
        self.jobs = tuple(jobs)
        given = earlier or {}
        self.key: str = given.get("key") or uuid.uuid4().hex
        self.n_calls: int = given.get("n_calls", 0)
        self.run_id: str | None = given.get("run_id")
        self.outcomes = [JobOutcome() for _ in self.jobs]
        if earlier is not None:
            self._check_same_jobs(earlier["jobs"])
            self.outcomes = [self._restored(*pair) for pair in zip(self.jobs, earlier["jobs"], strict=True)]

    @staticmethod
    def read(directory: Path, *, resume: bool) -> dict[str, Any] | None:
        """Return what an earlier process left in a directory, or None where there is nothing.

        Raises:
            InvalidSpecificationError: the directory is used and is not to be gone on with.
        """
        directory = absolute_directory(directory)
        if RunFiles(directory).is_used():
            raise InvalidSpecificationError(
                f"run_dir: {str(directory)!r} holds a single run; accepted for multirun=True is a new directory, or "
                "that of an earlier multi-run with resume=True."
            )
        path = RunFiles(directory).sweep
        if not path.exists():
            return None
        if not resume:
            raise InvalidSpecificationError(
                f"run_dir: {str(directory)!r} holds an earlier multi-run, which would be overwritten; pass resume=True "
                "to run those of its jobs that have not finished, or name another directory."
            )
        earlier: dict[str, Any] = read_json(path)
        return earlier

    def files(self, index: int) -> JobFiles:
        """Return the files of one job."""
        return JobFiles(self.directory / self.jobs[index].name)

    def failure(self, index: int) -> JobFailure | None:
        """Return why a job has no trained agent to show; None where it has one."""
        outcome, job = self.outcomes[index], self.jobs[index]
        if outcome.status == "finished":
            return None
        root = self.files(index).root
        return JobFailure(job.name, job.values, outcome.reason, outcome.traceback, outcome.exit_code, root)

    @property
    def has_begun(self) -> bool:
        """Whether any job has run."""
        return any(outcome.status != "waiting" for outcome in self.outcomes)

    def numbers(self) -> dict[str, float]:
        """Return what the tracking store shows of the multi-run as a whole."""
        returns = [outcome.best_return for outcome in self.outcomes if outcome.best_return is not None]
        n_finished = sum(outcome.status == "finished" for outcome in self.outcomes)
        numbers = {"jobs": len(self.jobs), "jobs_finished": n_finished, "jobs_failed": len(self.jobs) - n_finished}
        best = {"best_return": max(returns), "mean_best_return": sum(returns) / len(returns)} if returns else {}
        return {f"sweep/{name}": float(value) for name, value in {**numbers, **best}.items()}

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of jobs: values, how they ended, their best return and where they are."""
        return [
            {
                "job": job.index,
                **described_values(job.values),
                "status": outcome.status,
                "seconds": round(outcome.seconds, 1),
                "best_return": outcome.best_return,
                "run_dir": job.name,
            }
            for job, outcome in zip(self.jobs, self.outcomes, strict=True)
        ]

    @property
    def table(self) -> Path:
        """The table as a file."""
        return self.directory / "jobs.csv"

    def write(self) -> None:
        """Write both files."""
        write_csv(self.table, self.rows())
        jobs = [
            {
                "name": job.name,
                "values": described_values(job.values),
                "digest": job.digest,
                "status": outcome.status,
                "seconds": round(outcome.seconds, 3),
                "exit_code": outcome.exit_code,
                "reason": outcome.reason,
                "best_return": outcome.best_return,
            }
            for job, outcome in zip(self.jobs, self.outcomes, strict=True)
        ]
        shared = {"key": self.key, "seed": self.seed, "n_calls": self.n_calls, "run_id": self.run_id}
        write_json(RunFiles(self.directory).sweep, {**shared, "jobs": jobs})

    def _check_same_jobs(self, earlier: Sequence[Mapping[str, Any]]) -> None:
        """Refuse to go on with a grid of other values."""
        now, before = [job.digest for job in self.jobs], [entry["digest"] for entry in earlier]
        if now == before:
            return
        if len(now) != len(before):
            difference = f"it has {len(before)} jobs and these are {len(now)}"
        else:
            place = next(n for n, (one, other) in enumerate(zip(now, before, strict=True)) if one != other)
            difference = f"its job {earlier[place]['name']} was composed differently from job {self.jobs[place].name}"
        raise InvalidSpecificationError(
            f"run_dir: {str(self.directory)!r} holds an earlier multi-run of other jobs: {difference}; give the same "
            "values to go on with it, or another directory."
        )

    def _restored(self, job: JobSpecification, entry: Mapping[str, Any]) -> JobOutcome:
        """Return how a job of the earlier process ended; what it trained counts only if its files are there.

        The job's own outcome decides: the process that wrote the rest may have been killed before it could see it.
        """
        files = self.files(job.index)
        if entry["status"] != "finished" and files.root.exists():
            with files.held():  # waits for a job that ends because its launcher was killed
                pass
        written = files.read_outcome()
        if "summary" in written:
            seconds = entry["seconds"] if entry["status"] == "finished" else written.get("seconds", entry["seconds"])
            summary = TrainingSummary(**written["summary"])
            return JobOutcome("finished", seconds, 0, summary, written["statistics"], "")
        status: Status = entry["status"] if entry["status"] != "finished" else "failed"
        return JobOutcome(
            status,
            entry["seconds"],
            entry["exit_code"],
            reason=entry["reason"],
            traceback="" if status == "stopped" else written.get("traceback", ""),
        )
