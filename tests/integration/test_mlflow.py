"""What MLflow holds after the pipeline: one complete run for each agent, also of stages that did not run."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.project import Project, stop
from tests.integration.tracked import TrackedRun, agents, store_uri, tracked_runs

pytestmark = pytest.mark.slow

STAGES = ("train", "rollout", "evaluate")
MODEL = {"registered_model": "cartpole", "alias": "champion"}

USE_MODEL = """
import json, sys
import mlflow, numpy as np
from maze import RunContext
uri, run_id, model = sys.argv[1:4]
mlflow.set_tracking_uri(uri)
served = mlflow.pyfunc.load_model(model)
raw = np.random.default_rng(0).normal(0.3, 1.5, size=(64, 4)).astype(np.float32)
def contexts():
    for source in (run_id, model, "models:/cartpole/1", "models:/cartpole@champion"):
        yield source, RunContext.load(source, silent=True)
def act(rc, observation):
    return rc.compute_action({"observation": observation}, deterministic=True)["action"]
predicted = served.predict(raw)
answer = {"predicted": np.asarray(predicted).tolist(), "same": {}, "agents": {}, "refused": {}}
for source, rc in contexts():
    wrapped = rc.transform_observation({"observation": raw})["observation"]
    answer["same"][source] = act(rc, wrapped).tolist() == predicted.tolist()
    answer["agents"][source] = rc.config.seeding.env_base_seed
    space = rc.env_factory().action_space["action"]
    answer["contained"] = all(space.contains(np.int64(action)) for action in predicted)
    answer["normalisation changes actions"] = act(rc, raw).tolist() != predicted.tolist()
for name, wrong in {"width": raw[:, :3], "dtype": raw.astype(np.float64), "axes": raw[0]}.items():
    try:
        served.predict(wrong)
    except mlflow.exceptions.MlflowException as error:
        answer["refused"][name] = str(error)
