"""Trials side by side, each in a process of its own: hand them to a launcher, and take note of how they end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence

from maze.api.multirun.children import signal_of, told_end
from maze.api.tuning.tasks import TaskFiles, TrialTask
from maze.api.tuning.trials import TrialOutcome
from maze.errors import TrainingError
from maze.launchers import JobResult, Launcher

__all__ = ["train_side_by_side"]

_ASKED_TO_STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def train_side_by_side(
    tasks: Sequence[TrialTask],
    files: Mapping[int, TaskFiles],
    launcher: Launcher,
    on_end: Callable[[int, TrialOutcome], None],
) -> None:
    """Train trials in processes that run at the same time; those that an earlier process has completed are kept.

    A process that was killed, because it needed too much memory or a library crashed, fails its trial. One that was
    asked to stop, or that broke down on an error that says nothing about its values, ends the search instead.

    Args:
        tasks: what to train.
        files: of each trial, by number.
        launcher: runs the processes.
        on_end: is told once of every trial, as soon as it has ended, never twice at a time.

    Raises:
        TrainingError: a process broke down in such a way, after the others have ended; the same search goes on from
            there.
        KeyboardInterrupt: Ctrl-C, after all processes have ended.
    """
    ends = _Ends(tasks, files, on_end)
    jobs = []
    for task in tasks:
        files[task.number].write_task(task)
        if not ends.settle(task.number):
            jobs.append(files[task.number].as_job(_name(task.number), task.config))
    for result in launcher.launch(jobs, ends.note) if jobs else []:
        ends.note(result)
    ends.conclude()


class _Ends:
    """Takes note of how trials end."""

    def __init__(
        self, tasks: Sequence[TrialTask], files: Mapping[int, TaskFiles], on_end: Callable[[int, TrialOutcome], None]
    ) -> None:
        self._tasks = {task.number: task for task in tasks}
        self._numbers = {_name(task.number): task.number for task in tasks}
        self._files = files
        self._on_end = on_end
        self._settled: set[int] = set()
        self._ended: dict[int, JobResult] = {}

    def settle(self, number: int) -> bool:
        """Take note of a trial whose process has written how it ended, once; say whether it has."""
        if number not in self._settled:
            outcome = self._files[number].read_outcome(self._tasks[number].seeds)
            if outcome is None:
                return False
            self._settle(number, outcome)
        return True

    def note(self, result: JobResult) -> None:
        """Take note of the end of a process."""
        number = self._numbers[result.name]
        if not self.settle(number):
            self._ended[number] = result

    def conclude(self) -> None:
        """Settle the trials of processes that said nothing; after the launch, which raises where the user stopped them.

        Raises:
            TrainingError: for one of them there is no outcome.
        """
        for number, task in self._tasks.items():
            if number in self._settled:
                continue
            result = self._ended.get(number)
            if result is None or not _is_crash(result):
                raise TrainingError(
                    f"trial {number}: {_reason(result)}; see {self._files[number].log}. The same search goes on from "
                    "here when it is run again."
                )
            self._settle(number, TrialOutcome("failed", self._files[number].results(task.seeds), _reason(result)))

    def _settle(self, number: int, outcome: TrialOutcome) -> None:
        self._settled.add(number)
        self._on_end(number, outcome)


def _is_crash(result: JobResult) -> bool:
    """Say whether a signal killed a process which nobody sends who only wants it to stop."""
    ended_by = signal_of(result.exit_code)
    return ended_by is not None and ended_by not in _ASKED_TO_STOP


def _reason(result: JobResult | None) -> str:
    """Say in one line how a process ended that wrote no outcome."""
    if result is None:
        return "the launcher gave no result for it"
    handled = result.exit_code - 128 in _ASKED_TO_STOP
    last_words = result.output.strip().splitlines()
    if last_words and signal_of(result.exit_code, handled=handled) is None:
        return last_words[-1]
    return told_end(result.exit_code, handled=handled)


def _name(number: int) -> str:
    return f"trial {number}"
