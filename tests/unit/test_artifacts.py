"""Files are written whole or not at all, and what cannot be read says which file it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze.artifacts import (
    AgentFiles,
    RunFiles,
    atomic_path,
    read_arrays,
    read_json,
    write_arrays,
    write_csv,
    write_json,
    write_text,
)
from maze.errors import ArtifactError


def test_a_failure_inside_the_block_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half of the ne")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_an_operating_system_error_inside_the_block_is_an_artifact_error(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path):
            raise OSError(28, "No space left on device")

    with pytest.raises(ArtifactError, match=r"file\.txt: was not written .*No space left.*previous file"):
        fail()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_the_target_appears_only_at_the_end_with_ordinary_permissions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.txt"
    with atomic_path(path) as temporary:
        assert temporary.parent == path.parent
        assert not path.exists()
        temporary.write_text("x")
    assert path.read_text() == "x"
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_place_that_cannot_be_written_is_an_artifact_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ArtifactError, match=r"cannot be written .*name a directory in which you may write"):
        write_text(tmp_path / "file" / "x.txt", "x")


def test_json_holds_no_infinities_and_has_sorted_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(
        path,
        {
            "z": float("nan"),
            "a": [float("inf"), 1.5, {"b": float("-inf")}],
            "n": np.float32(2.0),
            "i": np.int64(3),
            "m": np.float64("nan"),
            "t": (1, None, True),
        },
    )
    text = path.read_text()
    assert json.loads(text) == {
        "a": [None, 1.5, {"b": None}],
        "i": 3,
        "m": None,
        "n": 2.0,
        "t": [1, None, True],
        "z": None,
    }
    assert text.endswith("}\n")
    assert list(read_json(path)) == ["a", "i", "m", "n", "t", "z"]


def test_arrays_come_back_and_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    arrays = {"b": np.arange(3), "a": np.array([[0.5]], np.float32)}
    write_arrays(tmp_path / "1.npz", arrays)
    write_arrays(tmp_path / "2.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    read = read_arrays(tmp_path / "1.npz")
    assert list(read) == ["a", "b"]
    for name, values in arrays.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype


def test_no_arrays_are_a_file_too(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.npz", {})
    assert read_arrays(tmp_path / "x.npz") == {}


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.array([{"x": 1}], dtype=object))
    with pytest.raises(ArtifactError, match=r"x\.npz: cannot be read as arrays"):
        read_arrays(tmp_path / "x.npz")


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_arrays(path, {"a": np.arange(1000), "b": np.arange(1000)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError, match=r"x\.npz: cannot be read as arrays"):
        read_arrays(path)
    flipped = bytearray(content)
    flipped[400] ^= 0xFF
    path.write_bytes(flipped)
    with pytest.raises(ArtifactError, match=r"x\.npz: cannot be read as arrays"):
        read_arrays(path)
    np.save(tmp_path / "single.npy", np.arange(3))
    with pytest.raises(ArtifactError, match="single"):
        read_arrays(tmp_path / "single.npy")


def test_csv_has_the_union_of_the_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [{"step": 1, "a": 0.5}, {"step": 2, "b": 7}])
    assert (tmp_path / "x.csv").read_bytes() == b"step,a,b\n1,0.5,\n2,,7\n"


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe\x00", b"PK\x03\x04 no archive"])
@pytest.mark.parametrize("read", [read_json, read_arrays])
def test_unreadable_files_are_artifact_errors_that_name_them(
    read: Callable[[Path], Any], content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "some.file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    for read in (read_json, read_arrays):
        with pytest.raises(ArtifactError):
            read(tmp_path)


@pytest.mark.parametrize("missing", ["config.yaml", "weights.safetensors", "spaces.json", "statistics.npz"])
def test_an_agent_needs_all_its_files(missing: str, tmp_path: Path) -> None:
    files = AgentFiles(tmp_path)
    for path in (files.config, files.weights, files.spaces, files.statistics):
        path.write_text("x")
    assert files.require() is files
    (tmp_path / missing).unlink()
    with pytest.raises(ArtifactError, match=f"{missing} is missing"):
        files.require()


def test_a_directory_is_used_once_it_holds_an_agent_or_a_record(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert not files.is_used()
    (tmp_path / "notes.txt").write_text("mine")
    assert not files.is_used()
    files.record.write_text("{}")
    assert files.is_used()
    files.record.unlink()
    files.agent.root.mkdir()
    assert files.is_used()
