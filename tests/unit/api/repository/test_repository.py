"""Revisions by name, and what the pipeline had written there, from git and DVC's cache."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from maze.api.repository.outputs import OutputReader
from maze.api.repository.revisions import Repository
from maze.errors import ArtifactError
from tests.integration.project import clean_environment


class History:
    """A repository whose commits are made by hand; DVC's cache is real."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root, self._environment = root, environment
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.run(sys.executable, "-m", "dvc", "init", "--quiet")

    def run(self, *command: str) -> str:
        return subprocess.run(
            command, cwd=self.root, env=self._environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def cache(self, content: bytes, *, suffix: str = "") -> str:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
        place = self.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return digest

    def commit(self, message: str, **files: str) -> str:
        for name, text in files.items():
            path = self.root / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)
        return self.run("git", "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("a repository")
    (folder / "the project").mkdir()
    history = History(folder / "the project", clean_environment(folder))
    history.commit("nothing ran yet")
    table, weights = history.cache(b"table"), history.cache(b"weights")
    listing = json.dumps([{"md5": weights, "relpath": "weights.safetensors"}, {"md5": "0" * 32, "relpath": "lost"}])
    agent = history.cache(listing.encode(), suffix=".dir")
    outs = [
        {"path": "out/table", "md5": table},
        {"path": "out/agent", "md5": agent},
        {"path": "out/m", "md5": "1" * 32},
    ]
    lock = yaml.safe_dump({"stages": {"train": {"cmd": "x", "outs": outs}}})
    ran = history.commit("ran", **{"dvc.lock": lock, "out/m": "1", "params.yaml": "seeds: [0]\n"})
    history.run("git", "tag", "v1")
    history.run("git", "update-ref", f"refs/exps/{ran[:2]}/{ran[2:]}/my-experiment", ran)
    history.commit("something else", README="text")
    return history


@pytest.fixture
def repository(history: History, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(history.root / "out")
    found = Repository.around(Path.cwd())
    assert found is not None
    return found


def everything(path: str) -> bool:
    return True


def test_the_repository_is_found_from_below(repository: Repository, history: History) -> None:
    assert repository.root == history.root


def test_no_repository_is_none(tmp_path: Path) -> None:
    assert Repository.around(tmp_path) is None


def test_names_of_experiments_branches_tags_and_commits_are_found(repository: Repository, history: History) -> None:
    ran = history.run("git", "rev-parse", "v1")
    for name in ("my-experiment", "v1", ran, ran[:8], "HEAD~1", "main~1"):
        found = repository.find(name)
        assert found is not None, name
        assert found.commit == ran
    experiment = repository.find("my-experiment")
    assert experiment is not None
    assert (experiment.experiment, experiment.baseline) == ("my-experiment", ran)
    for name in ("my-experimen", "--help", "HEAD:README", ""):
        assert repository.find(name) is None, name
    assert repository.names() == ["my-experiment", "main", "v1"]


def test_a_name_of_two_experiments_is_refused(repository: Repository, history: History) -> None:
    head = history.run("git", "rev-parse", "HEAD")
    reference = f"refs/exps/{head[:2]}/{head[2:]}/my-experiment"
    history.run("git", "update-ref", reference, head)
    try:
        with pytest.raises(ArtifactError, match=f"2 experiments.*{head[:10]}"):
            repository.find("my-experiment")
    finally:
        history.run("git", "update-ref", "-d", reference)


def test_commits_with_results_are_those_that_changed_the_lock(repository: Repository, history: History) -> None:
    assert [one.commit for one in repository.commits_with("dvc.lock")] == [history.run("git", "rev-parse", "v1")]


def test_results_come_back_from_git_and_from_the_cache(repository: Repository, tmp_path: Path) -> None:
    revision = repository.find("v1")
    assert revision is not None
    missing = OutputReader(repository).read(revision, tmp_path, everything)
    assert missing == ["out/agent/lost"]
    found = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert found.pop("dvc.lock")
    assert found == {
        "out/m": "1",
        "out/table": "table",
        "out/agent/weights.safetensors": "weights",
        "params.yaml": "seeds: [0]\n",
    }


def test_what_is_at_hand_is_known_before_it_is_copied(repository: Repository, tmp_path: Path) -> None:
    revision = repository.find("v1")
    assert revision is not None
    reader = OutputReader(repository)
    assert reader.extract(revision, tmp_path)
    expected = {"out/m": True, "out/table": True, "out/agent/weights.safetensors": True, "out/agent/lost": False}
    assert reader.at_hand(tmp_path, everything) == expected
    assert not (tmp_path / "out" / "table").exists()
    assert reader.restore(tmp_path, everything) == ["out/agent/lost"]
    assert reader.at_hand(tmp_path, everything) == expected


def test_only_what_is_wanted_comes_back(repository: Repository, tmp_path: Path) -> None:
    revision = repository.find("v1")
    assert revision is not None
    assert OutputReader(repository).read(revision, tmp_path, lambda path: path == "out/table") == []
    assert (tmp_path / "out" / "table").is_file()
    assert not (tmp_path / "out" / "agent").exists()


def test_a_revision_without_results_says_so(repository: Repository, tmp_path: Path) -> None:
    revision = repository.find("main~2")
    assert revision is not None
    with pytest.raises(ArtifactError, match=r"main~2.*no results of the pipeline"):
        OutputReader(repository).read(revision, tmp_path, everything)
