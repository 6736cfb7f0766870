"""Training the jobs of a multi-run: hand them to the launcher, take note of their ends, tell the tracking store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from maze.api.multirun.grid import JobSpecification
from maze.api.multirun.job_files import Task
from maze.api.multirun.results import JobOutcome, SweepRecord
from maze.api.multirun.tracked import part_of_sweep, tracked
from maze.api.record.objects import dumps
from maze.api.session import logs_kept_quiet
from maze.config.instantiate import allow_modules, instantiate, with_objects
from maze.errors import InvalidSpecificationError
from maze.launchers import JobResult, Launcher, SerialLauncher

if TYPE_CHECKING:
    from maze.report.jobs import JobProgress

__all__ = ["check_objects", "launch_jobs", "make_launcher"]


def make_launcher(job: JobSpecification) -> Launcher:
    """Return the launcher that a job's configuration or its objects name.

    Raises:
        InvalidSpecificationError: it is none.
    """
    section = with_objects(job.config.section("launcher"), job.objects, "launcher")
    with allow_modules(job.config.allowed_modules):
        launcher = instantiate(section, _path_="launcher") if section else SerialLauncher()
    if not callable(getattr(launcher, "launch", None)):
        raise InvalidSpecificationError(
            f"launcher: {type(launcher).__name__} has no method launch(jobs, on_end); accepted: 'serial', 'joblib', or "
            "an object with this method, see maze.launchers.Launcher."
        )
    found: Launcher = launcher
    return found


def check_objects(jobs: Sequence[JobSpecification]) -> None:
    """Refuse objects that cannot be sent to a job's process, before the first one starts.

    Raises:
        InvalidSpecificationError: names the job, and the object.
    """
    checked: set[int] = set()
    for job in jobs:
        for path, thing in job.objects.items():
            if id(thing) in checked:
                continue
            checked.add(id(thing))
            try:
                dumps(thing)
            except InvalidSpecificationError as error:
                raise InvalidSpecificationError(f"job {job.name}: {path}: {error}") from error


def launch_jobs(
    record: SweepRecord,
    indices: Sequence[int],
    launcher: Launcher,
    *,
    n_epochs: int | None,
    trainer_kwargs: Mapping[str, Any],
    completes: bool,
    silent: bool,
) -> None:
    """Train some jobs of a multi-run, each in a process of its own, and record how they end.

    Args:
        record: of the multi-run; holds the outcomes afterwards.
        indices: which jobs.
        launcher: runs their processes.
        n_epochs: as for ``RunContext.train``.
        trainer_kwargs: as for ``RunContext.train``.
        completes: the jobs end what an interrupted call has begun, instead of training as many epochs again.
        silent: print nothing.

    Raises:
        InvalidSpecificationError: an argument cannot be sent to another process.
        KeyboardInterrupt: Ctrl-C, after all processes have ended.
    """
    from maze.report.jobs import JobProgress  # noqa: PLC0415  (importing RunContext must not load rich)

    with ExitStack() as stack:
        stack.enter_context(logs_kept_quiet(silent))
        for index in indices:
            files = record.files(index)
            stack.callback(files.forget_objects)
            job = record.jobs[index]
            files.write_task(
                Task(
                    config=job.config,
                    objects=job.objects,
                    n_epochs=n_epochs,
                    trainer_kwargs=trainer_kwargs,
                    completes=completes,
                    part_of=part_of_sweep(record, index),
                )
            )
            record.outcomes[index] = JobOutcome()
        stack.enter_context(tracked(record))
        progress = stack.enter_context(JobProgress(len(indices), silent=silent))
        _Watch(record, indices, progress).launch(launcher)


class _Watch:
    """Takes note of how jobs end."""

    def __init__(self, record: SweepRecord, indices: Sequence[int], progress: JobProgress) -> None:
        self._record = record
        self._progress = progress
        self._waiting = {record.jobs[index].name: index for index in indices}

    def launch(self, launcher: Launcher) -> None:
        """Run the jobs; those of which a launcher tells nothing count as failed."""
        record = self._record
        jobs = [record.files(n).as_job(name, record.jobs[n].config) for name, n in self._waiting.items()]
        for result in launcher.launch(jobs, self.note) if jobs else []:
            self.note(result)
        for name in list(self._waiting):
            self.note(JobResult(name, 1, 0.0, "the launcher gave no result for this job"))

    def note(self, result: JobResult) -> None:
        """Take note of a result, once."""
        index = self._waiting.pop(result.name, None)
        if index is None:
            return
        record = self._record
        outcome = record.outcomes[index] = JobOutcome.of(result, record.files(index))
        record.write()
        self._progress.on_end(
            result.name, outcome.status, outcome.seconds, outcome.best_return, outcome.traceback or outcome.reason
        )
