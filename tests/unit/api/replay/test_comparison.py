"""Comparing two runs: equal contents are equal, and the first difference is the one that is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from maze import ArtifactError
from maze.api.replay.comparison import compare_files, compare_values
from maze.artifacts import write_arrays, write_csv, write_json
from maze.rollout import Episodes, write_rollout


def pair(tmp_path: Path, name: str) -> tuple[Path, Path]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return tmp_path / "a" / name, tmp_path / "b" / name


def test_the_first_cell_of_the_first_row(tmp_path: Path) -> None:
    first, second = pair(tmp_path, "curve.csv")
    rows: list[dict[str, Any]] = [{"epoch": 1, "x": 0.1, "y": 1.0}, {"epoch": 2, "x": 0.2, "y": 2.0}]
    write_csv(first, rows)
    write_csv(second, rows)
    assert compare_files("curve.csv", first, second) is None
    write_csv(second, [rows[0], {"epoch": 2, "x": 0.2, "y": np.nextafter(2.0, 3)}])
    found = compare_files("curve.csv", first, second)
    assert found is not None
    assert (found.metric, found.epoch, found.recorded, found.replayed) == ("y", 2, 2.0, 2.0000000000000004)
    write_csv(second, [{**rows[0], "x": 0.5}, {**rows[1], "y": 0.0}])
    found = compare_files("curve.csv", first, second)
    assert found is not None
    assert (found.metric, found.epoch) == ("x", 1)
    write_csv(second, rows[:1])
    found = compare_files("curve.csv", first, second)
    assert found is not None
    assert (found.metric, found.recorded, found.replayed) == ("number of rows", 2, 1)


def test_arrays_are_compared_by_bits(tmp_path: Path) -> None:
    first, second = pair(tmp_path, "x.npz")
    values = np.array([[0.0, np.nan], [1.0, 2.0]], np.float32)
    write_arrays(first, {"a": values})
    write_arrays(second, {"a": values.copy()})
    assert compare_files("x", first, second) is None  # NaN is equal to itself
    write_arrays(second, {"a": values * np.array([-1, 1], np.float32)})
    found = compare_files("x", first, second)
    assert found is not None
    assert (found.metric, found.note) == ("a[0, 0]", "2 of 4 values of a differ")  # -0.0 is not 0.0 to the bit
    write_arrays(second, {"a": values.astype(np.float64)})
    found = compare_files("x", first, second)
    assert found is not None
    assert (found.recorded, found.replayed) == ("float32 [2, 2]", "float64 [2, 2]")
    write_arrays(second, {"b": values})
    found = compare_files("x", first, second)
    assert found is not None
    assert (found.metric, found.replayed) == ("a", "nothing")


def test_tensors_and_other_bytes_of_the_same_content(tmp_path: Path) -> None:
    first, second = pair(tmp_path, "w.safetensors")
    weights = {"layer": np.arange(6, dtype=np.float32).reshape(2, 3)}
    save_file(weights, first)
    save_file(weights, second, metadata={"written": "by another version"})
    assert first.read_bytes() != second.read_bytes()
    assert compare_files("w", first, second) is None
    weights["layer"][1, 2] = 7
    save_file(weights, second)
    found = compare_files("w", first, second)
    assert found is not None
    assert (found.metric, found.recorded, found.replayed) == ("layer[1, 2]", 5.0, 7.0)
    second.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="cannot be compared"):
        compare_files("w", first, second)


def test_episodes(tmp_path: Path) -> None:
    def episodes(last: float) -> Episodes:
        flags = np.zeros(2, np.bool_)
        return Episodes(np.array([1.0, last]), np.array([1, 2]), flags, ~flags, np.array([5, 6]))

    first = write_rollout(tmp_path / "a", episodes(2.0), {})["episodes"]
    second = write_rollout(tmp_path / "b", episodes(3.0), {})["episodes"]
    found = compare_files("episodes.parquet", first, second)
    assert found is not None
    assert (found.metric, found.recorded, found.replayed) == ("return[1]", 2.0, 3.0)


def test_values_and_files_that_are_missing(tmp_path: Path) -> None:
    assert compare_values("x", {"a": [1, {"b": None}]}, {"a": [1, {"b": float("nan")}]}) is None
    found = compare_values("x", {"a": [1, 2], "c": 1}, {"a": [1, 3]})
    assert found is not None
    assert (found.metric, found.recorded, found.replayed) == ("a.1", 2, 3)
    found = compare_values("x", {"c": 1}, {"c": True})
    assert found is not None
    first, second = pair(tmp_path, "m.json")
    write_json(first, {"a": 1})
    found = compare_files("m.json", first, second)
    assert found is not None
    assert (found.metric, found.replayed) == ("the file", "nothing")
    assert str(found) == "run, call 0 (), m.json: the file was 'written' and is 'nothing'"
    write_json(second, {"a": 2})
    assert str(compare_files("m.json", first, second)).endswith("m.json: a was 1 and is 2")
    (tmp_path / "a" / "notes.txt").write_text("1")
    (tmp_path / "b" / "notes.txt").write_text("2")
    found = compare_files("notes.txt", tmp_path / "a" / "notes.txt", tmp_path / "b" / "notes.txt")
    assert found is not None
    assert found.metric == "sha256"
