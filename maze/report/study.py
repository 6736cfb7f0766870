"""Figures of a search: how the best score grew, what it depends on, and how trials learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = ["importance_figure", "search_curves_figure", "search_history_figure", "slice_figure"]

_SIZE = (7.0, 4.2)  # inches
_DPI = 120
_COLOUR, _FAINT, _STOPPED = "#2563a8", "#b8bfc8", "#c2410c"


def search_history_figure(scores: Sequence[float | None]) -> Figure:
    """Draw every trial's score and the best one so far.

    Args:
        scores: in the order of the trials; None for those that were stopped or failed.
    """
    figure, axes = _new("Search", "trial", "mean return", counts=True)
    known = [(number, score) for number, score in enumerate(scores) if score is not None]
    axes.scatter([n for n, _ in known], [score for _, score in known], color=_FAINT, label="trial", zorder=2)
    best, steps = -math.inf, []
    for number, score in known:
        best = max(best, score)
        steps.append((number, best))
    axes.step(
        [n for n, _ in steps], [value for _, value in steps], where="post", color=_COLOUR, label="best so far", zorder=3
    )
    axes.legend(loc="best")
    return figure


def importance_figure(importances: Mapping[str, float]) -> Figure:
    """Draw the share of the scores' variance that every axis explains.

    Args:
        importances: share by axis, in [0, 1].
    """
    figure, axes = _new("What the score depends on", "share of the variance explained", "")
    ordered = sorted(importances.items(), key=lambda item: item[1])
    axes.barh([path for path, _ in ordered], [share for _, share in ordered], color=_COLOUR)
    axes.set_xlim(0.0, 1.0)
    return figure


def search_curves_figure(curves: Mapping[int, Sequence[float | None]], pruned: frozenset[int]) -> Figure:
    """Draw the learning curves of the trials' first seeds.

    Args:
        curves: return after each epoch, by number of the trial.
        pruned: numbers of the trials that were stopped.
    """
    figure, axes = _new("Learning curves of the trials", "epoch", "return", counts=True)
    for number, curve in curves.items():
        points = [(epoch, value) for epoch, value in enumerate(curve, start=1) if value is not None]
        stopped = number in pruned
        axes.plot(
            [epoch for epoch, _ in points],
            [value for _, value in points],
            color=_STOPPED if stopped else _COLOUR,
            alpha=0.5,
            linewidth=1.0,
            marker="x" if stopped and points else None,
            markevery=[len(points) - 1] if stopped and points else None,
        )
    axes.plot([], [], color=_COLOUR, label="complete")
    axes.plot([], [], color=_STOPPED, marker="x", label="stopped early")
    axes.legend(loc="best")
    return figure


def slice_figure(path: str, values: Sequence[Any], scores: Sequence[float], *, log: bool = False) -> Figure:
    """Draw the scores over one axis of the search.

    Args:
        path: of the axis.
        values: of the complete trials; numbers, or anything else, which is drawn as text.
        scores: of the same trials.
        log: the axis is searched by orders of magnitude.
    """
    figure, axes = _new(path, path, "mean return")
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    axes.scatter(values if numbers else [str(value) for value in values], scores, color=_COLOUR)
    if log and numbers:
        axes.set_xscale("log")
    return figure


def _new(title: str, x: str, y: str, *, counts: bool = False) -> tuple[Figure, Any]:
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.25)
    if counts:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, axes
