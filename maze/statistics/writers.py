"""Where statistics go: writers behind one small interface, made and closed by the run that they belong to."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from maze.errors import ArtifactError
from maze.statistics.distribution import Distribution
from maze.statistics.plots import Plot
from maze.tracking import Tracker

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

__all__ = [
    "ConsoleWriter",
    "JsonLinesWriter",
    "LogStatsWriter",
    "StatsValue",
    "TrackerWriter",
    "WriterGroup",
    "send_plot",
]

StatsValue: TypeAlias = float | Distribution
"""A number, or how values were spread."""


class LogStatsWriter:
    """Receives statistics, step by step; a writer of one's own overrides `write`, and `close` if it holds anything."""

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Take the statistics of one step, which is a number of environment steps.

        Args:
            path: what they are of, for example ``"train"`` or ``"eval"``.
            stats: by name, for example ``"BaseEnvEvents/kpi/mean/fill_rate"``.
            step: of the run; goes up.
        """

    def write_plots(self, path: str, plots: Mapping[str, Plot], step: int) -> None:
        """Take the figures of one step; a writer that keeps none leaves them undrawn.

        Args:
            path: what they are of, as for `write`.
            plots: by name, for example ``"ShopEvents/sold"``.
            step: of the run.
        """

    def write_times(self, path: str, seconds: Mapping[str, float], step: int) -> None:
        """Take how long parts of one step took; a writer that is to write the same of equal runs leaves it.

        Args:
            path: what took so long, as for `write`.
            seconds: by name, for example ``"time/epoch"``.
            step: of the run.
        """

    def write_drawings(self, draw: Callable[[], Mapping[str, Figure]], step: int) -> None:
        """Take drawings of the networks, once, when a training ends; a writer that keeps none leaves them undrawn.

        Args:
            draw: makes matplotlib figures by name, for example ``"policy_0"``.
            step: of the run.
        """

    def close(self) -> None:
        """Write what is left. A second call does nothing."""


class WriterGroup(LogStatsWriter):
    """Hands everything on to several writers.

    Args:
        writers: the receivers, in order.
    """

    def __init__(self, writers: Sequence[LogStatsWriter]) -> None:
        self.writers = tuple(writers)

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Hand on."""
        for writer in self.writers:
            writer.write(path, stats, step)

    def write_plots(self, path: str, plots: Mapping[str, Plot], step: int) -> None:
        """Hand on."""
        for writer in self.writers:
            writer.write_plots(path, plots, step)

    def write_times(self, path: str, seconds: Mapping[str, float], step: int) -> None:
        """Hand on."""
        for writer in self.writers:
            writer.write_times(path, seconds, step)

    def write_drawings(self, draw: Callable[[], Mapping[str, Figure]], step: int) -> None:
        """Hand on."""
        for writer in self.writers:
            writer.write_drawings(draw, step)

    def close(self) -> None:
        """Close every writer."""
        with ExitStack() as stack:  # the others are closed, too, where one fails
            for writer in reversed(self.writers):
                stack.callback(writer.close)


class ConsoleWriter(LogStatsWriter):
    """Prints a table of step, path and value, for people.

    Args:
        console: where to; standard error when None.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console  # noqa: PLC0415  (importing maze must not load it)

        self._console = console or Console(stderr=True)

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Print the statistics of one step; of a distribution, its most frequent values."""
        from rich.table import Column, Table  # noqa: PLC0415

        table = Table("step", Column("path", overflow="fold"), "value")
        for name, value in stats.items():
            shown = _most_frequent(value) if isinstance(value, Distribution) else f"{value:.6g}"
            table.add_row(f"{step:,}", f"{path}/{name}", shown)
        self._console.print(table)


