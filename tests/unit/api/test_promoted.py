"""What promotions leave for git: one text file a policy, from which a registry comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maze.api.promoted import keep_promotion, kept_holder, restore_promotions
from maze.errors import ArtifactError


def version(number: int, run_id: str) -> dict[str, Any]:
    return {"version": number, "run_id": run_id, "description": "", "tags": {}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_what_others_have_promoted_stays_in_the_file(project: Path) -> None:
    mine = {"versions": [version(1, "a"), version(2, "b")], "aliases": {"champion": "b"}}
    assert keep_promotion(project, "cart/pole", mine) == Path("promoted/cart%2Fpole.json")
    theirs = {"versions": [version(1, "c")], "aliases": {"challenger": "c"}}  # of a store that began anew
    keep_promotion(project, "cart/pole", theirs)
    content = json.loads((project / "promoted" / "cart%2Fpole.json").read_text())
    assert [(entry["version"], entry["run_id"]) for entry in content["versions"]] == [(1, "a"), (1, "c"), (2, "b")]
    assert content["aliases"] == {"champion": "b", "challenger": "c"}
    assert kept_holder(project / "anywhere", "cart/pole", "champion") == "b"
    assert kept_holder(project, "cart/pole", "nobody") is None
    assert kept_holder(project, "other", "champion") is None


def test_without_a_project_nothing_is_written(tmp_path: Path) -> None:
    assert keep_promotion(tmp_path, "cartpole", {"versions": [], "aliases": {}}) is None
    assert not list(tmp_path.iterdir())
    assert restore_promotions(tmp_path) == []


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "[]", '{"aliases": {}, "versions": [{"version": "1"}]}'])
def test_a_broken_file_is_named_and_left_as_it_is(project: Path, text: str) -> None:
    path = project / "promoted" / "cartpole.json"
    path.parent.mkdir()
    path.write_text(text)
    for attempt in (
        lambda: keep_promotion(project, "cartpole", {"versions": [], "aliases": {}}),
        lambda: kept_holder(project, "cartpole", "champion"),
        lambda: restore_promotions(project),
    ):
        with pytest.raises(ArtifactError, match=r"cartpole\.json"):
            attempt()
    assert path.read_text() == text
