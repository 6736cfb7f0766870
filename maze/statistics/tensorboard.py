"""Statistics for TensorBoard, which is an extra: ``pip install maze[tensorboard]``.

Tags are those of ``maze.statistics.tags``, for example ``train_BaseEnvEvents/reward/mean``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.errors import InvalidSpecificationError
from maze.statistics.distribution import Distribution
from maze.statistics.plots import Plot
from maze.statistics.tags import event_tag
from maze.statistics.writers import LogStatsWriter, StatsValue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TensorboardWriter"]


class TensorboardWriter(LogStatsWriter):
    """Writes numbers as scalars, distributions as histograms, figures and drawings of networks as images.

    Args:
        directory: where the event file goes; it is made.

    Raises:
        InvalidSpecificationError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (loads torch, and is an extra)
        except ImportError as error:
            raise InvalidSpecificationError(
                f"tensorboard: is not installed ({error}); accepted after pip install 'maze[tensorboard]'."
            ) from error
        directory.mkdir(parents=True, exist_ok=True)
        self._writer: Any = SummaryWriter(str(directory))

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Write the statistics of one step."""
        for name, value in stats.items():
            tag = event_tag(path, name)
            if isinstance(value, Distribution):
                self._write_histogram(tag, value, step)
            else:
                self._writer.add_scalar(tag, value, step)
        self._writer.flush()

    def write_plots(self, path: str, plots: Mapping[str, Plot], step: int) -> None:
        """Draw the figures of one step."""
        for name, plot in plots.items():
            figure = plot.draw()
            if figure is not None:
                self._writer.add_figure(event_tag(path, name), figure, step)
                plot.close(figure)
        self._writer.flush()

    def write_times(self, path: str, seconds: Mapping[str, float], step: int) -> None:
        """Write how long parts of one step took; its files hold times anyway."""
        self.write(path, seconds, step)

    def write_drawings(self, draw: Callable[[], Mapping[str, Figure]], step: int) -> None:
        """Draw the networks, as images below ``networks``."""
        for name, figure in draw().items():
            self._writer.add_figure(f"networks/{name}", figure, step)
            Plot.close(figure)
        self._writer.flush()

    def _write_histogram(self, tag: str, value: Distribution, step: int) -> None:
        self._writer.add_histogram_raw(
            tag,
            min=value.minimum,
            max=value.maximum,
            num=value.n_values,
            sum=value.total,
            sum_squares=value.total_squares,
            bucket_limits=value.edges[1:].tolist(),
            bucket_counts=value.counts.tolist(),
            global_step=step,
        )

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