class JsonLinesWriter(LogStatsWriter):
    """Writes one JSON object for each call to a text file that can be read while it grows.

    Holds no time, so that equal runs write equal bytes. Numbers that are not finite become null.

    Args:
        path: the file; its directory is made.
        append: go on in an earlier file instead of replacing it.

    Raises:
        ArtifactError: the file cannot be written.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: TextIO | None = self._path.open("a" if append else "w", encoding="utf-8")
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be written ({error}); name another place.") from error

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Write ``{"step": step, "path": path, **stats}`` as one line; distributions as counts."""
        if self._stream is None:
            raise ArtifactError(f"{self._path}: was closed, and {path!r} of step {step} is to be written.")
        line = {"step": step, "path": path, **{name: _plain(value) for name, value in stats.items()}}
        self._stream.write(json.dumps(line, allow_nan=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class TrackerWriter(LogStatsWriter):
    """Sends numbers to a tracker, such as MLflow's, as metrics ``path/name``; distributions as one file at the end.

    Figures are sent as they come, as ``figures/<path>/<name>/<step>.png``.

    Args:
        tracker: of the run; it is started and finished elsewhere, later than this writer is closed.
        artifact: name of the file with the distributions.
        numbers: send numbers; False where somebody else does.
        earlier: distributions of epochs before, as the file holds them; they are sent again with the new ones.
    """

    def __init__(
        self,
        tracker: Tracker,
        artifact: str = "statistics/distributions.json",
        numbers: bool = True,
        earlier: Mapping[str, list[dict[str, Any]]] = MappingProxyType({}),
    ) -> None:
        self._tracker = tracker
        self._artifact = artifact
        self._numbers = numbers
        self._distributions = {name: list(epochs) for name, epochs in earlier.items()}
        self._is_told = False

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Send the numbers of one step, and keep its distributions."""
        numbers: dict[str, float] = {}
        for name, value in stats.items():
            if isinstance(value, Distribution):
                self._keep(f"{path}/{name}", {"step": step, **value.to_json()})
            else:
                numbers[f"{path}/{name}"] = value
        if numbers and self._numbers:
            self._tracker.log_metrics(numbers, step=step)

    def write_plots(self, path: str, plots: Mapping[str, Plot], step: int) -> None:
        """Draw and send the figures of one step."""
        for name, plot in plots.items():
            send_plot(self._tracker, plot, f"{path}/{name}/{step:09d}")

    def close(self) -> None:
        """Send the distributions of all steps, by name."""
        if self._is_told:
            self._tracker.log_text(json.dumps(self._distributions, indent=1), self._artifact)
            self._is_told = False

    def _keep(self, name: str, told: dict[str, Any]) -> None:
        """Keep the distribution of one step; what was told of later ones belongs to a training that broke off."""
        epochs = self._distributions.setdefault(name, [])
        while epochs and epochs[-1]["step"] >= told["step"]:
            epochs.pop()
        epochs.append(told)
        self._is_told = True


def send_plot(tracker: Tracker, plot: Plot, name: str) -> None:
    """Draw a figure, and send it to a tracker.

    Args:
        tracker: gets an image.
        plot: what is to be drawn; nothing is sent where that fails.
        name: of the image, below the folder ``figures``, without an ending.
    """
    figure = plot.draw()
    if figure is not None:
        tracker.log_figure(figure, f"figures/{name}.png")
        plot.close(figure)


def _plain(value: StatsValue) -> Any:
    """Return a number, None for one that is not finite, or counts in plain containers."""
    if isinstance(value, Distribution):
        return value.to_json()
    number = float(value)
    return number if math.isfinite(number) else None


def _most_frequent(value: Distribution, n_shown: int = 3) -> str:
    """Return the most frequent categories or bins with their shares, for example ``"1: 75%, 0: 25%"``."""
    parts = []
    for index in (-value.counts).argsort(kind="stable")[:n_shown]:
        if not value.counts[index]:
            continue
        bounds = f"{value.edges[index]:.3g} to {value.edges[index + 1]:.3g}"
        label = bounds if value.categories is None else str(value.categories[index])
        parts.append(f"{label}: {value.shares[index]:.0%}")
    return ", ".join(parts)
