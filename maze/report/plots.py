"""Figures of a run, as images and as tables that ``dvc plots`` can draw and compare.

Figures are objects of their own: nothing touches matplotlib's global state, no display is needed, and the same data
gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from maze.errors import ArtifactError
from maze.report.curves import Curve, CurveSummary, summarise_curves, write_table
from maze.report.episodes import EpisodeTable
from maze.report.panels import prepare_panel, say_empty

__all__ = [
    "episode_length_figure",
    "learning_curve_figure",
    "return_histogram_figure",
    "save_figure",
    "write_plots",
]

_SIZE = (7.0, 4.2)  # inches
_DPI = 120
_COLOUR = "#2563a8"


def learning_curve_figure(curves: Mapping[int, Curve], *, title: str = "Learning curve") -> Figure:
    """Draw the mean over seeds, the range from worst to best seed as a band, and every seed as a thin line."""
    figure, axes = _new_figure(title, "environment steps", "return")
    summary = summarise_curves(curves)
    if not len(summary.steps):
        say_empty(axes)
        return figure
    n_curves = sum(len(curve.steps) > 0 for curve in curves.values())
    if n_curves > 1:
        axes.fill_between(
            summary.steps, summary.low, summary.high, color=_COLOUR, alpha=0.18, linewidth=0, label="range over seeds"
        )
        for curve in curves.values():
            axes.plot(curve.steps, curve.values, color=_COLOUR, alpha=0.35, linewidth=0.8)
    label = f"mean of {n_curves} seeds" if n_curves > 1 else "one seed"
    axes.plot(summary.steps, summary.mean, color=_COLOUR, linewidth=2.0, label=label)
    axes.legend(loc="lower right", frameon=False)
    return figure


def return_histogram_figure(episodes: Mapping[int, EpisodeTable], *, title: str = "Returns") -> Figure:
    """Draw how often evaluation reached which return, all seeds together, with the mean marked."""
    figure, axes = _new_figure(title, "return of an episode", "episodes")
    _histogram(axes, _pool([table.returns for table in episodes.values()]))
    return figure


def episode_length_figure(episodes: Mapping[int, EpisodeTable], *, title: str = "Episode lengths") -> Figure:
    """Draw how often evaluation episodes lasted how long, all seeds together, with the mean marked."""
    figure, axes = _new_figure(title, "steps of an episode", "episodes")
    _histogram(axes, _pool([table.lengths for table in episodes.values()]))
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG without date, version or program name, so that equal figures give equal bytes."""
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(image, format="png", dpi=figure.dpi, metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image.getvalue())


def write_plots(
    directory: Path | str, *, curves: Mapping[int, Curve], episodes: Mapping[int, EpisodeTable], title: str = ""
) -> list[Path]:
    """Write all figures of a run and the data behind them.

    Args:
        directory: made when missing; files of the same names are replaced.
        curves: learning curve of each seed.
        episodes: evaluation episodes of each seed.
        title: what was trained, for example ``"CartPole-v1, ppo"``; put before the name of each figure.

    Returns:
        ``learning_curve.csv`` (step, n_seeds, low, high, return), ``returns.csv`` (seed, episode, length, return),
        ``learning_curve.png``, ``returns.png`` and ``episode_lengths.png``. The return is the last column of both
        tables because that is the one that ``dvc plots`` draws when nothing else is said.

    Raises:
        ArtifactError: when a seed has not as many lengths as returns.
    """
    folder = Path(directory)
    prefix = f"{title}: " if title else ""
    _write_curve_table(folder / "learning_curve.csv", summarise_curves(curves))
    _write_episode_table(folder / "returns.csv", episodes)
    figures = {
        "learning_curve.png": learning_curve_figure(curves, title=f"{prefix}learning curve"),
        "returns.png": return_histogram_figure(episodes, title=f"{prefix}returns in evaluation"),
        "episode_lengths.png": episode_length_figure(episodes, title=f"{prefix}episode lengths in evaluation"),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / "learning_curve.csv", folder / "returns.csv", *(folder / name for name in figures)]


def _new_figure(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    return figure, prepare_panel(figure.add_subplot(), title, x_label, y_label)


def _histogram(axes: Axes, values: npt.NDArray[np.float64]) -> None:
    values = values[np.isfinite(values)]
    if not len(values):
        say_empty(axes)
        return
    axes.hist(values, bins=_bin_edges(values).tolist(), color=_COLOUR, alpha=0.8)
    mean = float(values.mean())
    axes.axvline(mean, color="black", linestyle="--", linewidth=1.2, label=f"mean {mean:.4g} of {len(values)} episodes")
    axes.legend(loc="upper left", frameon=False)


def _bin_edges(values: npt.NDArray[np.float64], n_bins: int = 20) -> npt.NDArray[np.float64]:
    """Return edges of equally wide bins; episodes that all ended alike still get a bar of visible width."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(1.0, abs(low), abs(high)):
        margin = max(1.0, 0.05 * abs(low))
        low, high = low - margin, high + margin
    return np.linspace(low, high, n_bins + 1)


def _pool(columns: list[npt.NDArray[np.float64]] | list[npt.NDArray[np.int64]]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *columns])


def _write_curve_table(path: Path, summary: CurveSummary) -> None:
    whole = bool(np.all(summary.steps == np.floor(summary.steps)))
    columns = {
        "step": summary.steps.astype(np.int64) if whole else summary.steps,
        "n_seeds": summary.n_seeds,
        "low": summary.low,
        "high": summary.high,
        "return": summary.mean,
    }
    write_table(path, columns)


def _write_episode_table(path: Path, episodes: Mapping[int, EpisodeTable]) -> None:
    for seed, table in episodes.items():
        if len(table.returns) != len(table.lengths):
            raise ArtifactError(
                f"seed {seed}: {len(table.returns)} returns and {len(table.lengths)} lengths; evaluate this seed again."
            )
    counts = [len(table.returns) for table in episodes.values()]
    columns = {
        "seed": np.repeat(np.array(list(episodes), dtype=np.int64), counts),
        "episode": np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(count) for count in counts)]),
        "length": np.concatenate([np.zeros(0, dtype=np.int64), *(table.lengths for table in episodes.values())]),
        "return": _pool([table.returns for table in episodes.values()]),
    }
    write_table(path, columns)
