"""Results that travel: a remote cache from which a fresh clone takes everything and trains nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.project import SILENT, Project

pytestmark = pytest.mark.slow

STAGES = ["train@0", "rollout@0", "evaluate@0"]


@pytest.fixture(scope="module")
def shared(make_project: Callable[..., Project]) -> Project:
    """A repository whose results, and those of other values, are in a remote cache, here a local folder."""
    project = make_project(set=SILENT)
    remote = project.root.parent / "remote"
    for command in (
        ("remote", "add", "--default", "store", str(remote)),
        ("repro",),
        ("push", "--run-cache"),
    ):
        outcome = project.dvc(*command)
        assert outcome.status == 0, outcome.text
    project.commit()
    assert project.maze_run("exp", "evaluation.n_episodes=3").status == 0
    assert project.dvc("push", "--run-cache").status == 0
    project.git("restore", ".")
    assert project.dvc("checkout").status == 0
    return project


def weights(project: Project) -> bytes:
    return (project.root / "out/train/0/agent/weights.safetensors").read_bytes()


def test_a_fresh_clone_pulls_everything_and_trains_nothing(shared: Project) -> None:
    clone = shared.clone("fresh clone")
    assert not (clone.root / "out/train/0/agent").exists()
    assert clone.repro("--pull").ran == []
    assert weights(clone) == weights(shared)
    assert clone.repro().ran == []
    assert clone.git("status", "--porcelain") == ""


def test_what_somebody_has_run_under_other_values_is_not_run_again(shared: Project) -> None:
    clone = shared.clone("another clone")
    clone.write_params(set={**SILENT, "evaluation": {"n_episodes": 3}})
    outcome = clone.repro("--pull")
    assert outcome.ran == ["compose", "report"], outcome.text
    assert clone.json("out/evaluate/0/metrics.json")["n_episodes"] == 3


def test_the_run_cache_alone_serves_where_no_lock_tells_of_it(shared: Project) -> None:
    clone = shared.clone("a third clone")
    (clone.root / "dvc.lock").unlink()
    outcome = clone.repro("--pull")
    assert outcome.ran == ["compose", "report"], outcome.text
    assert weights(clone) == weights(shared)


def test_the_record_names_where_the_agent_came_from(shared: Project) -> None:
    clone = shared.clone("a fourth clone")
    clone.repro("--pull", "train@0")
    record = clone.json("out/record/train/0.json")
    assert record["environment"]["git"]["commit"] == shared.git("rev-list", "--max-parents=0", "main").strip()
