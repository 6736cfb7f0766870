"""Opening the writers of statistics that a run's configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from maze.artifacts import RunFiles
from maze.statistics import ConsoleWriter, JsonLinesWriter, LogStatsWriter, TensorboardWriter, WriterGroup

if TYPE_CHECKING:
    from maze.statistics import StatsValue
    from maze.trainers import EpochReport

__all__ = ["open_writers", "write_epoch"]

_PATHS = ("train", "eval")

ValueT = TypeVar("ValueT")


def open_writers(names: Sequence[str], files: RunFiles, *, silent: bool, append: bool) -> LogStatsWriter:
    """Return the writers of a run as one; it closes them.

    Args:
        names: of ``tracking.writers``.
        files: where they write.
        silent: print nothing.
        append: go on in the files of an earlier session.

    Raises:
        InvalidSpecificationError: what a writer needs is not installed.
        ArtifactError: a file cannot be written.
    """
    writers: list[LogStatsWriter] = []
    if "tensorboard" in names:  # first: it may be missing, and then nothing has been opened
        writers.append(TensorboardWriter(files.root / "tensorboard"))
    if "json_lines" in names:
        writers.append(JsonLinesWriter(files.root / "statistics.jsonl", append=append))
    if "console" in names and not silent:
        writers.append(ConsoleWriter())
    return WriterGroup(writers)


def write_epoch(writer: LogStatsWriter, epoch: EpochReport) -> None:
    """Write everything measured in an epoch, by what it is of: ``train`` or ``eval``."""
    measured: Mapping[str, StatsValue] = {**epoch.metrics, **epoch.distributions}
    for path, stats in _by_path(measured).items():
        writer.write(path, stats, step=epoch.n_steps)
    for path, plots in _by_path(epoch.plots).items():
        writer.write_plots(path, plots, step=epoch.n_steps)


def _by_path(told: Mapping[str, ValueT]) -> dict[str, dict[str, ValueT]]:
    """Return what is told by what it is of, then by the rest of its name."""
    by_path: dict[str, dict[str, ValueT]] = {}
    for name, value in told.items():
        path, _, rest = name.partition("/")
        if path not in _PATHS:  # what the learner tells, such as loss/policy
            path, rest = "train", name
        by_path.setdefault(path, {})[rest] = value
    return by_path
