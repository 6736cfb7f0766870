"""Reading what a stage left in files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from maze.errors import ArtifactError
from maze.tracking.restore import read_curve, read_metrics, read_origin


def test_metrics_are_flattened_and_only_numbers_stay(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"mean_return": 3, "interval": {"low": 1.5, "high": null}, "name": "x", "ok": true, "l": [1]}')
    assert read_metrics(path, "evaluation/") == {"evaluation/mean_return": 3.0, "evaluation/interval/low": 1.5}


def test_curve_rows_leave_out_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("step,return,loss\n100,1.5,\n200,2.5,nan\n")
    rows = read_curve(path, "t/")
    assert rows[0] == (100, {"t/return": 1.5})
    assert rows[1][0] == 200
    assert math.isnan(rows[1][1]["t/loss"])


def test_origin(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text('{"run_id": "abc"}')
    assert read_origin(path) == "abc"
    path.write_text('{"run_id": null}')
    assert read_origin(path) == "unknown"


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_a_broken_record_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"record\.json"):
        read_origin(path)


@pytest.mark.parametrize("content", [None, "return\n1\n", "step,return\n1,high\n"])
def test_a_broken_curve_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "curve.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"curve\.csv"):
        read_curve(path)
