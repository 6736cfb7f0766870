"""Lineage in every state that a checkout can be in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from maze.tracking.lineage import (
    GitFacts,
    code_digest,
    collect_lineage,
    dvc_facts,
    environment_lock,
    git_facts,
    stage_key,
    versions,
)


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "code.py").write_text("a = 1\n")
    (tmp_path / "params.yaml").write_text("seeds: [0]\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_facts(tmp_path) == GitFacts()
    monkeypatch.setenv("PATH", "")
    assert git_facts(tmp_path) == GitFacts()
    assert collect_lineage(tmp_path).tags["git.commit"] == "unknown"


def test_no_commits(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert git_facts(tmp_path) == GitFacts()
    (tmp_path / "code.py").write_text("a = 1\n")
    assert git_facts(tmp_path) == GitFacts(dirty=True)


def test_clean_and_detached(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert git_facts(repository) == GitFacts(commit=commit, branch="main")
    git(repository, "checkout", "-q", "--detach")
    assert git_facts(repository) == GitFacts(commit=commit)
    assert collect_lineage(repository).tags["git.branch"] == "detached"


def test_what_dvc_and_promotions_write_is_not_a_change(repository: Path) -> None:
    (repository / "promoted").mkdir()
    (repository / "promoted" / "cartpole.json").write_text("{}")
    (repository / "params.yaml").write_text("seeds: [1]\n")
    (repository / "dvc.lock").write_text("x\n")
    (repository / "out" / "train").mkdir(parents=True)
    (repository / "out" / "train" / "metrics.json").write_text("{}")
    (repository / "build").mkdir()
    (repository / "build" / "config.yaml").write_text("a: 1\n")
    facts = git_facts(repository)
    assert (facts.dirty, facts.patch) == (False, "")


def test_the_patch_turns_the_commit_into_the_working_tree(repository: Path) -> None:
    (repository / "code.py").write_text("a = 2\n")
    (repository / "new module.py").write_text("b = 3\n")
    (repository / ".env").write_text("PASSWORD=secret\n")
    sub = repository / "sub"
    sub.mkdir()
    facts = git_facts(sub)
    assert facts.dirty
    assert "secret" not in facts.patch
    assert facts.patch_sha256 == hashlib.sha256(facts.patch.encode()).hexdigest()
    clone = repository / "out"
    git(repository, "worktree", "add", "-q", str(clone))
    (repository / "out.patch").write_text(facts.patch)
    git(clone, "apply", str(repository / "out.patch"))
    assert (clone / "code.py").read_text() == "a = 2\n"
    assert (clone / "new module.py").read_text() == "b = 3\n"


def test_shallow_clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (repository / "code.py").write_text("a = 5\n")
    git(repository, "commit", "-qam", "second")
    clone = tmp_path_factory.mktemp("shallow") / "clone"
    git(repository, "clone", "-q", "--depth", "1", repository.as_uri(), str(clone))
    assert git_facts(clone).shallow
    assert collect_lineage(clone).tags["git.shallow"] == "true"


def test_lineage_holds_the_files_that_a_repeat_needs(repository: Path) -> None:
    (repository / "code.py").write_text("a = 2\n")
    lineage = collect_lineage(repository)
    assert set(lineage.artifacts) == {"repro/environment.txt", "repro/uncommitted.patch", "repro/params.yaml"}
    assert lineage.tags["git.dirty"] == "true"
    assert lineage.tags["env.lock_sha256"] == hashlib.sha256(environment_lock().encode()).hexdigest()


def test_dvc_facts() -> None:
    facts = dvc_facts({"DVC_EXP_NAME": "wild-fox", "DVC_STAGE": "train@0", "DVC_ROOT": "/r"})
    assert (facts.experiment, facts.stage, facts.root, facts.baseline) == ("wild-fox", "train@0", "/r", "")


def test_environment_lock_is_sorted_and_pinned() -> None:
    lines = environment_lock().splitlines(keepends=True)
    assert lines == sorted(lines)
    assert all(line.count("==") == 1 for line in lines)
    assert any(line.startswith("numpy==") for line in lines)


def test_versions_import_nothing_heavy() -> None:
    code = "import sys, maze.tracking.lineage as l; print(l.versions()['torch']); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [versions()["torch"], "False"]


def test_code_digest_sees_code_and_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "one" / "package"
    package.mkdir(parents=True)
    (package / "a.py").write_text("a = 1\n")
    first = code_digest([package])
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.py").write_text("junk")
    (package / "notes.txt").write_text("text")
    assert code_digest([package]) == first
    (package / "b.py").write_text("")
    second = code_digest([package])
    assert second != first
    (package / "b.py").rename(package / "c.py")
    assert code_digest([package]) not in (first, second)
    with pytest.raises(FileNotFoundError):
        code_digest([tmp_path / "missing"])


def test_code_digest_sees_every_file_of_data(tmp_path: Path) -> None:
    data = tmp_path / "data" / "expert"
    data.mkdir(parents=True)
    (data / "steps.npz").write_bytes(b"one")
    first, without = code_digest([tmp_path / "data"], [tmp_path / "data"]), code_digest([tmp_path / "data"])
    (data / "steps.npz").write_bytes(b"two")
    assert code_digest([tmp_path / "data"], [tmp_path / "data"]) != first
    assert code_digest([tmp_path / "data"]) == without


def test_code_digest_does_not_depend_on_the_place_or_the_order(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        package = tmp_path / name / "package"
        package.mkdir(parents=True)
        (package / "a.py").write_text("a = 1\n")
        stage = tmp_path / name / "train.py"
        stage.write_text("b = 1\n")
        paths = [package, stage]
        digests += [code_digest(paths), code_digest(paths[::-1])]
    assert len(set(digests)) == 1


def test_stage_key_is_the_hash_of_its_four_parts() -> None:
    expected = hashlib.sha256(json.dumps(["c", 3, "d", "exp"]).encode()).hexdigest()
    assert stage_key("c", 3, "d", "exp") == expected
    assert stage_key("c", 3, "d") != expected
