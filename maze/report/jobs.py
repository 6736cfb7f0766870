"""The jobs of a multi-run for people: how far they are, and how they ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

__all__ = ["JobProgress", "job_table"]


class JobProgress:
    """Shows how many jobs are done, on standard error; a plain line for each of them where that is no terminal.

    Args:
        n_jobs: how many there are to do.
        silent: show nothing.
    """

    def __init__(self, n_jobs: int, *, silent: bool = False) -> None:
        self._n_jobs = n_jobs
        self._n_done = self._n_failed = 0
        self._best = math.nan
        self._console = Console(stderr=True, quiet=silent)
        self._live = self._console.is_terminal and not silent
        self._progress = Progress(
            TextColumn("[bold]jobs"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} done"),
            TextColumn("{task.fields[n_failed]} failed"),
            TextColumn("best return {task.fields[best]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._live,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> JobProgress:
        self._progress.start()
        self._task = self._progress.add_task("jobs", total=self._n_jobs, n_failed=0, best="-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_end(self, name: str, status: str, seconds: float, best_return: float | None, details: str = "") -> None:
        """Show that a job has ended.

        Args:
            name: the job's name.
            status: ``finished``, ``failed`` or ``stopped``.
            seconds: how long it ran.
            best_return: mean return of its best state, or None.
            details: shown below, for example a traceback.
        """
        self._n_done += 1
        self._n_failed += status == "failed"
        if best_return is not None and not math.isnan(best_return) and not best_return <= self._best:
            self._best = best_return
        if self._task is not None and self._live:
            best = number(self._best)
            self._progress.update(self._task, completed=self._n_done, n_failed=self._n_failed, best=best)
        if status == "stopped":
            details = ""  # the line says it
        if details or status == "stopped" or not self._live:
            line = f"job {self._n_done}/{self._n_jobs} {name} {status} after {seconds:.1f} s"
            line += f", best return {number(best_return)}" if status == "finished" else ""
            text = Text("\n".join([line, *details.rstrip().splitlines()]))  # brackets are no markup
            self._console.print(text, highlight=False, soft_wrap=True)


def job_table(rows: Sequence[Mapping[str, Any]], *, title: str = "Jobs") -> Table:
    """Return a table for the terminal: one row a job.

    Args:
        rows: by column, in words or numbers; the first row's keys are the columns.
        title: printed above.
    """
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = [number(value) if isinstance(value, float) or value is None else str(value) for value in row.values()]
        table.add_row(*(Text(cell) for cell in cells), style="red" if row.get("status") == "failed" else None)
    return table


def number(value: float | None) -> str:
    """Return a number for people; a dash where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"
