"""Curves of seeds that report at different steps meet on common ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maze.errors import ArtifactError
from maze.report import Curve, read_curve, summarise_curves


def curve(*points: tuple[float, float]) -> Curve:
    """Return a curve through (step, value) points."""
    table = np.array(points, dtype=np.float64).reshape(-1, 2)
    return Curve(steps=table[:, 0], values=table[:, 1])


def test_reading_leaves_out_what_was_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("step,epoch,return,loss\n0,0,10.5,\n100,1,,0.5\n200,2,30,0.25\n300,3,nan,0.1\n", encoding="utf-8")
    read = read_curve(path)
    assert read.steps.tolist() == [0.0, 200.0]
    assert read.values.tolist() == [10.5, 30.0]
    assert read_curve(path, x="epoch", y="loss").steps.tolist() == [1.0, 2.0, 3.0]


def test_reading_orders_steps_and_keeps_the_last_of_a_repeated_one(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("step,return\n200,2\n100,1\n200,3\n", encoding="utf-8")
    assert read_curve(path).values.tolist() == [1.0, 3.0]


def test_reading_a_curve_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("step,return\n", encoding="utf-8")
    assert len(read_curve(path).steps) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step,epoch,retrun\n1,1,1\n", "did you mean 'retrun'"),
        ("", "no column 'step'"),
        ("step,return\n1,high\n", "must hold numbers alone"),
        ("return,step\n1\n", "must hold numbers alone"),
    ],
)
def test_a_bad_curve_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError, match=message):
        read_curve(path)


def test_a_missing_curve_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="train this seed first"):
        read_curve(tmp_path / "curve.csv")


def test_mean_and_range_by_hand() -> None:
    summary = summarise_curves({0: curve((0, 0), (10, 100)), 1: curve((0, 50), (5, 60), (10, 20))})
    assert summary.steps.tolist() == [0.0, 5.0, 10.0]
    assert summary.mean.tolist() == [25.0, 55.0, 60.0]  # seed 0 is at 50 half-way
    assert summary.low.tolist() == [0.0, 50.0, 20.0]
    assert summary.high.tolist() == [50.0, 60.0, 100.0]
    assert summary.n_seeds.tolist() == [2, 2, 2]


def test_a_seed_that_stopped_stays_and_one_that_has_not_begun_does_not_count() -> None:
    summary = summarise_curves({0: curve((0, 500)), 1: curve((10, 100), (20, 300))})
    assert summary.steps.tolist() == [0.0, 10.0, 20.0]
    assert summary.mean.tolist() == [500.0, 300.0, 400.0]
    assert summary.n_seeds.tolist() == [1, 1, 1]


def test_nothing_gives_nothing() -> None:
    assert len(summarise_curves({}).steps) == 0
    assert len(summarise_curves({0: curve()}).mean) == 0
