"""A picture of several experiments: learning curves with bands, results with intervals, returns, episode lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maze.report.comparison import Comparison
from maze.report.curves import Curve, band_of_curves
from maze.report.measured import Measured
from maze.report.panels import panel_colour, prepare_panel, say_empty

__all__ = ["comparison_figure"]


def comparison_figure(experiments: Sequence[Measured], comparison: Comparison) -> Figure:
    """Draw four panels, the same colour for the same experiment in all of them.

    Args:
        experiments: as they were compared.
        comparison: what :func:`maze.report.compare` found.

    Returns:
        A figure of its own, which :func:`maze.report.save_figure` writes.
    """
    figure = Figure(figsize=(12.0, 8.0), dpi=120, layout="constrained")
    panels = figure.subplots(2, 2)
    _draw_curves(prepare_panel(panels[0, 0], "Learning curves", "environment steps", "return"), experiments)
    _draw_results(prepare_panel(panels[0, 1], "Interquartile mean with interval", "return", ""), comparison)
    titles = ("Share of episodes with more than a return", "return of an episode", "share of episodes")
    _draw_shares(prepare_panel(panels[1, 0], *titles), [experiment.returns for experiment in experiments])
    titles = ("Share of episodes longer than", "steps of an episode", "share of episodes")
    _draw_shares(prepare_panel(panels[1, 1], *titles), [experiment.lengths for experiment in experiments])
    handles = [
        panels[0, 1].plot([], [], color=panel_colour(index), linewidth=3)[0] for index in range(len(experiments))
    ]
    figure.legend(handles, [one.name for one in experiments], loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_curves(axes: Axes, experiments: Sequence[Measured]) -> None:
    curves: list[tuple[Curve, ...]] = [experiment.curves for experiment in experiments]
    if not any(curves):
        say_empty(axes)
    for index, one in enumerate(curves):
        if one:
            band = band_of_curves(one)
            axes.plot(band.steps, band.middle, color=panel_colour(index), linewidth=1.8)
            axes.fill_between(band.steps, band.low, band.high, color=panel_colour(index), alpha=0.18, linewidth=0)


def _draw_results(axes: Axes, comparison: Comparison) -> None:
    rows = comparison.rows
    for index, row in enumerate(rows):
        place = len(rows) - 1 - index
        if row.interval is not None:
            axes.plot(row.interval[:2], [place, place], color=panel_colour(index), linewidth=7, alpha=0.35)
        axes.plot([row.iqm], [place], marker="o", markersize=8, color=panel_colour(index))
    axes.set_yticks(range(len(rows)), [row.name for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)


def _draw_shares(axes: Axes, values: Sequence[npt.NDArray[np.float64]]) -> None:
    """Draw for each value what share of the episodes is above it: the higher the line, the better."""
    known = [column[np.isfinite(column)] for column in values]
    if not any(len(column) for column in known):
        say_empty(axes)
        return
    everything = np.concatenate(known)
    low, high = float(everything.min()), float(everything.max())
    margin = 0.03 * (high - low) or 1.0
    for index, column in enumerate(known):
        if len(column):
            ordered = np.sort(column)
            x = np.concatenate([[low - margin], ordered, [high + margin]])
            share = np.concatenate([[1.0], 1.0 - np.arange(1, len(ordered) + 1) / len(ordered), [0.0]])
            axes.step(x, share, where="post", color=panel_colour(index), linewidth=1.8)
    axes.set_ylim(-0.03, 1.03)
