"""The picture of a multi-run: a band where jobs are seeds, the best on top, cheap where there are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex

from maze.report import Curve, Measured, MeasuredAgent
from maze.report.jobs_figure import jobs_figure


def experiment(name: str, returns: Sequence[float], *, has_curve: bool = True) -> Measured:
    steps = np.array([10.0, 20.0])
    agents = [
        MeasuredAgent(
            name=f"seed {seed}",
            seed=seed,
            config={},
            mean_return=value,
            basis="training",
            n_episodes=0,
            curve=Curve(steps, np.array([0.0, value])) if has_curve else None,
        )
        for seed, value in enumerate(returns)
    ]
    return Measured(name=name, agents=tuple(agents))


def labels(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def colours(axes: Any) -> set[str]:
    return {to_hex(line.get_color()) for line in axes.lines}


def test_seeds_of_the_same_values_are_one_curve_with_a_band_and_a_dot_for_each() -> None:
    left, right = jobs_figure([experiment("two", [10.0, 20.0]), experiment("one", [12.0])]).axes
    assert len(left.lines) == 2
    assert len(left.collections) == 1  # the band
    assert labels(right) == ["two", "one"]
    dots = [line for line in right.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [[10.0, 20.0]]
    means = [float(line.get_xdata()[0]) for line in right.lines if line.get_marker() == "D"]
    assert means == [15.0, 12.0]
    assert colours(left) == colours(right)


def test_of_many_the_best_have_colours_and_the_picture_stays_readable() -> None:
    many = [experiment(f"job {number}", [float(number), float(number)]) for number in range(60)]
    figure = jobs_figure(many)
    left, right = figure.axes
    assert labels(right)[:2] == ["job 59", "job 58"]
    assert len(labels(right)) == 40
    assert right.get_title() == "Return of each job, the best 40 of 60"
    assert len(left.lines) == 60
    assert len(left.collections) == 8
    assert len(colours(left)) == 9
    assert figure.get_size_inches()[1] < 13


def test_jobs_without_numbers_are_left_out() -> None:
    left, right = jobs_figure([experiment("known", [1.0], has_curve=False), experiment("not", [math.nan])]).axes
    assert labels(right) == ["known"]
    assert [text.get_text() for text in left.texts] == ["no data"]
    left, right = jobs_figure([]).axes
    assert [text.get_text() for axes in (left, right) for text in axes.texts] == ["no data", "no data"]
