"""Which results the history of a project holds, and from where the most of each is at hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from maze.api.past_results import NoResult, PastResult, past_results
from maze.api.repository.outputs import OutputReader
from maze.api.repository.revisions import Repository
from tests.integration.project import clean_environment
from tests.unit.api.repository.test_repository import History

WEIGHTS = "out/train/0/agent/weights.safetensors"


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "project").mkdir()
    return History(tmp_path / "project", clean_environment(tmp_path))


def record(run_id: str | None = "r", **agents: str) -> str:
    """Return what a report wrote down, for a run and the runs of its agents by seed."""
    runs = {name.removeprefix("seed_"): run for name, run in agents.items()} or {"0": "a"}
    return json.dumps({"run_id": run_id, "agents": runs, "seeds": [int(seed) for seed in runs]})


def commit(history: History, message: str, text: str, policy: bytes = b"weights", *, cached: bool = True) -> str:
    """Commit a result whose policy DVC has cached, or not; return the beginning of the hash."""
    digest = history.cache(policy)
    entries = [{"md5": digest, "relpath": "weights.safetensors"}]
    listing = history.cache(json.dumps(entries).encode(), suffix=".dir")
    if not cached:
        (history.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
    outs: list[dict[str, Any]] = [{"path": "out/train/0/agent", "md5": listing}]
    lock = yaml.safe_dump({"stages": {"train@0": {"cmd": message, "outs": outs}}})
    return history.commit(message, **{"dvc.lock": lock, "out/report/record.json": text})[:7]


def found(history: History, scratch: Path) -> list[PastResult | NoResult]:
    repository = Repository(history.root)
    scratch.mkdir()
    return past_results(repository, OutputReader(repository), scratch)


def test_results_of_one_run_with_other_agents_are_several(history: History, tmp_path: Path) -> None:
    first = commit(history, "one seed", record(seed_0="a"))
    second = commit(history, "one more", record(seed_0="a", seed_1="b"))
    results = found(history, tmp_path / "scratch")
    assert [one.name for one in results] == [first, second]
    assert [one.seeds for one in results if isinstance(one, PastResult)] == [[0], [0, 1]]


def test_the_same_result_is_taken_from_where_the_most_is_at_hand(history: History, tmp_path: Path) -> None:
    commit(history, "lost", record(), b"gone", cached=False)
    second = commit(history, "kept", record())
    (result,) = found(history, tmp_path / "scratch")
    assert isinstance(result, PastResult)
    assert result.name == second
    assert WEIGHTS not in result.gaps.files
    result.restore(OutputReader(Repository(history.root)))
    assert (result.root / WEIGHTS).read_bytes() == b"weights"


def test_the_working_tree_has_what_the_cache_has_lost(history: History, tmp_path: Path) -> None:
    name = commit(history, "lost", record(), b"gone", cached=False)
    (history.root / WEIGHTS).parent.mkdir(parents=True)
    (history.root / WEIGHTS).write_bytes(b"gone")
    (result,) = found(history, tmp_path / "scratch")
    assert isinstance(result, PastResult)
    assert (result.name, result.revision) == ("workspace", None)
    assert WEIGHTS not in result.gaps.files
    (history.root / WEIGHTS).unlink()
    (result,) = found(history, tmp_path / "more")
    assert isinstance(result, PastResult)
    assert result.name == name
    assert WEIGHTS in result.gaps.files


@pytest.mark.parametrize(
    ("text", "reason", "is_fault"),
    [
        (record(run_id=None), "names no run: it was not tracked", False),
        ("<<<<<<< HEAD", r"^out/report/record.json", True),
        ("[]", "is no record of a report", True),
        ('{"run_id": "r", "seeds": ["0"]}', "is no record of a report", True),
    ],
)
def test_what_holds_no_result_has_a_reason(
    history: History, tmp_path: Path, text: str, reason: str, *, is_fault: bool
) -> None:
    name = commit(history, "strange", text)
    history.commit("off to the next", **{"out/report/record.json": record()})  # which the working tree has
    first, second = found(history, tmp_path / "scratch")
    assert isinstance(first, NoResult)
    assert (first.name, first.is_fault) == (name, is_fault)
    assert re.search(reason, first.reason), first.reason
    assert str(tmp_path) not in first.reason
    assert second.name == "workspace"


def test_a_pipeline_that_came_to_no_end_is_no_result(history: History, tmp_path: Path) -> None:
    history.commit("half", **{"dvc.lock": "stages: {}\n"})
    history.run("git", "rm", "--quiet", "dvc.lock")
    history.commit("nothing any more")
    (result,) = found(history, tmp_path / "scratch")
    assert isinstance(result, NoResult)
    assert not result.is_fault
    assert "had not come to its end" in result.reason
