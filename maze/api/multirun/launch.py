"""Training the jobs of a multi-run: hand them to the launcher, take note of their ends, tell the tracking store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.multirun.grid import JobSpecification, described_values
from maze.api.multirun.job_files import Task
from maze.api.multirun.results import JobOutcome, SweepRecord
from maze.api.pipeline import SweepPart, describe_sweep
from maze.api.record.objects import dumps
from maze.api.session import logs_kept_quiet
from maze.config.instantiate import allow_modules, instantiate, with_objects
from maze.errors import InvalidSpecificationError
from maze.launchers import JobResult, Launcher, SerialLauncher
from maze.tracking import RunStatus, open_tracker

if TYPE_CHECKING:
    from maze.report.jobs import JobProgress

__all__ = ["check_objects", "launch_jobs", "make_launcher", "part_of_sweep"]


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


def part_of_sweep(record: SweepRecord, index: int) -> SweepPart:
    """Return how the run of a job introduces itself: as a part of its multi-run."""
    job = record.jobs[index]
    given = job.config.run_dir is not None
    place = record.directory if given else Path(job.config.log_base_dir).absolute()  # as for single runs
    return SweepPart(
        key=f"{record.key}-{index}",
        name=f"{job.index} {job.description}".strip(),
        parent_key=record.key,
        parent_name=_name(record),
        directory=place,
        values=described_values(job.values),
    )


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
        stack.enter_context(_tracked(record))
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


@contextmanager
def _tracked(record: SweepRecord) -> Iterator[None]:
    """Show the multi-run in the tracking store: RUNNING while the block runs, then FINISHED, FAILED or KILLED."""
    config = record.jobs[0].config
    settings = config.tracking
    environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
    place = part_of_sweep(record, 0).directory
    tracker = open_tracker(settings.mode, directory=place, environment=environment)
    tracker.start(describe_sweep(config, key=record.key, name=_name(record), axes=_axes(record)))
    status = RunStatus.FAILED
    try:
        yield
        finished = all(outcome.status == "finished" for outcome in record.outcomes)
        status = RunStatus.FINISHED if finished else RunStatus.FAILED
    except (KeyboardInterrupt, SystemExit):
        status = RunStatus.KILLED
        raise
    finally:
        tracker.log_metrics(record.numbers(), step=record.n_calls)
        record.write()
        tracker.log_file(record.table, "tables")
        tracker.set_tags(_ends(record))
        tracker.finish(status)
        record.run_id = tracker.run_id
        record.n_calls += 1
        record.write()


def _ends(record: SweepRecord) -> dict[str, str]:
    """Return the tags from which the store knows the status of the whole, also of jobs that never opened a run."""
    words = {"finished": RunStatus.FINISHED, "failed": RunStatus.FAILED, "stopped": RunStatus.KILLED}
    ended = [(job.index, outcome.status) for job, outcome in zip(record.jobs, record.outcomes, strict=True)]
    return {f"agent.job {index}": str(words[status]) for index, status in ended if status in words}


def _name(record: SweepRecord) -> str:
    axes = ", ".join(_axes(record))
    return f"sweep over {axes}" if axes else "sweep"


def _axes(record: SweepRecord) -> dict[str, str]:
    """Return what varies, with all its values in words."""
    values: dict[str, dict[str, None]] = {}
    for job in record.jobs:
        for path, word in described_values(job.values).items():
            values.setdefault(path, {})[word] = None
    return {path: ", ".join(words) for path, words in values.items()}
