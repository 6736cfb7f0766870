"""Where a run was made: what is written down, and what another place differs in."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import pytest
import torch

from maze.api.record.origins import consequence, describe_environment, environment_differences, write_environment
from maze.api.replay.report import ReplayReport
from maze.tracking import Lineage

LINEAGE = Lineage(
    tags={"git.commit": "abc", "git.dirty": "true", "git.patch_sha256": "123"},
    artifacts={"repro/uncommitted.patch": "--- a\n"},
)


def test_everything_on_which_bits_may_depend_is_written_down(tmp_path: Path) -> None:
    found = describe_environment(LINEAGE, torch_threads=2)
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"] == importlib.metadata.version("numpy")
    assert found["git"] == {"commit": "abc", "dirty": "true", "patch_sha256": "123"}
    assert found["threads"]["torch"] == 2
    assert found["threads"]["pools"]
    assert found["cpu"]
    assert len(found["code_sha256"]) == 64
    write_environment(tmp_path, found, LINEAGE)
    lines = (tmp_path / "environment.txt").read_text().splitlines()
    assert f"numpy=={found['packages']['numpy']}" in lines
    assert "# git.commit: abc" in lines
    assert all(line.startswith("# ") or "==" in line for line in lines)  # pip reads it
    assert (tmp_path / "uncommitted.patch").read_text() == "--- a\n"


def test_differences_name_what_is_new_gone_or_other() -> None:
    recorded = {"python": "3.11", "packages": {"numpy": "2.0", "old": "1"}, "cpu": "x"}
    present = {"python": "3.12", "packages": {"numpy": "2.0", "new": "3"}, "cpu": "x"}
    assert environment_differences(recorded, present) == {
        "python": ("3.11", "3.12"),
        "packages.old": ("1", None),
        "packages.new": (None, "3"),
    }
    assert environment_differences(present, present) == {}


def test_builds_are_kept_and_pip_can_still_install_from_the_list(tmp_path: Path) -> None:
    environment = {"python": "3.11", "packages": {"numpy": "2.0", "torch": "2.13.0+cu130"}}
    write_environment(tmp_path, environment, LINEAGE)
    lines = (tmp_path / "environment.txt").read_text().splitlines()
    assert lines == ["# python: 3.11", "# build of torch: 2.13.0+cu130", "numpy==2.0", "torch==2.13.0"]
    assert describe_environment(LINEAGE, torch_threads=1)["packages"]["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("name", "before", "now", "words"),
    [
        ("packages.torch", "2.13.0+cpu", "2.13.0+cu130", "another build of the same version"),
        ("packages.torch", "2.13.0", "2.13.0+cu130", "the record names no build"),
        ("packages.torch", "2.12.0+cpu", "2.13.0+cpu", ""),
        ("packages.torch", None, "2.13.0+cpu", ""),
        ("cpu", "a", "b", ""),
    ],
)
def test_another_build_says_what_that_means(name: str, before: str | None, now: str, words: str) -> None:
    assert consequence(name, before, now).startswith(words)
    assert bool(words) == bool(consequence(name, before, now))
    report = ReplayReport(
        source="x", directory=Path("x"), differences=(), environment={name: (before, now)}, compared=("a",)
    )
    assert f"  {name}: {before} -> {now}" in str(report)
    assert words in str(report)
