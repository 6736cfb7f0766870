"""What the pipeline trained, rolled out and evaluated is repeated from its outputs, and from MLflow alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.project import Outcome, Project
from tests.integration.tracked import agents, tracked_runs

pytestmark = pytest.mark.slow

_MAIN = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"
_COMPARED = (
    "train: curve.csv",
    "train: agent/weights.safetensors",
    "train: metrics.json",
    "rollout, call 0 (rollout): steps.npz",
    "rollout, call 0 (rollout): episodes.parquet",
    "evaluate, call 0 (evaluate): result",
    "evaluate, call 0 (evaluate): episodes",
)


@pytest.fixture(scope="module")
def pipeline(make_project: Callable[..., Project]) -> Project:
    """A repository whose pipeline ran for one seed."""
    project = make_project(seeds=[3], wrappers="vector_obs")
    project.repro()
    project.commit()
    return project


def replay(project: Project, source: str) -> Outcome:
    return project.python("-c", _MAIN, "replay", source, "--json")


def verdict(outcome: Outcome, status: int) -> dict[str, Any]:
    assert outcome.status == status, outcome.text
    content: dict[str, Any] = json.loads(outcome.stdout)
    assert content["identical"] is (status == 0)
    return content


def run_id(project: Project) -> str:
    found = [run for run in agents(tracked_runs(project)) if run.tags["seed"] == "3"]
    return found[0].id


def test_all_stages_of_a_seed_are_repeated_from_their_outputs(pipeline: Project) -> None:
    before = pipeline.files("out")
    n_runs = len(tracked_runs(pipeline))
    found = verdict(replay(pipeline, "out/train/3"), 0)
    assert set(found["compared"]) >= set(_COMPARED)
    assert list(found["environment"]) == ["git.commit"]  # the results were committed since
    assert pipeline.files("out") == before
    assert pipeline.dvc("status").stdout.strip().endswith("up to date.")
    assert len(tracked_runs(pipeline)) == n_runs
    assert set(verdict(replay(pipeline, "out/record/train/3.json"), 0)["compared"]) >= set(_COMPARED)


def test_the_first_stage_that_differs_is_named(pipeline: Project) -> None:
    path = pipeline.root / "out" / "record" / "evaluate" / "3.json"
    text = path.read_text()
    record = json.loads(text)
    record["calls"][0]["result"]["max_return"] += 1
    path.unlink()  # DVC may have linked it to its cache
    path.write_text(json.dumps(record))
    found = verdict(replay(pipeline, "out/train/3"), 1)["first_difference"]
    path.write_text(text)
    assert (found["part"], found["method"], found["metric"]) == ("evaluate", "evaluate", "max_return")


def test_an_agent_of_the_pipeline_is_repeated_from_mlflow_alone(pipeline: Project) -> None:
    identity = run_id(pipeline)
    shutil.move(pipeline.root / "out", pipeline.root.parent / "hidden")
    try:
        found = verdict(replay(pipeline, identity), 0)
    finally:
        shutil.move(pipeline.root.parent / "hidden", pipeline.root / "out")
    assert {"train: curve.csv", "train: agent/weights.safetensors", "train: metrics.json"} <= set(found["compared"])
    assert {name.partition(",")[0] for name in found["compared"]} >= {"rollout", "evaluate"}
    parent = next(run for run in tracked_runs(pipeline) if run.tags["maze.kind"] == "pipeline")
    refused = replay(pipeline, parent.id)
    assert refused.status == 2
    assert identity in refused.stderr


def test_what_dvc_restored_is_repeated_from_mlflow_as_well(pipeline: Project) -> None:
    shutil.rmtree(pipeline.root / ".maze")
    shutil.rmtree(pipeline.root / "out")
    outcome = pipeline.repro("--force", "--single-item", "report") if not pipeline.repro().ran else None
    assert outcome is None or outcome.status == 0
    assert verdict(replay(pipeline, run_id(pipeline)), 0)["compared"]
