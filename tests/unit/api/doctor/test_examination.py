"""The doctor, on projects that are broken in one way each."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from maze.api.doctor.examination import Finding, examine
from maze.api.doctor.machine import check_disk, check_outputs, check_packages, check_python, check_store, check_torch
from maze.api.doctor.project import check_dependencies, check_dvc, check_git, check_params
from maze.tracking import installed_version, public_version

PIPELINE = """stages:
  train:
    matrix: {seed: "${seeds}"}
    cmd: python train.py
    deps: [train.py, code, "out/${item.seed}/x"]
    outs: ["out/${item.seed}"]
  report:
    cmd: python report.py
    deps: [train.py, out]
"""


def git(directory: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *words], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project in which everything is well."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "A")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "a@b.c")
    directory = tmp_path / "project"
    (directory / ".dvc").mkdir(parents=True)
    (directory / ".dvc" / "config").touch()
    (directory / "code").mkdir()
    (directory / "code" / "a.py").touch()
    (directory / "train.py").touch()
    (directory / "dvc.yaml").write_text(PIPELINE)
    (directory / "params.yaml").write_text("algorithm: a2c\nseeds: [0, 1]\nset: {}\n")
    (directory / ".gitignore").write_text("out/\n")
    git(directory, "init")
    git(directory, "add", "--all")
    git(directory, "commit", "-m", "Begin")
    return directory


def unwell(findings: list[Finding]) -> list[Finding]:
    """Return what is not well; everything of it has a remedy."""
    found = [finding for finding in findings if finding.status != "ok"]
    assert all(finding.remedy for finding in found)
    return found


def only(findings: object) -> Finding:
    """Return the one thing that is not well."""
    (finding,) = unwell(list(findings))  # type: ignore[call-overload]
    return finding


def test_nothing_is_wrong_with_a_good_project(project: Path) -> None:
    before = sorted(project.rglob("*"))
    findings = examine(project)
    assert [finding for finding in unwell(findings) if finding.check not in ("packages", "torch", "disk")] == []
    checks = ["python", "git", "dvc", "params.yaml", "dependencies", "tracking", "outputs"]
    assert [finding.check for finding in findings if finding.check in checks] == checks
    assert sorted(project.rglob("*")) == before


def test_an_empty_directory_is_no_problem(tmp_path: Path) -> None:
    assert [finding.status for finding in examine(tmp_path) if finding.status == "problem"] == []


# --- the project --------------------------------------------------------------------------------------------------


def test_no_repository_and_no_commit(tmp_path: Path) -> None:
    assert "no git repository" in only(check_git(tmp_path)).message
    git(tmp_path, "init")
    finding = only(check_git(tmp_path))
    assert (finding.status, finding.message) == ("warning", "there is no commit yet")


def test_a_changed_and_a_shallow_checkout(project: Path, tmp_path: Path) -> None:
    (project / "train.py").write_text("changed = True\n")
    assert "differs from commit" in only(check_git(project)).message
    git(project, "commit", "--all", "-m", "Change")
    git(tmp_path, "clone", "--depth", "1", f"file://{project}", "shallow")
    finding = only(check_git(tmp_path / "shallow"))
    assert (finding.status, finding.remedy) == ("warning", "git fetch --unshallow")


def test_a_merge_that_is_not_finished(project: Path) -> None:
    git(project, "checkout", "-b", "other")
    (project / "params.yaml").write_text("seeds: [5]\n")
    git(project, "commit", "--all", "-m", "Other")
    git(project, "checkout", "main")
    (project / "params.yaml").write_text("seeds: [6]\n")
    git(project, "commit", "--all", "-m", "Mine")
    with pytest.raises(subprocess.CalledProcessError):
        git(project, "merge", "other")
    messages = [finding.message for finding in unwell(list(check_git(project)))]
    assert "a merge is not finished: params.yaml" in messages
    finding = only(check_params(project))
    assert finding.status == "problem"
    assert finding.message == "line 1: a merge conflict was left: <<<<<<< HEAD"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [0]\nalgorithm: {a: 1\n", "line 3: is no YAML"),
        ("seeds: [0]\n\talgorithm: a2c\n", "line 2: is no YAML"),
        ("algorithm: a2c\n", "says no seeds"),
        ("seeds: []\n", "seeds: []"),
        ("seeds: [1, 1]\n", "seeds: 1 is given more than once"),
        ("seeds: [0; rm -rf x]\n", "seeds.0: '0; rm -rf x'"),
        ("seeds: [0]\nalgorithm: a2cc\n", "did you mean 'a2c'"),
        ("seeds: [0]\nset: {algorithm: {lr: fast}}\n", "algorithm.lr: 'fast'"),
    ],
)
def test_params_that_cannot_be_run(text: str, message: str, project: Path) -> None:
    (project / "params.yaml").write_text(text)
    finding = only(check_params(project))
    assert (finding.check, finding.status) == ("params.yaml", "problem")
    assert message in finding.message


def test_missing_params(project: Path) -> None:
    (project / "params.yaml").unlink()
    assert only(check_params(project)).remedy == "git checkout params.yaml"


def test_a_conflict_in_the_lock(project: Path) -> None:
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n<<<<<<< ours\n  a: 1\n=======\n  a: 2\n>>>>>>> theirs\n")
    finding = only(check_dvc(project))
    assert (finding.check, finding.message) == ("dvc.lock", "line 3: a merge conflict was left: <<<<<<< ours")
    assert "dvc repro" in finding.remedy


def test_a_pipeline_without_a_repository_of_dvc(project: Path) -> None:
    (project / ".dvc" / "config").unlink()
    (project / ".dvc").rmdir()
    assert only(check_dvc(project)).remedy == "dvc init"


def test_files_that_only_this_directory_has(project: Path) -> None:
    (project / "code" / "new.py").touch()
    (project / "out" / "0").mkdir(parents=True)
    finding = only(check_dependencies(project))
    assert finding.status == "problem"
    assert finding.message.endswith(": code/new.py")
    assert "queued experiments" in finding.remedy
    git(project, "add", "code/new.py")
    assert unwell(list(check_dependencies(project))) == []


def test_dependencies_that_are_not_there(project: Path) -> None:
    (project / "train.py").unlink()
    assert only(check_dependencies(project)).message == "dvc.yaml names what is not there: train.py"


# --- the machine --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["stages: 3\n", "stages:\n  a:\n    deps: 4\n    outs: [{}]\n", "stages: {a: {do: 1}}\n"]
)
def test_a_pipeline_of_another_shape_is_left_to_dvc(text: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    assert [finding.status for finding in check_dependencies(tmp_path)] == ["ok"]


def test_other_versions_than_in_the_lock(project: Path) -> None:
    (project / "requirements.lock").write_text("# pinned\nnumpy==0.0.1\nno-such-package==1.0 ; python_version > '3'\n")
    finding = only(check_packages(project))
    assert finding.status == "warning"
    assert "instead of 0.0.1" in finding.message
    assert "no-such-package missing instead of 1.0" in finding.message


def test_a_build_that_the_lock_leaves_open_is_told(project: Path) -> None:
    build = installed_version("torch")
    assert build is not None
    (project / "requirements.lock").write_text(f"numpy=={np.__version__}\ntorch=={public_version(build)}\n")
    (finding,) = check_packages(project)
    assert finding.status == "ok"
    assert "all versions as in" in finding.message
    assert (f"it leaves builds open, here torch {build}" in finding.message) == ("+" in build)


@pytest.mark.parametrize(
    ("recorded", "words"),
    [("{public}+other", "another build than"), ("1.0", "another version than"), ("{build}", ""), ("no record", "")],
)
def test_results_of_another_build_of_torch_are_told(recorded: str, words: str, project: Path) -> None:
    build = str(installed_version("torch"))
    if recorded != "no record":
        then = recorded.format(build=build, public=public_version(build))
        (project / "out" / "report").mkdir(parents=True)
        (project / "out" / "report" / "record.json").write_text(json.dumps({"tags": {"version.torch": then}}))
    told = [finding for finding in check_torch(project) if "from which the results" in finding.message]
    assert [(finding.check, finding.status) for finding in told] == ([("torch", "warning")] if words else [])
    assert all(words in finding.message and build in finding.message for finding in told)


def test_an_old_python(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setattr("maze.api.doctor.machine._PYTHON", (9, 0))
    assert only(check_python(project)).status == "problem"


def test_torch_says_how_it_was_built(project: Path) -> None:
    (finding,) = check_torch(project)
    assert finding.check == "torch"
    assert "threads" in finding.message or finding.status != "ok"


def test_little_space(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    for free, status in ((2**29, "problem"), (2**31, "warning"), (2**40, "ok")):
        monkeypatch.setattr("shutil.disk_usage", lambda place, free=free: type("Usage", (), {"free": free}))
        (finding,) = check_disk(project / "not" / "there")
        assert finding.status == status


def test_outputs_that_cannot_be_written(project: Path) -> None:
    (project / "outputs").write_text("a file")
    finding = only(check_outputs(project))
    assert "it is a file" in finding.message
    assert "--run-dir" in finding.remedy


def test_a_damaged_store(project: Path) -> None:
    (project / ".maze").mkdir()
    (project / ".maze" / "mlflow.db").write_text("this is no database, and longer than a header of one" * 10)
    finding = only(check_store(project))
    assert (finding.status, finding.check) == ("problem", "tracking")
    assert "is damaged" in finding.message


def test_a_server_is_not_contacted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (finding,) = check_store(project)
    assert (finding.status, "was not contacted" in finding.message) == ("ok", True)


def test_records_that_wait_for_the_store(project: Path) -> None:
    journal = project / ".maze" / "spool" / "one"
    journal.mkdir(parents=True)
    (journal / "journal.jsonl").write_text('{"op": "start"}\n{"op": "finish"}\n')
    (journal / "store.json").write_text('{"uri": "x", "host": "y", "pid": 1}\n')
    finding = only(check_store(project))
    assert finding.message.startswith("1 records of runs")
    assert finding.remedy == "maze-run tracking flush"
