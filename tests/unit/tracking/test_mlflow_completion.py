"""Runs that are completed from what their stages left, and what they say where some of that is gone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from maze.tracking.contents import StoreContents
from maze.tracking.description import RunDescription
from maze.tracking.journal import JournalWriter
from maze.tracking.missing import missing_text, stage_part
from maze.tracking.mlflow_completion import CompletingSession
from maze.tracking.mlflow_restoring import restore_registry
from maze.tracking.records import complete_record
from maze.tracking.store import StoreLocation
from tests.unit.tracking.stored_runs import (
    PARENT,
    REBUILT,
    SEED,
    Rebuilding,
    Runs,
    metrics,
    restored,
    without_files,
)


@pytest.fixture
def runs(store: StoreLocation) -> Runs:
    return Runs(store)


def test_report_completes_a_run_whose_stages_were_restored(runs: Runs, tmp_path: Path) -> None:
    parent = dataclasses.replace(SEED, key="p" * 64, parent_key=None, kind="pipeline", stage="report", seed=None)
    writer = JournalWriter(tmp_path / "spool", runs.store.uri)
    whole = dataclasses.replace(SEED, stage=None, config={"a": 1})
    record = complete_record(writer, whole, restored(tmp_path, "f" * 32))
    writer.close()
    session = CompletingSession(runs.store, writer.directory)
    start = {"op": "start", "description": parent.as_record()}
    session.apply([start, json.loads(json.dumps(record)), {"op": "finish", "status": "FINISHED"}])
    child = runs.client.get_run(session.children["a2c seed 0"])
    assert child.info.status == "FINISHED"
    assert child.data.metrics == {"return": 2.0, "best_return": 2.0, "evaluate/mean_return": 2.5}
    assert child.data.tags["stage.train"] == child.data.tags["stage.evaluate"] == f"reused:{'f' * 32}"
    assert child.data.tags["mlflow.parentRunId"] == session.run_id
    assert child.data.tags["maze.model"].startswith("models:/m-")
    assert {item.path for item in runs.client.list_artifacts(child.info.run_id)} == {"config", "train"}
    assert runs.client.get_run(session.run_id).info.status == "FINISHED"


def test_report_leaves_complete_runs_alone_and_fills_in_what_is_missing(runs: Runs, tmp_path: Path) -> None:
    train = runs.stage("train", metrics(10, **{"return": 1.0}), metrics(20, **{"return": 2.0}))
    whole = dataclasses.replace(SEED, stage=None)
    for _ in range(2):
        writer = JournalWriter(tmp_path / "spool", runs.store.uri)
        record = complete_record(writer, whole, restored(tmp_path, "f" * 32))
        writer.close()
        session = CompletingSession(runs.store, writer.directory)
        session.complete(RunDescription.from_record(record["description"]), record["records"], record["stages"])
        assert session.run_id == train.run_id
        run = runs.get(train)
        assert run.data.tags["stage.train"] == "ran"
        assert run.data.tags["stage.evaluate"] == f"reused:{'f' * 32}"
        assert run.data.metrics == {"return": 2.0, "evaluate/mean_return": 2.5}
    assert "maze.model" not in run.data.tags


@pytest.mark.parametrize(
    ("origin", "key", "expected"),
    [
        ("f" * 32, None, "ran"),  # the record names the run's earlier self
        ("", "k" * 64, "ran"),  # the store was too slow to tell the record the run's id, and the key tells
        ("e" * 32, "o" * 64, f"reused:{'e' * 32}"),
    ],
)
def test_a_rebuilt_run_knows_which_stages_were_its_own(
    runs: Runs, tmp_path: Path, origin: str, key: str | None, expected: str
) -> None:
    begun = 1_700_000_000_000
    whole = dataclasses.replace(
        SEED, stage="report", tags={"maze.rebuilt_from": "f" * 32}, started=begun, ended=begun + 5000
    )
    stages = restored(tmp_path, origin)
    (tmp_path / "record.json").write_text(json.dumps({"run_id": origin or None, "key": key}))
    writer = JournalWriter(tmp_path / "spool", runs.store.uri)
    record = complete_record(writer, whole, stages)
    writer.close()
    session = CompletingSession(runs.store, writer.directory)
    session.complete(RunDescription.from_record(record["description"]), record["records"], record["stages"])
    run = runs.get(session)
    assert run.data.tags["stage.train"] == run.data.tags["stage.evaluate"] == expected
    assert (run.info.start_time, run.info.end_time) == (begun, begun + 5000)
    assert {point.timestamp for point in runs.client.get_metric_history(session.run_id, "return")} == {begun}


@pytest.fixture
def rebuilding(runs: Runs, tmp_path: Path) -> Rebuilding:
    return Rebuilding(runs, tmp_path)


def test_a_run_says_what_it_lacks_until_it_has_it(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages = restored(tmp_path, "f" * 32)
    first = rebuilding.tell(without_files(stages), "figures")
    parent, child = rebuilding.tags(first)
    assert child["maze.missing"].startswith(
        "Neither git nor DVC's cache had: train: policy, record; evaluate: record. "
    )
    assert child["maze.missing"].endswith("maze-run tracking rebuild")
    assert parent["maze.missing"].startswith("Neither git nor DVC's cache had: figures; files of its agents")
    assert (parent["stage.report"], child["stage.train"], child["stage.evaluate"]) == ("incomplete",) * 3
    assert "maze.model" not in child
    told = rebuilding.runs.client.get_run(first.children["a2c seed 0"]).data
    assert told.metrics == {"return": 2.0, "best_return": 2.0, "evaluate/mean_return": 2.5}

    second = rebuilding.tell(stages)
    assert (second.run_id, second.children) == (first.run_id, first.children)
    parent, child = rebuilding.tags(second)
    assert "maze.missing" not in {**parent, **child}
    assert (parent["stage.report"], child["stage.train"], child["stage.evaluate"]) == ("ran",) * 3
    assert child["maze.model"].startswith("models:/m-")


def test_what_is_complete_is_not_made_less(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages = restored(tmp_path, "f" * 32)
    whole = rebuilding.tags(rebuilding.tell(stages))
    later = rebuilding.tell(without_files(stages), "figures")
    assert rebuilding.tags(later) == whole
    assert rebuilding.runs.get(later).info.status == "FINISHED"


def test_only_the_stages_that_lack_something_are_told_again(rebuilding: Rebuilding, tmp_path: Path) -> None:
    train, evaluate = restored(tmp_path, "f" * 32)
    shown = dataclasses.replace(train, missing=("what it showed",))
    first = rebuilding.tell([shown, dataclasses.replace(evaluate, missing=("record",))])
    model = rebuilding.tags(first)[1]["maze.model"]
    second = rebuilding.tell([shown, evaluate])
    tags = rebuilding.tags(second)[1]
    assert (tags["stage.train"], tags["stage.evaluate"], tags["maze.model"]) == ("incomplete", "ran", model)
    assert "evaluate" not in tags["maze.missing"].partition(". ")[0]
    third = rebuilding.tags(rebuilding.tell([train, evaluate]))[1]
    assert (third["stage.train"], third["maze.model"]) == ("ran", model)
    experiment = rebuilding.runs.get(first).info.experiment_id
    assert len(rebuilding.runs.client.search_logged_models([experiment])) == 1


def test_training_again_fills_the_run_that_lacked_its_policy(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages = restored(tmp_path, "f" * 32)
    first = rebuilding.tell(without_files(stages))
    trained = rebuilding.runs.stage("train", metrics(10, **{"return": 1.0}))
    assert trained.run_id == first.children["a2c seed 0"]
    rebuilding.runs.stage("evaluate")
    parent, child = rebuilding.tags(rebuilding.tell(stages))
    assert "maze.missing" not in {**parent, **child}
    assert child["stage.train"] == "ran"


def test_a_run_keeps_its_beginning_and_tells_how_long_it_took(rebuilding: Rebuilding, tmp_path: Path) -> None:
    committed, begun = 1_700_000_900_000, 1_700_000_000_000
    stages = restored(tmp_path, "f" * 32)
    first = rebuilding.tell(
        without_files(stages), whole=dataclasses.replace(REBUILT, started=committed, ended=committed)
    )
    run = rebuilding.runs.client.get_run(first.children["a2c seed 0"])
    assert (run.info.start_time, run.info.end_time) == (committed, committed)
    rebuilding.tell(stages, whole=dataclasses.replace(REBUILT, started=begun, ended=begun + 5000))
    run = rebuilding.runs.client.get_run(first.children["a2c seed 0"])
    assert (run.info.start_time, run.info.end_time) == (committed, committed + 5000)


def test_a_parent_lacks_what_any_of_its_agents_lacks(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages = restored(tmp_path, "f" * 32)
    other = dataclasses.replace(REBUILT, name="a2c seed 1", key="1" * 64, seed=1)
    rebuilding.tell(without_files(stages), whole=other)
    parent, child = rebuilding.tags(rebuilding.tell(stages))
    assert "maze.missing" not in child
    assert "files of its agents" in parent["maze.missing"]
    rebuilding.tell(stages, whole=other)
    assert "maze.missing" not in rebuilding.tags(rebuilding.tell(stages))[0]


def test_an_alias_waits_for_the_policy_of_its_run(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages = restored(tmp_path, "f" * 32)
    entry = {"version": 1, "run_id": "f" * 32}
    content = {"model": "cartpole", "versions": [entry], "aliases": {"champion": "f" * 32, "other": "0" * 32}}
    rebuilding.tell(without_files(stages))
    told = restore_registry(rebuilding.runs.client, content)
    assert told["missing"] == content["aliases"]
    assert told["without_policy"] == ["f" * 32]
    rebuilding.tell(stages)
    told = restore_registry(rebuilding.runs.client, content)
    assert (told["aliases"], told["missing"], told["without_policy"]) == ({"champion": "1"}, {"other": "0" * 32}, [])


def test_a_store_tells_what_it_has_of_results(rebuilding: Rebuilding, tmp_path: Path) -> None:
    train, evaluate = restored(tmp_path, "f" * 32)
    store = rebuilding.runs.store
    rebuilding.tell([dataclasses.replace(train, missing=("policy",)), evaluate])
    contents = StoreContents.of(store, ["train", "evaluate"])
    stored = contents.run("f" * 32)
    assert (stored.whole, set(stored.complete)) == (False, {"evaluate"})
    assert contents.says("f" * 32, missing_text([stage_part("train", ["policy"])]))
    assert not contents.says("f" * 32, "")
    assert not contents.says(None, "")
    rebuilding.tell([train, evaluate])
    contents = StoreContents.of(store, ["train", "evaluate"])
    assert contents.says("f" * 32, "")
    assert not StoreContents.of(store, ["train", "rollout", "evaluate"]).run("f" * 32).whole
    assert StoreContents.of(dataclasses.replace(store, uri="sqlite:////nowhere/mlflow.db"), []).runs == {}


def test_values_of_a_parent_that_is_told_again_are_told_once(runs: Runs) -> None:
    parent = dataclasses.replace(PARENT, tags={"maze.rebuilt_from": "e" * 32})

    def tell(description: RunDescription, value: float, time: int) -> list[tuple[int, float]]:
        record = {"op": "metrics", "values": {"mean": value}, "step": 0, "time": time}
        return runs.history(runs.session(description, record), "mean")

    for time, value in enumerate((1.0, 2.0, 1.0, 2.0)):  # two results of one pipeline, with more seeds in the second
        history = tell(parent, value, time)
    assert history == [(0, 1.0), (0, 2.0)]
    assert tell(PARENT, 1.0, 9) == [(0, 1.0), (0, 2.0), (0, 1.0)]  # the pipeline itself ran again


def test_each_attempt_at_the_same_result_comes_back(rebuilding: Rebuilding, tmp_path: Path) -> None:
    stages, client = restored(tmp_path, "f" * 32), rebuilding.runs.client
    made = []
    for time, number in enumerate("abab"):  # two people have run the same pipeline, each with a store of their own
        agent = dataclasses.replace(
            REBUILT, tags={"maze.rebuilt_from": number * 32}, started=1000 * time, ended=1000 * time + int(number, 16)
        )
        parent = dataclasses.replace(PARENT, tags={"maze.rebuilt_from": number.upper() * 32})
        session = rebuilding.tell(stages, whole=agent, parent=parent)
        made.append((session.run_id, session.children["a2c seed 0"]))
    assert made == [*made[:2], *made[:2]]
    for (first, second), number in zip(made, "ab", strict=False):
        run = client.get_run(second)
        assert run.data.tags["mlflow.parentRunId"] == first
        assert run.data.tags["maze.rebuilt_from"] == number * 32
        assert run.info.end_time - run.info.start_time == int(number, 16)
        assert client.get_run(first).data.tags["maze.rebuilt_from"] == number.upper() * 32
    assert [client.get_run(one[1]).data.tags["maze.attempt"] for one in made[:2]] == ["1", "2"]


def test_a_run_that_is_not_lost_is_not_made_again(rebuilding: Rebuilding, tmp_path: Path) -> None:
    run = rebuilding.runs.stage("train", metrics(10, **{"return": 1.0}))
    mine = dataclasses.replace(REBUILT, tags={"maze.rebuilt_from": str(run.run_id)})
    assert rebuilding.tell(restored(tmp_path, "f" * 32), whole=mine).children["a2c seed 0"] == run.run_id
