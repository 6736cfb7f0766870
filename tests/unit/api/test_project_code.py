"""No stage runs code on which it does not depend."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from maze import RunContext
from maze.api.pipeline import pipeline_code
from maze.api.project_code import check_code, check_inputs
from maze.errors import InvalidSpecificationError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two modules of its own, one of which its stages depend on."""
    root = tmp_path / "project"
    (root / "watched").mkdir(parents=True)
    (root / "watched/__init__.py").write_text("raise AssertionError('imported')")
    (root / "unwatched.py").write_text("raise AssertionError('imported')")
    (root / "dvc.yaml").write_text("stages: {train: {cmd: x, deps: ['${code}', 'maze/env', 'out/${item.seed}/a']}}\n")
    (root / "params.yaml").write_text("code: watched\n")
    monkeypatch.syspath_prepend(str(root))
    return root


def test_templates_are_filled_from_params_and_results_left_out(project: Path) -> None:
    assert pipeline_code(project / "dvc.yaml") == [Path("maze/env"), Path("watched")]
    (project / "params.yaml").write_text("other: 1\n")
    with pytest.raises(InvalidSpecificationError, match="no pipeline can be read"):
        pipeline_code(project / "dvc.yaml")


def test_code_of_the_project_is_a_dependency(project: Path) -> None:
    check_code(["watched.deep.module"], project)
    with pytest.raises(InvalidSpecificationError, match=r"'unwatched' .*code: unwatched\.py into params\.yaml"):
        check_code(["watched", "unwatched"], project)
    assert not {"watched", "unwatched"} & sys.modules.keys()


def test_code_from_elsewhere_is_not_the_projects(project: Path, tmp_path: Path) -> None:
    (project / "dvc.yaml").unlink()  # which is not even looked at
    check_code(["pydantic", "json", "not_there_at_all"], project)
    check_code(["watched"], tmp_path / "another")


@pytest.mark.parametrize("inputs", [None, "conf/__init__.py", "dat", "data/other"])
def test_data_on_which_no_stage_depends_is_refused(inputs: str | None, tmp_path: Path) -> None:
    demonstrations = {"algorithm.demonstrations": ["data/a", "data/b"]}
    config = RunContext(algorithm="bc", overrides=demonstrations).config
    with pytest.raises(
        InvalidSpecificationError, match=r"^set\.algorithm\.demonstrations: .*'data/a'.*inputs: data/a into"
    ):
        check_inputs(config, inputs, tmp_path)
    check_inputs(config, "data", tmp_path)


def test_an_earlier_agent_is_an_input(tmp_path: Path) -> None:
    config = RunContext(input_dir="runs/clone").config
    with pytest.raises(InvalidSpecificationError, match=r"^set\.input_dir: .*inputs: runs/clone"):
        check_inputs(config, "conf/__init__.py", tmp_path)
    check_inputs(config, "runs/clone", tmp_path)
    check_inputs(RunContext().config, "conf/__init__.py", tmp_path)
