"""The commands of DVC that get files of commits and experiments back, which a rebuild names, do so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.project import clean_environment
from tests.unit.api.repository.test_repository import History

RESULTS = {"first": b"a table", "second": b"another table", "experiment": b"a table of an experiment"}
"""What the output held in each revision."""


def at_hand(history: History) -> set[str]:
    """Return the revisions whose file DVC's cache has."""
    cache = history.root / ".dvc" / "cache" / "files" / "md5"
    contents = {path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    return {name for name, content in RESULTS.items() if content in contents}


def lose(history: History) -> None:
    """Take DVC's cache away."""
    for path in (history.root / ".dvc" / "cache" / "files" / "md5").rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A repository with two results and an experiment, pushed to a remote that no commit names; the cache is empty."""
    (tmp_path / "project").mkdir()
    history = History(tmp_path / "project", clean_environment(tmp_path))
    stages = {"stages": {"train": {"cmd": "true", "outs": ["out/table"]}}}
    commits = {}
    for name, content in RESULTS.items():
        outs = [{"path": "out/table", "hash": "md5", "md5": history.cache(content), "size": len(content)}]
        lock = {"schema": "2.0", "stages": {"train": {"cmd": "true", "outs": outs}}}
        commits[name] = history.commit(name, **{"dvc.yaml": yaml.safe_dump(stages), "dvc.lock": yaml.safe_dump(lock)})
    history.run("git", "reset", "--quiet", "--hard", commits["second"])
    baseline = commits["second"]
    reference = f"refs/exps/{baseline[:2]}/{baseline[2:]}/lucky-name"
    history.run("git", "update-ref", reference, commits["experiment"])
    history.run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "origin"))
    history.run("git", "remote", "add", "origin", str(tmp_path / "origin"))
    history.run("git", "push", "--quiet", "origin", "main")
    dvc(history, "remote", "add", "--quiet", "--local", "--default", "store", str(tmp_path / "store"))
    dvc(history, "push", "--quiet", "--all-commits")
    dvc(history, "exp", "push", "--quiet", "origin", "lucky-name")
    lose(history)
    return history


def dvc(history: History, *words: str) -> None:
    history.run(sys.executable, "-m", "dvc", *words)


def test_files_come_back(history: History) -> None:
    dvc(history, "fetch", "--quiet", "--all-commits")
    assert at_hand(history) == {"first", "second"}
    lose(history)
    dvc(history, "exp", "pull", "--quiet", "origin", "lucky-name")  # of an experiment that is here already
    assert at_hand(history) == {"experiment"}