answer["sampled"] = served.predict(raw, params={"deterministic": False}).tolist()
print(json.dumps(answer))
"""


@dataclass
class Tracked:
    """A repository whose pipeline ran in several ways, and what MLflow has of them."""

    project: Project
    commit: str
    runs: list[TrackedRun]
    killed: tuple[int, str]
    failed_status: int
    restored: list[str]

    @property
    def first(self) -> list[TrackedRun]:
        """The agents of the first pipeline, by seed."""
        found = [run for run in agents(self.runs, purpose="first") if "dvc.exp.name" not in run.tags]
        return sorted(found, key=lambda run: run.tags["seed"])


def train_until_it_reports(project: Project, seed: int) -> tuple[int, str]:
    """Start a training without end, ask it to stop once it has reported, and return exit status and output."""
    project.write_params(set={"algorithm": {"n_epochs": 100000, "patience": None}}, tags={"purpose": "killed"})
    assert project.stage("compose").status == 0
    process = project.start(sys.executable, "-m", "stages.train", "--seed", str(seed))
    log = project.root / "out" / "train" / str(seed) / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.is_file() and log.stat().st_size):
        time.sleep(0.1)
    return stop(process)


@pytest.fixture(scope="module")
def tracked(make_project: Callable[..., Project]) -> Tracked:
    project = make_project(seeds=[0, 1], tags={"purpose": "first"}, set={"tracking": MODEL})
    commit = project.git("rev-parse", "HEAD").strip()
    project.repro()
    project.commit()
    shutil.rmtree(project.root / "out/train/0")
    again = project.dvc("exp", "run", "--name", "again", "-S", "++set.evaluation.n_episodes=3", "-S", "seeds=[0]")
    assert again.status == 0, again.text
    project.commit()
    project.write_params(set={"algorithm": {"device": "cuda:99"}}, tags={"purpose": "failed"})
    assert project.stage("compose").status == 0
    failed = project.stage("train", "--seed", "0")
    killed = train_until_it_reports(project, 5)
    return Tracked(project, commit, tracked_runs(project), killed, failed.status, again.restored)


def test_one_parent_and_one_nested_run_for_each_seed(tracked: Tracked) -> None:
    assert [run.tags["seed"] for run in tracked.first] == ["0", "1"]
    parents = {run.tags["mlflow.parentRunId"] for run in tracked.first}
    assert len(parents) == 1
    parent = next(run for run in tracked.runs if run.id in parents)
    assert parent.tags["maze.kind"] == "pipeline"
    assert parent.status == "FINISHED"
    assert all(run.status == "FINISHED" for run in tracked.first)
    assert {"mean_return", "iqm_return"} <= set(parent.history)
    assert any(name.startswith("figures/") and name.endswith(".png") for name in parent.files)
    report = tracked.project.json("out/report/record.json")
    assert set(report["agents"]) == {"0"}  # of the latest experiment


def test_every_stage_is_in_its_agents_run(tracked: Tracked) -> None:
    for run in tracked.first:
        assert {name: run.stages[name] for name in STAGES} == dict.fromkeys(STAGES, "ran")


def test_tags_say_where_an_agent_came_from(tracked: Tracked) -> None:
    for run in tracked.first:
        assert run.tags["git.commit"] == tracked.commit
        assert run.tags["git.dirty"] == "false"
        for name in ("key", "config_sha", "schema", "attempt"):
            assert run.tags[f"maze.{name}"], name
        assert run.tags["env.lock_sha256"]
        assert run.tags["params.yaml.sha256"]
        assert run.tags["purpose"] == "first"
    assert len({run.tags["maze.key"] for run in tracked.first}) == 2
    assert len({run.tags["maze.config_sha"] for run in tracked.first}) == 1


def test_parameters_are_the_flat_configuration(tracked: Tracked) -> None:
    params = tracked.first[0].params
    assert params["algorithm.n_rollout_steps"] == "20"
    assert params["env.name"] == "CartPole-v1"
    assert params["evaluation.n_episodes"] == "2"


def test_metrics_are_the_curve_and_the_results(tracked: Tracked) -> None:
    run = tracked.first[0]
    assert [step for step, _ in run.history["eval/mean_return"]] == [80, 160]
    assert [step for step, _ in run.history["loss/policy"]] == [80, 160]
    assert run.last("system/steps_per_second") > 0
    assert run.last("evaluate/n_episodes") == 2
    assert run.last("rollout/n_episodes") == 2
    assert run.last("evaluate/mean_return") >= 1


def test_artifacts_are_enough_to_repeat_the_run(tracked: Tracked) -> None:
    for run in tracked.first:
        assert {
            "config/resolved.yaml",
            "repro/environment.txt",
            "repro/params.yaml",
            "config/model_summary.txt",
            "figures/policy_0.png",
            "figures/critic_0.png",
            "figures/learning_curve.png",
            "figures/evaluate_returns.png",
            "figures/rollout_returns.png",
        } <= set(run.files)


def test_a_run_whose_training_did_not_run_is_complete(tracked: Tracked) -> None:
    assert "train@0" in tracked.restored
    trained = tracked.first[0]
    (run,) = agents(tracked.runs, dvc__exp__name="again")
    assert run.status == "FINISHED"
    assert run.stages["train"] == f"reused:{trained.id}"
    assert run.stages["rollout"] == f"reused:{trained.id}"
    assert run.stages["evaluate"] == "ran"
    assert run.history["eval/mean_return"] == trained.history["eval/mean_return"]
    assert run.last("evaluate/n_episodes") == 3
    assert run.last("rollout/mean_return") == trained.last("rollout/mean_return")
    assert run.tags["maze.model"].startswith("models:/")
    assert set(trained.files) - {"repro/environment.txt"} <= set(run.files)
    assert set(trained.history) - {"system/steps_per_second", "train_ActorCriticEvents/time_epoch"} <= set(run.history)


def test_a_store_that_is_new_shows_what_others_had_drawn(tracked: Tracked) -> None:
    """A clone with the same cache and a store of its own, in which no stage has ever run."""
    clone = tracked.project.clone("elsewhere")
    assert clone.dvc("cache", "dir", "--local", str(tracked.project.root / ".dvc" / "cache")).status == 0
    assert clone.dvc("checkout").status == 0
    assert clone.dvc("repro", "--force", "--single-item", "report").status == 0
    (run,) = agents(tracked_runs(clone))
    assert all(run.stages[stage].startswith("reused:") for stage in ("train", "rollout", "evaluate"))
    assert set(tracked.first[0].files) - {"repro/environment.txt"} <= set(run.files)


def test_training_that_fails_is_failed(tracked: Tracked) -> None:
    assert tracked.failed_status == 2
    (run,) = agents(tracked.runs, purpose="failed")
    assert run.status == "FAILED"
    assert run.stages == {"train": "failed"}
    assert "cuda:99" in run.tags["maze.reason"]


def test_training_that_is_asked_to_stop_is_killed(tracked: Tracked) -> None:
    status, output = tracked.killed
    assert status == 143, output
    assert "Traceback" not in output
    (run,) = agents(tracked.runs, purpose="killed")
    assert run.status == "KILLED"
    assert run.stages == {"train": "killed"}
    assert run.history["eval/mean_return"]
    assert tracked.project.json("out/record/train/5.json")["status"] == "KILLED"


@pytest.fixture(scope="module")
def used(tracked: Tracked) -> dict[str, Any]:
    """What a model said that another process loaded, without unpickling anything."""
    run = tracked.first[0]
    arguments = (store_uri(tracked.project), run.id, run.tags["maze.model"])
    outcome = tracked.project.python("-c", USE_MODEL, *arguments, MLFLOW_ALLOW_PICKLE_DESERIALIZATION="false")
    assert outcome.status == 0, outcome.text
    answer: dict[str, Any] = json.loads(outcome.stdout.splitlines()[-1])
    return answer


def test_the_model_predicts_the_agents_actions_from_raw_observations(used: dict[str, Any], tracked: Tracked) -> None:
    assert len(used["predicted"]) == 64
    assert set(used["predicted"]) == {0, 1}
    assert used["contained"]
    run = tracked.first[0]
    assert used["same"][run.id]
    assert used["same"][run.tags["maze.model"]]
    assert used["normalisation changes actions"]
    assert set(used["sampled"]) == {0, 1}
    assert used["sampled"] != used["predicted"]


def test_agents_load_by_run_and_by_the_models_name(used: dict[str, Any], tracked: Tracked) -> None:
    run = tracked.first[0]
    # the alias moved on to the second seed's agent; the first version is the first seed's
    assert used["agents"] == {
        run.id: 0,
        run.tags["maze.model"]: 0,
        "models:/cartpole/1": 0,
        "models:/cartpole@champion": 1,
    }


def test_the_signature_refuses_other_shapes(used: dict[str, Any]) -> None:
    assert set(used["refused"]) == {"width", "dtype", "axes"}
