"""Queued experiments and git worktrees run their own code and configuration, whatever package is installed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.project import SILENT, Outcome, Project
from tests.integration.tracked import TrackedRun, agents, tracked_runs

pytestmark = pytest.mark.slow

EVALUATION = "out/evaluate/0/metrics.json"
STAGES = ("train", "rollout", "evaluate")


def change_code(project: Project) -> None:
    """Change package, stages and configuration so that the evaluation's numbers show each of the three."""
    project.edit(
        "stages/evaluate.py", lambda text: text.replace("episodes.statistics)", '{**episodes.statistics, "stage": 1})')
    )
    project.edit(
        "maze/artifacts.py",
        lambda text: text.replace("json.dumps(_finite(value)", 'json.dumps({**_finite(value), "package": 1}'),
    )
    project.edit("conf/runner_configuration/dev-test.yaml", lambda text: text.replace("n_episodes: 2", "n_episodes: 4"))


def assert_changed(metrics: dict[str, Any]) -> None:
    """Check that package, stages and configuration were the changed ones."""
    assert metrics["stage"] == 1
    assert metrics["package"] == 1
    assert metrics["n_episodes"] == 4


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(set=SILENT)


@pytest.fixture(scope="module")
def worktree(project: Project) -> Iterator[Project]:
    root = project.root.parent / "a work tree"
    project.git("worktree", "add", "--quiet", "--detach", str(root))
    yield Project(root, project.environment)
    project.git("worktree", "remove", "--force", str(root))


def test_the_installed_package_is_another_one(project: Project, worktree: Project) -> None:
    where = "import maze.runner; print(maze.runner.__file__)"
    installed = project.python("-P", "-c", where).stdout.strip()
    assert not installed or not Path(installed).is_relative_to(worktree.root)
    assert Path(worktree.python("-c", where).stdout.strip()).is_relative_to(worktree.root)


def test_a_worktree_runs_its_own_code_and_configuration(project: Project, worktree: Project) -> None:
    change_code(worktree)
    outcome = worktree.repro()
    assert outcome.ran == ["compose", "train@0", "rollout@0", "evaluate@0", "report"]
    assert_changed(worktree.json(EVALUATION))
    assert not (project.root / EVALUATION).exists()


def test_an_experiment_in_a_temporary_copy_runs_the_code_that_it_took_along(project: Project) -> None:
    change_code(project)
    outcome = project.dvc("exp", "run", "--temp", "--name", "with-edits")
    project.git("checkout", "--", "maze", "stages", "conf")
    assert outcome.status == 0, outcome.text
    assert_changed(json.loads(project.git("show", f"{experiment(project, 'with-edits')}:{EVALUATION}")))
    assert not (project.root / EVALUATION).exists()


def experiment(project: Project, name: str) -> str:
    """Return the commit of an experiment."""
    (reference,) = project.git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").split()
    return reference


# --- the queue ----------------------------------------------------------------------------------------------------


def wait_for_queue(project: Project, count: int) -> Outcome:
    """Wait until as many experiments of the queue have ended, and return its last state."""
    deadline = time.monotonic() + 300
    while True:
        outcome = project.dvc("queue", "status")
        ended = sum(outcome.stdout.count(word) for word in ("Success", "Failed"))
        if ended == count or time.monotonic() > deadline:
            return outcome
        time.sleep(1)


@pytest.fixture(scope="module")
def queued(make_project: Callable[..., Project]) -> Iterator[tuple[Project, Outcome, list[TrackedRun]]]:
    """Two experiments that two workers have run at the same time, the first ones of a new store."""
    project = make_project()
    queued = project.dvc("exp", "run", "--queue", "-S", "algorithm=a2c,ppo")
    assert queued.status == 0, queued.text
    assert project.dvc("queue", "start", "--jobs", "2").status == 0
    state = wait_for_queue(project, 2)
    yield project, state, tracked_runs(project)
    project.dvc("queue", "stop", "--kill")


def test_two_workers_succeed_with_two_experiments(queued: tuple[Project, Outcome, list[TrackedRun]]) -> None:
    _, state, _ = queued
    assert state.stdout.count("Success") == 2, state.text


def test_each_experiment_is_complete_in_the_projects_store(
    queued: tuple[Project, Outcome, list[TrackedRun]],
) -> None:
    project, _, runs = queued
    found = agents(runs)
    assert len(found) == 2
    algorithms = {run.params["algorithm._target_"].rpartition(".")[2] for run in found}
    assert algorithms == {"A2CAlgorithmConfig", "PPOAlgorithmConfig"}
    assert len({run.tags["dvc.exp.name"] for run in found}) == 2
    assert len({run.tags["mlflow.parentRunId"] for run in found}) == 2
    for run in found:
        assert run.status == "FINISHED"
        assert {name: run.stages[name] for name in STAGES} == dict.fromkeys(STAGES, "ran")
        assert run.last("evaluate/n_episodes") == 2
        assert len(run.history["eval/mean_return"]) == 2
        assert run.tags["maze.model"].startswith("models:/")
    assert (project.root / ".maze" / "mlflow.db").is_file()
