"""Where the store is, for every door and every kind of checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.tracking.store import StoreLocation, project_store, resolve_store


def make_dvc(root: Path) -> Path:
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("")
    return root


def test_environment_variable_wins_and_locks_stay_local(tmp_path: Path) -> None:
    make_dvc(tmp_path)
    found = resolve_store(tmp_path / "run", environment={"MLFLOW_TRACKING_URI": "http://tracking:5000"})
    assert found == StoreLocation("http://tracking:5000", tmp_path / ".maze", "environment")
    assert found.server == ("tracking", 5000)
    assert found.database is None
    assert found.artifact_root is None


def test_dvc_root_variable_names_the_real_repository(tmp_path: Path) -> None:
    real = make_dvc(tmp_path / "real")
    copy = make_dvc(real / ".dvc" / "tmp" / "exps" / "tmp1")
    assert resolve_store(copy / "out", environment={"DVC_ROOT": str(real)}).directory == real / ".maze"


@pytest.mark.parametrize("below", ["tmp1", "standalone/tmp1"])
def test_temporary_experiment_copies_belong_to_their_repository(tmp_path: Path, below: str) -> None:
    real = make_dvc(tmp_path / "real")
    copy = make_dvc(real / ".dvc" / "tmp" / "exps" / below)
    (copy / ".git").mkdir()
    found = resolve_store(copy / "out", environment={})
    assert (found.directory, found.origin) == (real / ".maze", "dvc")
    assert found.database == real / ".maze" / "mlflow.db"


def test_git_repository_or_worktree_encloses_the_run(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    found = resolve_store(tmp_path / "a" / "b", environment={"DVC_ROOT": "/nowhere"})
    assert (found.directory, found.origin) == (tmp_path / ".maze", "git")


def test_without_a_project_all_runs_of_a_place_share_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for directory in (tmp_path / "runs" / "first", tmp_path / "outputs", None):
        found = resolve_store(directory, environment={})
        assert (found.directory, found.origin) == (tmp_path / ".maze", "directory")
        assert found.uri == f"sqlite:///{tmp_path}/.maze/mlflow.db"
        assert found.artifact_root == tmp_path / ".maze" / "mlartifacts"


def test_a_run_outside_any_project_belongs_to_the_project_that_one_works_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_dvc(tmp_path / "project")
    (project / "notebooks").mkdir()
    monkeypatch.chdir(project / "notebooks")
    found = resolve_store(tmp_path / "elsewhere" / "run", environment={})
    assert (found.directory, found.origin) == (project / ".maze", "dvc")


@pytest.mark.parametrize(
    ("composed", "expected"),
    [
        ("tracking: {uri: 'sqlite:////shared/runs.db'}", "sqlite:////shared/runs.db"),
        ("tracking: {uri: null}", None),
        ("tracking: []", None),
        ("{", None),
        (None, None),
    ],
)
def test_commands_look_where_the_pipeline_sends_its_runs(
    composed: str | None, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "build").mkdir()
    if composed is not None:
        (tmp_path / "build" / "config.yaml").write_text(composed)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    own = f"sqlite:///{tmp_path}/.maze/mlflow.db"
    assert project_store().uri == (expected or own)
    assert project_store(tmp_path).uri == (expected or own)
    assert project_store(uri="http://of.a.run").uri == "http://of.a.run"
    assert project_store().directory == tmp_path / ".maze"
    assert resolve_store().uri == own, "runs go where their own configuration says"


def test_artifacts_lie_beside_a_database_that_is_shared() -> None:
    store = StoreLocation(uri="sqlite:////shared/runs.db", directory=Path("/project/.maze"), origin="environment")
    assert store.artifact_root == Path("/shared/mlartifacts")


def test_the_folder_never_makes_a_working_tree_dirty(tmp_path: Path) -> None:
    found = resolve_store(tmp_path / "run", environment={})
    found.prepare()
    found.prepare()
    assert (found.directory / ".gitignore").read_text() == "*\n"
    assert found.spool.is_dir()
