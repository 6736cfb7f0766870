"""How a multi-run is shown in the tracking store: a parent of its jobs' runs, with what they came to together."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maze.api.multirun.common import common_parameters, common_yaml
from maze.api.multirun.grid import described_values
from maze.api.multirun.results import SweepRecord
from maze.api.pipeline import SweepPart, describe_sweep, pipeline_name
from maze.errors import MazeError
from maze.tracking import RunDescription, RunStatus, Tracker, open_tracker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["part_of_sweep", "tracked"]

_LOGGER = logging.getLogger(__name__)

_UNDRAWN = (
    MazeError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    ImportError,
    MemoryError,
)
"""What reading results and drawing them can raise; a picture is never worth a multi-run."""

_MOST_ROWS = 50


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


@contextmanager
def tracked(record: SweepRecord) -> Iterator[None]:
    """Show the multi-run in the tracking store: RUNNING while the block runs, then FINISHED, FAILED or KILLED.

    Its run holds the configuration of all jobs, in which what varies is shown as such, from the beginning; at the end
    the numbers of all, the table of jobs, and a figure that compares them. Nothing is drawn where nobody tracks, nor
    where the user is waiting for an interrupted multi-run to end.
    """
    settings = record.jobs[0].config.tracking
    is_on = settings.mode != "off"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
    place = part_of_sweep(record, 0).directory
    tracker = open_tracker(settings.mode, directory=place, environment=environment)
    if is_on:
        tracker.start(_description(record))
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
        tracker.set_tags({**_ends(record), "mlflow.note.content": _note(record)})  # what the run's page begins with
        if is_on and status is not RunStatus.KILLED:
            _show_figure(record, tracker)
        tracker.finish(status)
        record.run_id = tracker.run_id
        record.n_calls += 1
        record.write()


def _description(record: SweepRecord) -> RunDescription:
    configs, directory = [job.config for job in record.jobs], str(record.directory)
    return describe_sweep(
        configs[0],
        key=record.key,
        name=_name(record),
        parameters={**common_parameters(configs, directory), **_axes(record)},
        artifacts={"config/common.yaml": common_yaml(configs, directory)},
    )


def _show_figure(record: SweepRecord, tracker: Tracker) -> None:
    """Keep a figure of the jobs; where that fails, the multi-run goes on without one."""
    if all(outcome.best_return is None for outcome in record.outcomes):
        return
    try:
        figure = _drawn(record)
    except _UNDRAWN as error:
        _LOGGER.warning("The jobs of %s cannot be drawn (%s: %s).", record.directory, type(error).__name__, error)
        return
    tracker.log_figure(figure, "figures/jobs.png")


def _drawn(record: SweepRecord) -> Figure:
    from maze.api.comparison.directories import read_directory  # noqa: PLC0415
    from maze.api.comparison.naming import split  # noqa: PLC0415
    from maze.report.jobs_figure import jobs_figure  # noqa: PLC0415  (loads matplotlib)

    experiments = split("", read_directory(record.directory))
    alone = pipeline_name(record.jobs[0].config)  # where nothing but seeds varies
    return jobs_figure([dataclasses.replace(one, name=one.name or alone) for one in experiments])


def _note(record: SweepRecord) -> str:
    """Return the table of jobs in Markdown, with the reasons of those that did not finish."""
    rows = record.rows()
    lines = [_line([*rows[0]]), "|" + "---|" * len(rows[0])]
    lines += [_line(["-" if cell is None else str(cell) for cell in row.values()]) for row in rows[:_MOST_ROWS]]
    lines += (
        ["", f"The first {_MOST_ROWS} of {len(rows)} jobs; tables/jobs.csv has all."] if len(rows) > _MOST_ROWS else []
    )
    failed = [failure for failure in map(record.failure, range(len(record.jobs))) if failure is not None]
    lines += ["", *(f"- {failure}" for failure in failed[:_MOST_ROWS])] if failed else []
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


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
