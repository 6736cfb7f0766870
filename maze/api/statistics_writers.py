"""The writers of statistics that a run's configuration asks for: names, mappings, and objects of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from maze.api.arguments import WRITERS_PLACE, writers_among
from maze.artifacts import RunFiles
from maze.config.instantiate import instantiate
from maze.errors import InvalidSpecificationError
from maze.statistics import ConsoleWriter, JsonLinesWriter, LogStatsWriter, TensorboardWriter, WriterGroup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from maze.statistics import Plot, StatsValue
    from maze.trainers import EpochReport

__all__ = ["close_writer_objects", "open_writers", "write_epoch"]

_PATHS = ("train", "eval")
_NOTHING: Mapping[str, float] = MappingProxyType({})

ValueT = TypeVar("ValueT")


def close_writer_objects(objects: Mapping[str, Any]) -> None:
    """Close those writers that were given as objects, once the run writes nothing any more."""
    with ExitStack() as stack:
        for writer in writers_among(objects).values():
            stack.callback(writer.close)


def open_writers(writers: Sequence[Any], files: RunFiles, *, silent: bool, append: bool) -> LogStatsWriter:
    """Return the writers of a run as one, in their order; it closes those that are made here.

    Args:
        writers: of ``tracking.writers``: names, mappings with ``_target_``, objects.
        files: where those with a name write; a mapping's class gets the run's directory as ``run_dir``, if it has such
            an argument.
        silent: print nothing.
        append: go on in the files of an earlier session.

    Raises:
        InvalidSpecificationError: what a writer needs is not installed, or a mapping makes something else.
        ArtifactError: a file cannot be written.
    """
    with ExitStack() as opened:
        made = []
        for index, given in enumerate(writers):
            if given == "console" and silent:
                continue
            made.append(_open(given, f"{WRITERS_PLACE}.{index}", files, append=append))
            opened.callback(made[-1].close)
        opened.pop_all()
    return WriterGroup(made)


def _open(given: Any, path: str, files: RunFiles, *, append: bool) -> LogStatsWriter:
    """Make one writer, or lend one of the user's."""
    if given == "tensorboard":
        return TensorboardWriter(files.root / "tensorboard")
    if given == "json_lines":
        return JsonLinesWriter(files.root / "statistics.jsonl", append=append)
    if given == "console":
        return ConsoleWriter()
    if not isinstance(given, Mapping):
        return _Lent(given)
    writer = instantiate(given, _path_=path, _offered_={"run_dir": files.root})
    if not isinstance(writer, LogStatsWriter):
        raise InvalidSpecificationError(
            f"{path}: {given['_target_']} made {writer!r}; accepted is what makes a maze.LogStatsWriter."
        )
    return writer


class _Lent(LogStatsWriter):
    """A writer of the user's, which stays open when a training ends: the next one writes on."""

    def __init__(self, writer: LogStatsWriter) -> None:
        self._writer = writer

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        self._writer.write(path, stats, step)

    def write_plots(self, path: str, plots: Mapping[str, Plot], step: int) -> None:
        self._writer.write_plots(path, plots, step)

    def write_times(self, path: str, seconds: Mapping[str, float], step: int) -> None:
        self._writer.write_times(path, seconds, step)

    def write_drawings(self, draw: Callable[[], Mapping[str, Figure]], step: int) -> None:
        self._writer.write_drawings(draw, step)


def write_epoch(writer: LogStatsWriter, epoch: EpochReport, totals: Mapping[str, float] = _NOTHING) -> None:
    """Write everything measured in an epoch, by what it is of: ``train`` or ``eval``.

    Args:
        writer: gets it.
        epoch: what was measured.
        totals: what the run has counted up to then, by name.
    """
    measured: Mapping[str, StatsValue] = {**epoch.metrics, **totals, **epoch.distributions}
    for path, stats in _by_path(measured).items():
        writer.write(path, stats, step=epoch.n_steps)
    for path, plots in _by_path(epoch.plots).items():
        writer.write_plots(path, plots, step=epoch.n_steps)
    writer.write_times("train", {"time/epoch": epoch.train_seconds}, step=epoch.n_steps)


def _by_path(told: Mapping[str, ValueT]) -> dict[str, dict[str, ValueT]]:
    """Return what is told by what it is of, then by the rest of its name."""
    by_path: dict[str, dict[str, ValueT]] = {}
    for name, value in told.items():
        path, _, rest = name.partition("/")
        if path not in _PATHS:  # what the learner tells, such as loss/policy
            path, rest = "train", name
        by_path.setdefault(path, {})[rest] = value
    return by_path
