"""One trial of a search in a process of its own: ``python -m maze.api.tuning.worker TRIAL_DIR``.

Reads what :class:`maze.api.tuning.tasks.TaskFiles` wrote, trains and evaluates, and leaves the outcome there. Agents
that are complete already, since an earlier process was killed after them, are kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock

from maze.api.multirun.children import leave_with_launcher
from maze.api.tuning.decisions import make_judge, make_pruner
from maze.api.tuning.tasks import TaskFiles, TrialTask
from maze.api.tuning.trials import Trial, TrialOutcome, attempt_trial

__all__ = ["main", "train"]

_PATIENCE_SECONDS = 60.0


def main(directory: Path) -> int:
    """Train the trial whose files are in a directory.

    Args:
        directory: the trial's directory.

    Returns:
        Exit status 0, also where the trial's values are hopeless; an error of another kind ends the process with its
        traceback and status 1.

    Raises:
        filelock.Timeout: the process of a search that was killed still works on this trial, and does not leave.
    """
    leave_with_launcher()
    files = TaskFiles(directory)
    with FileLock(files.lock, timeout=_PATIENCE_SECONDS):
        files.write_outcome(train(files.read_task(), files))
    return 0


def train(task: TrialTask, files: TaskFiles) -> TrialOutcome:
    """Train as the task says.

    Args:
        task: of the trial.
        files: where its runs are.

    Returns:
        How it ended.
    """
    trial = Trial(task.number, task.config, task.seeds, _never)
    if task.prunes:
        pruner = make_pruner(task.prunes, task.n_startup_trials, task.n_warmup_epochs)
        trial.report = make_judge(pruner, task.earlier)
    return attempt_trial(trial, files.runs)


def _never(step: int, value: float) -> bool:
    """Let every trial go on."""
    del step, value
    return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))  # noqa: TID251  (a program of its own)
