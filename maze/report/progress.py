"""A progress bar for people who watch training: epoch, steps, steps per second, return and time left."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["EpochProgress", "TrainingProgress"]


class EpochProgress(Protocol):
    """What a progress bar needs to know of an epoch."""

    @property
    def epoch(self) -> int:
        """Epochs since the run began."""
        ...

    @property
    def n_steps(self) -> int:
        """Environment steps since the run began."""
        ...

    @property
    def steps_per_second(self) -> float:
        """Environment steps per second of collecting and learning."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """Everything measured, by name."""
        ...


class TrainingProgress:
    """Shows epochs as they finish: a bar in terminals and notebooks, a plain line every tenth epoch elsewhere.

    Args:
        n_epochs: epochs to expect; 0 when only early stopping ends training.
        first_epoch: epochs that earlier calls have trained.
        silent: show nothing.
    """

    def __init__(self, n_epochs: int, first_epoch: int = 0, *, silent: bool = False) -> None:
        self._first_epoch = first_epoch
        self._console = Console(stderr=True, quiet=silent)
        self._live = self._console.is_terminal and not silent
        self._in_notebook = self._console.is_jupyter and not silent
        self._display: Any = None  # what a notebook shows, which is replaced epoch by epoch
        self._progress = Progress(
            TextColumn("[bold]train"),
            BarColumn(),
            TextColumn("epoch {task.completed:.0f}/{task.fields[limit]}"),
            TextColumn("{task.fields[steps]:,} steps"),
            TextColumn("{task.fields[speed]:,.0f} steps/s"),
            TextColumn("return {task.fields[mean_return]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._live,
        )
        self._n_epochs = n_epochs
        self._task: TaskID | None = None

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        limit = str(self._n_epochs) if self._n_epochs else "?"
        total = self._n_epochs or None
        self._task = self._progress.add_task("train", total=total, limit=limit, steps=0, speed=0.0, mean_return="-")
        if self._in_notebook:  # rich would need ipywidgets to change what it has shown
            display = importlib.import_module("IPython.display").display
            self._display = display(self._bar(), display_id=True)
        return self

    def say(self, message: str) -> None:
        """Show a line of its own."""
        self._console.print(message, highlight=False, markup=False, soft_wrap=True)

    def _bar(self) -> Table:
        return self._progress.make_tasks_table(self._progress.tasks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_epoch(self, epoch: EpochProgress) -> None:
        """Show a finished epoch."""
        value = epoch.metrics.get("eval/mean_return", epoch.metrics.get("train/mean_return"))
        mean_return = "-" if value is None else f"{value:.1f}"
        done = epoch.epoch - self._first_epoch
        if self._task is not None and (self._live or self._in_notebook):
            self._progress.update(
                self._task,
                completed=done,
                steps=epoch.n_steps,
                speed=epoch.steps_per_second,
                mean_return=mean_return,
            )
            if self._display is not None:
                self._display.update(self._bar())
        elif done % 10 == 0 or done in {1, self._n_epochs}:
            self._console.print(
                f"train epoch {done}/{self._n_epochs or '?'} {epoch.n_steps:,} steps "
                f"{epoch.steps_per_second:,.0f} steps/s return {mean_return}",
                highlight=False,
                soft_wrap=True,
            )
