"""One job of a multi-run in a process of its own: ``python -m maze.api.multirun.job RUN_DIR``.

Reads what :class:`maze.api.multirun.job_files.JobFiles` wrote just before, trains, and leaves the outcome there.
"""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from maze.api.multirun.children import leave_with_launcher
from maze.api.multirun.job_files import JobFiles
from maze.api.single_run import SingleRun

__all__ = ["main", "train"]


def main(directory: Path) -> int:
    """Train the job whose files are in a directory.

    Args:
        directory: the run's directory.

    Returns:
        Exit status 0; an error ends the process with its traceback and status 1.
    """
    leave_with_launcher()
    files = JobFiles(directory)
    with _outcome_of(files) as keep:
        keep(train(files))
    return 0


def train(files: JobFiles) -> dict[str, Any]:
    """Train as the job's files say.

    Args:
        files: what the parent process wrote.

    Returns:
        The summary and the last epoch's metrics, as plain values.
    """
    task = files.read_task()
    resume = files.prepare_to_go_on()
    n_epochs = files.epochs_to_train(task)
    run = SingleRun(task.config, task.objects, run_dir=files.root, resume=resume, part_of=task.part_of)
    try:
        summary = run.train(n_epochs, **task.trainer_kwargs)
        return {"summary": dataclasses.asdict(summary), "statistics": dict(run.statistics)}
    finally:
        run.close()


@contextmanager
def _outcome_of(files: JobFiles) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Write down how the block ended, in every case; errors go on."""
    outcome: dict[str, Any] = {}
    try:
        yield outcome.update
    finally:
        error = sys.exception()
        if error is not None:
            outcome = {
                "error": "".join(traceback.format_exception_only(error)).strip(),
                "traceback": "".join(traceback.format_exception(type(error), error, _below_here(error))),
                "interrupted": not isinstance(error, Exception),
            }
        files.write_outcome(outcome)


def _below_here(error: BaseException) -> TracebackType | None:
    """Return where an error happened, without the way through this module."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None and place.tb_frame.f_code.co_filename == __file__:
        place = place.tb_next
    return place


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))  # noqa: TID251  (a program of its own)
