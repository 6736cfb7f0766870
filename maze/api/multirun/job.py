"""One job of a multi-run in a process of its own: ``python -m maze.api.multirun.job RUN_DIR``.

Reads what :class:`maze.api.multirun.job_files.JobFiles` wrote just before, trains, and leaves the outcome there.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
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
    with files.held(), _outcome_of(files):
        train(files)
    return 0


def train(files: JobFiles) -> None:
    """Train as the job's files say, and write down what that came to before anything is closed.

    A signal that comes when training has come to its own end changes nothing any more: the job has finished.

    Args:
        files: what the parent process wrote.
    """
    started = time.perf_counter()
    task = files.read_task()
    resume = files.prepare_to_go_on()
    ended = files.ended_training() if resume and task.completes else None
    if ended is not None:  # the process that trained was killed before it could say so
        files.write_outcome(ended)
        return
    n_epochs = files.epochs_to_train(task)
    run = SingleRun(task.config, task.objects, run_dir=files.root, resume=resume, part_of=task.part_of)
    try:
        outcome = _trained(run, files, n_epochs, task.trainer_kwargs)
        files.write_outcome({**outcome, "seconds": time.perf_counter() - started})
    finally:
        run.close()


def _trained(
    run: SingleRun, files: JobFiles, n_epochs: int | None, trainer_kwargs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the summary and the last epoch's metrics, as plain values."""
    try:
        summary = run.train(n_epochs, **trainer_kwargs)
    except (KeyboardInterrupt, SystemExit):
        ended = files.ended_training()
        if ended is None:
            raise
        return ended
    return {"summary": dataclasses.asdict(summary), "statistics": dict(run.statistics)}


@contextmanager
def _outcome_of(files: JobFiles) -> Iterator[None]:
    """Write down why the block did not finish; what it has finished stays so when a signal comes. Errors go on."""
    try:
        yield
    except Exception as error:
        files.write_outcome({**_told(error), "interrupted": False})
        raise
    except BaseException as interruption:
        if "summary" not in files.read_outcome():
            files.write_outcome({**_told(interruption), "interrupted": True})
        raise


def _told(error: BaseException) -> dict[str, str]:
    return {
        "error": "".join(traceback.format_exception_only(error)).strip(),
        "traceback": "".join(traceback.format_exception(type(error), error, _below_here(error))),
    }


def _below_here(error: BaseException) -> TracebackType | None:
    """Return where an error happened, without the way through this module."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None and place.tb_frame.f_code.co_filename == __file__:
        place = place.tb_next
    return place


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))  # noqa: TID251  (a program of its own)
