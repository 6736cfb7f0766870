"""Experiments as people run them: through maze-run exp, in the working tree, in a copy, and from a queue."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.project import SILENT, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    """A repository whose pipeline has run."""
    project = make_project(set=SILENT)
    project.repro()
    project.commit()
    return project


def experiments(project: Project) -> dict[str, Any]:
    """Return the experiments by name, each with its parameters and its metrics."""
    shown = project.dvc("exp", "show", "--json").json()
    [main] = [entry for entry in shown if entry["rev"] != "workspace"]
    revisions = [revision for group in main["experiments"] or [] for revision in group["revs"]]
    return {revision["name"]: revision["data"] for revision in revisions}


def test_a_wrong_value_changes_nothing(project: Project) -> None:
    outcome = project.maze_run("exp", "algorithm.lr=fast")
    assert (outcome.status, outcome.stderr.count("\n")) == (2, 1), outcome.text
    assert project.git("status", "--porcelain") == ""


def test_in_a_copy_the_working_tree_stays_as_it_is(project: Project) -> None:
    outcome = project.maze_run(
        "exp", "algorithm=ppo", "algorithm.lr=3e-4", "tags.note='it, works'", "--temp", "--name", "with-ppo"
    )
    assert outcome.status == 0, outcome.text
    assert "Running stage 'train@0'" in outcome.stdout
    assert project.git("status", "--porcelain") == ""
    params = experiments(project)["with-ppo"]["params"]
    assert params["params.yaml"]["data"]["set"] == {**SILENT, "algorithm": {"lr": 3e-4}}
    assert params["params.yaml"]["data"]["tags"] == {"note": "it, works"}
    assert params["build/config.yaml"]["data"]["algorithm"]["lr"] == 3e-4
    assert params["build/config.yaml"]["data"]["algorithm"]["_target_"].endswith("PPOAlgorithmConfig")


def wait_for_queue(project: Project) -> list[str]:
    """Return how the queued experiments ended, once all have."""
    for _ in range(150):
        listed = project.dvc("queue", "status").stdout
        states = re.findall(r"\b(Queued|Running|Success|Failed)\b", listed)
        if states and not {"Queued", "Running"} & set(states):
            return states
        time.sleep(2)
    raise AssertionError(listed)


def test_a_grid_is_queued_and_run(project: Project) -> None:
    outcome = project.maze_run("exp", "--queue", "evaluation.n_episodes=3,4", "tags.why=grid")
    assert outcome.status == 0, outcome.text
    assert "next: dvc queue start" in outcome.stderr
    assert project.dvc("queue", "start").status == 0
    try:
        assert wait_for_queue(project) == ["Success", "Success"]
    finally:
        project.dvc("queue", "stop", "--kill")
    found = {
        data["metrics"]["out/evaluate/0/metrics.json"]["data"]["n_episodes"]
        for name, data in experiments(project).items()
        if name != "with-ppo"
    }
    assert found == {3, 4}


def test_in_the_working_tree_params_yaml_keeps_what_was_said(project: Project) -> None:
    outcome = project.maze_run("exp", "seeds=0,1", "--name", "two-seeds")
    assert outcome.status == 0, outcome.text
    assert outcome.ran == ["train@1", "rollout@1", "evaluate@1", "report"]
    assert project.params()["seeds"] == [0, 1]
    assert project.json("out/report/metrics.json")["n_seeds"] == 2
