"""One run in a real store, record by record, without a process in between."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

from maze.statistics.tags import event_tag
from maze.tracking.description import AgentModel
from maze.tracking.journal import JournalReader, JournalWriter
from maze.tracking.mlflow_session import Session
from maze.tracking.records import agent_record, file_record
from maze.tracking.store import StoreLocation
from tests.unit.tracking.stored_runs import MODEL, SEED, Runs, metrics


@pytest.fixture
def runs(store: StoreLocation) -> Runs:
    return Runs(store)


def test_stages_of_one_agent_share_a_run(runs: Runs) -> None:
    train = runs.stage("train", metrics(1, loss=0.5), finish="")
    assert runs.get(train).info.status == "RUNNING"
    assert runs.get(train).data.tags["stage.train"] == "running"
    train.apply([{"op": "finish", "status": "FINISHED"}])
    evaluate = runs.stage("evaluate", metrics(1, mean=9.0))
    assert evaluate.run_id == train.run_id
    run = runs.get(train)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"loss": 0.5, "mean": 9.0}
    assert run.data.params == {"algorithm.lr": "0.001"}
    tags = run.data.tags
    assert (tags["stage.train"], tags["stage.evaluate"], tags["maze.attempt"]) == ("ran", "ran", "1")
    assert (tags["maze.key"], tags["seed"], tags["mlflow.source.git.commit"]) == ("k" * 64, "0", "c0ffee")


def test_training_again_is_a_new_attempt_that_later_stages_join(runs: Runs) -> None:
    first = runs.stage("train", metrics(1, loss=0.5))
    second = runs.stage("train", metrics(1, loss=0.5))
    assert second.run_id != first.run_id
    assert runs.get(second).data.tags["maze.attempt"] == "2"
    assert runs.stage("evaluate").run_id == second.run_id


def test_interrupted_training_goes_on_in_its_run_without_doubling_numbers(runs: Runs) -> None:
    first = runs.stage("train", metrics(1, loss=0.5), metrics(2, loss=0.25), finish="KILLED")
    assert runs.get(first).info.status == "KILLED"
    assert runs.get(first).data.tags["stage.train"] == "killed"
    again = runs.stage("train", metrics(2, loss=0.25), metrics(3, loss=0.125))
    assert again.run_id == first.run_id
    assert runs.history(again, "loss") == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert again.notes == []


def test_a_stage_that_does_not_repeat_itself_is_told(runs: Runs) -> None:
    runs.stage("evaluate", metrics(0, mean=1.0))
    again = runs.stage("evaluate", metrics(0, mean=2.0))
    assert runs.history(again, "mean") == [(0, 1.0)]
    assert len(again.notes) == 1
    assert runs.get(again).data.tags["repeat.mean"] == "2.0 at step 0, first 1.0"


def test_what_a_clock_says_may_differ_in_a_repeat(runs: Runs) -> None:
    time = event_tag("train", "time/epoch")
    runs.stage("train", metrics(1, loss=0.5, **{time: 0.8, "system/steps_per_second": 100.0}), finish="KILLED")
    again = runs.stage("train", metrics(1, loss=0.5, **{time: 0.4, "system/steps_per_second": 200.0}))
    assert again.notes == []
    assert runs.history(again, "train_ActorCriticEvents/time_epoch") == [(1, 0.8)]
    assert not [tag for tag in runs.get(again).data.tags if tag.startswith("repeat.")]


def test_the_reason_of_a_broken_attempt_goes_when_another_one_ends_well(runs: Runs) -> None:
    broken = {"op": "tags", "values": {"maze.reason": "signal 15"}}
    first = runs.stage("train", broken, finish="KILLED")
    assert runs.get(first).data.tags["maze.reason"] == "signal 15"
    runs.stage("train", finish="")
    assert runs.get(first).data.tags["maze.reason"] == "signal 15"  # it may be broken off, too
    again = runs.stage("train")
    assert again.run_id == first.run_id
    assert "maze.reason" not in runs.get(again).data.tags


def test_a_reason_that_the_attempt_itself_gives_stays(runs: Runs) -> None:
    told = {"op": "tags", "values": {"maze.reason": "hopeless"}}
    first = runs.stage("train", told, finish="KILLED")
    again = runs.stage("train", told)
    assert again.run_id == first.run_id
    assert runs.get(again).data.tags["maze.reason"] == "hopeless"


def test_a_run_without_a_key_is_its_own(runs: Runs) -> None:
    own = dataclasses.replace(SEED, key=None, stage=None, parent_key=None)
    first, second = runs.session(own), runs.session(own)
    assert first.run_id != second.run_id
    assert "mlflow.parentRunId" not in runs.get(first).data.tags


def test_a_run_that_a_person_deleted_is_made_again(runs: Runs) -> None:
    first = runs.stage("train")
    runs.client.delete_run(first.run_id)
    second = runs.stage("evaluate")
    assert second.run_id != first.run_id
    assert runs.get(second).data.tags["recreated"] == first.run_id


def test_parent_has_the_worst_outcome_of_its_agents(runs: Runs) -> None:
    first = runs.session(SEED)
    parent_id = runs.get(first).data.tags["mlflow.parentRunId"]
    other = dataclasses.replace(SEED, name="a2c seed 1", seed=1, key="q" * 64)
    second = runs.session(other, finish="")
    assert runs.get(second).data.tags["mlflow.parentRunId"] == parent_id
    parent = runs.client.get_run(parent_id)
    assert (parent.info.run_name, parent.info.status) == ("a2c", "RUNNING")
    second.apply([{"op": "finish", "status": "FAILED"}])
    runs.stage("evaluate")
    parent = runs.client.get_run(parent_id)
    assert parent.info.status == "FAILED"
    assert (parent.data.tags["agent.0"], parent.data.tags["agent.1"]) == ("FINISHED", "FAILED")


def test_a_parent_runs_while_one_of_its_agents_does(runs: Runs) -> None:
    slow = runs.session(SEED, finish="")
    parent_id = runs.get(slow).data.tags["mlflow.parentRunId"]
    runs.session(dataclasses.replace(SEED, name="a2c seed 1", seed=1, key="q" * 64))
    assert runs.client.get_run(parent_id).info.status == "RUNNING"
    slow.apply([{"op": "finish", "status": "FINISHED"}])
    assert runs.client.get_run(parent_id).info.status == "FINISHED"


def test_a_parent_runs_while_its_own_process_does(runs: Runs) -> None:
    whole = dataclasses.replace(SEED, key=SEED.parent_key, parent_key=None, kind="pipeline", stage=None, seed=None)
    parent = runs.session(whole, finish="")
    agent = runs.session(dataclasses.replace(SEED, stage=None))
    assert runs.get(agent).data.tags["mlflow.parentRunId"] == parent.run_id
    assert (runs.get(agent).info.status, runs.get(parent).info.status) == ("FINISHED", "RUNNING")
    parent.apply([{"op": "finish", "status": "FINISHED"}])
    assert runs.get(parent).info.status == "FINISHED"


def test_a_parent_may_change_its_aggregates_and_a_plain_run_its_evaluation(runs: Runs) -> None:
    parent = dataclasses.replace(SEED, key="p" * 64, parent_key=None, kind="pipeline", stage="report", seed=None)
    runs.session(parent, metrics(0, mean=1.0))
    again = runs.session(parent, metrics(0, mean=1.0), metrics(0, mean=2.0))
    assert [value for _, value in runs.history(again, "mean")] == [1.0, 2.0]
    assert runs.get(again).data.metrics == {"mean": 2.0}
    assert again.notes == []


def test_odd_numbers_and_names(runs: Runs) -> None:
    values = {"a[0]": 1.0, "inf": math.inf, "nan": math.nan}
    session = runs.session(SEED, {"op": "metrics", "values": values, "step": 3, "time": 5}, metrics(4, inf=-math.inf))
    run = runs.get(session)
    assert run.data.metrics["a_0_"] == 1.0
    assert math.isnan(run.data.metrics["nan"])
    assert "inf" not in run.data.metrics
    assert run.data.tags["nonfinite.inf"] == "-inf at step 4"


def test_thousands_of_numbers_and_hundreds_of_parameters(runs: Runs) -> None:
    parameters = {f"p{index}": str(index) for index in range(250)}
    many = [metrics(step, a=float(step), b=float(-step)) for step in range(1200)]
    session = runs.session(SEED, {"op": "parameters", "values": parameters}, *many)
    assert len(runs.history(session, "a")) == 1200
    assert len(runs.get(session).data.params) == 251


def test_a_parameter_keeps_its_first_value(runs: Runs) -> None:
    runs.session(SEED)
    again = runs.session(dataclasses.replace(SEED, stage="evaluate", parameters={"algorithm.lr": 0.1}))
    run = runs.get(again)
    assert run.data.params == {"algorithm.lr": "0.001"}
    assert run.data.tags["parameter.algorithm.lr"] == "0.1"
    assert len(again.notes) == 1


def test_sending_the_same_journal_again_changes_nothing(runs: Runs, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.mkdir()
    (agent / "config.yaml").write_text("a: 1\n")
    writer = JournalWriter(tmp_path / "spool", runs.store.uri)
    writer.append(op="start", description=dataclasses.replace(SEED, key=None).as_record())
    writer.append(**metrics(1, loss=0.5))
    writer.append(**file_record(writer, b"text", "repro/notes.txt"))
    writer.append(**agent_record(writer, agent, MODEL))
    writer.append(op="finish", status="FINISHED", time=5)
    writer.close()
    records = JournalReader(writer.directory).read()
    first = Session(runs.store, writer.directory)
    first.apply(records)
    second = Session(runs.store, writer.directory, run_id=first.run_id)
    second.apply(records)
    assert second.run_id == first.run_id
    assert runs.history(second, "loss") == [(1, 0.5)]
    assert len(runs.client.search_logged_models([runs.get(first).info.experiment_id])) == 1
    assert [item.path for item in runs.client.list_artifacts(first.run_id, "repro")] == ["repro/notes.txt"]
    assert second.notes == []


def test_interface_of_the_agent(tmp_path: Path) -> None:
    observation = spaces.Dict(
        {"image": spaces.Box(0, 255, (8, 8, 3), np.uint8), "speed": spaces.Box(-1, 1, (), np.float64)}
    )
    model = AgentModel.from_spaces(observation, spaces.Dict({"steer": spaces.Box(-1, 1, (2,))}))
    assert model.inputs == (("image", "uint8", (8, 8, 3)), ("speed", "float32", ()))
    assert model.outputs == (("steer", "float32", (2,)),)
    assert AgentModel.from_record(json.loads(json.dumps(model.as_record()))) == model
