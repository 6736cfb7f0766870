"""A picture of the jobs of a multi-run: how they learned, and how well each of them plays."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maze.report.curves import band_of_curves
from maze.report.measured import Measured
from maze.report.panels import panel_colour, prepare_panel, say_empty

__all__ = ["jobs_figure"]

_N_COLOURED = 8
_MOST_ROWS = 40
_FAINT = "#b8bfc8"
_ROW_INCHES, _LEAST_INCHES, _OTHER_INCHES = 0.26, 4.2, 1.2


def jobs_figure(experiments: Sequence[Measured]) -> Figure:
    """Draw learning curves, and beside them the return of every job, the best values first.

    Curves are interquartile means with a band where several seeds had the same values. The eight best have colours, the
    same in both panels; the others are grey, without a band, so that a picture of many costs little more than one of
    few.

    Args:
        experiments: the jobs of the same values together; those of which no return is known are left out.

    Returns:
        A figure of its own, which :func:`maze.report.save_figure` writes.
    """
    known = [one for one in experiments if not math.isnan(_mean(one))]
    ordered = sorted(known, key=_mean, reverse=True)
    n_rows = min(len(ordered), _MOST_ROWS)
    height = max(_LEAST_INCHES, _OTHER_INCHES + _ROW_INCHES * n_rows)
    figure = Figure(figsize=(13.0, height), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_curves(prepare_panel(left, "Learning curves", "environment steps", "return"), ordered)
    rest = f", the best {n_rows} of {len(ordered)}" if len(ordered) > n_rows else ""
    title = f"Return of each job{rest}"
    _draw_returns(prepare_panel(right, title, "return of the best state", ""), ordered[:n_rows])
    return figure


def _mean(experiment: Measured) -> float:
    """Return the mean over the jobs of which a return is known; NaN where there is none."""
    known = _returns(experiment)
    return math.fsum(known) / len(known) if known else math.nan


def _returns(experiment: Measured) -> list[float]:
    return [agent.mean_return for agent in experiment.agents if math.isfinite(agent.mean_return)]


def _colour_of(place: int) -> str:
    return panel_colour(place) if place < _N_COLOURED else _FAINT


def _draw_curves(axes: Axes, experiments: Sequence[Measured]) -> None:
    if not any(experiment.curves for experiment in experiments):
        say_empty(axes)
    for place, experiment in reversed(list(enumerate(experiments))):  # the best ones lie on top
        if not experiment.curves:
            continue
        is_coloured, colour = place < _N_COLOURED, _colour_of(place)
        band = band_of_curves(experiment.curves, n_resamples=1000 if is_coloured else 1)
        axes.plot(band.steps, band.middle, color=colour, linewidth=1.8 if is_coloured else 0.8)
        if is_coloured and len(experiment.curves) > 1:
            axes.fill_between(band.steps, band.low, band.high, color=colour, alpha=0.18, linewidth=0)


def _draw_returns(axes: Axes, experiments: Sequence[Measured]) -> None:
    if not experiments:
        say_empty(axes)
        return
    for place, experiment in enumerate(experiments):
        returns, colour = _returns(experiment), _colour_of(place)
        if len(returns) > 1:
            axes.plot([min(returns), max(returns)], [place, place], color=colour, linewidth=5, alpha=0.3)
            axes.plot(returns, [place] * len(returns), color=colour, marker="o", markersize=4, linestyle="")
        axes.plot([_mean(experiment)], [place], color=colour, marker="D", markersize=7)
    axes.set_yticks(range(len(experiments)), [one.name for one in experiments])
    axes.set_ylim(len(experiments) - 0.4, -0.6)
