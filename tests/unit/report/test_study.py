"""Figures of a search show its numbers, and nothing else decides what they look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maze.report import save_figure
from maze.report.study import importance_figure, search_curves_figure, search_history_figure, slice_figure


def test_the_history_shows_every_score_and_the_best_so_far() -> None:
    [axes] = search_history_figure([3.0, None, 1.0, 5.0, 4.0]).axes
    points = np.asarray(axes.collections[0].get_offsets())
    assert points.tolist() == [[0, 3], [2, 1], [3, 5], [4, 4]]
    [best] = axes.lines
    assert list(best.get_xdata()) == [0, 2, 3, 4]
    assert list(best.get_ydata()) == [3, 3, 5, 5]


def test_importances_are_bars_from_the_least_to_the_most() -> None:
    [axes] = importance_figure({"a": 0.7, "b": 0.1, "c": 0.2}).axes
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a"]


def test_curves_of_stopped_trials_end_with_a_cross() -> None:
    [axes] = search_curves_figure({0: [1.0, None, 3.0], 1: [0.5]}, frozenset({1})).axes
    complete, stopped, *_ = axes.lines
    assert (list(complete.get_xdata()), complete.get_marker()) == ([1, 3], "None")
    assert (list(stopped.get_xdata()), stopped.get_marker()) == ([1], "x")


def test_a_search_without_complete_trials_has_figures_all_the_same(tmp_path: Path) -> None:
    for figure in (search_history_figure([None]), search_curves_figure({}, frozenset()), slice_figure("x", [], [])):
        save_figure(figure, tmp_path / "figure.png")


def test_values_that_are_no_numbers_are_named() -> None:
    [axes] = slice_figure("model", ["a", None], [1.0, 2.0]).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "None"]
    assert slice_figure("lr", [0.1, 0.01], [1.0, 2.0], log=True).axes[0].get_xscale() == "log"


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(search_history_figure([1.0, 2.0]), tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
