"""The tracker and the process behind it: what arrives, what it costs, and what happens when either is gone."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from maze.errors import ArtifactError, InvalidSpecificationError, TrackingError
from maze.tracking import (
    FanOutTracker,
    MlflowTracker,
    NullTracker,
    RunDescription,
    RunStatus,
    StoreLocation,
    download_agent,
    flush_spool,
    open_tracker,
    resolve_store,
)
from maze.tracking.description import AgentModel
from maze.tracking.journal import JournalWriter, pending_journals
from maze.tracking.mlflow_worker import JournalSender
from maze.tracking.records import agent_record

pytestmark = pytest.mark.usefixtures("_processes", "_place")

RUN = RunDescription(name="a run", experiment_name="e", config={"a": {"b": [1]}}, parameters={"a.b": "[1]"}, seed=3)
MODEL = AgentModel(
    inputs=(("observation", "float32", (2,)),),
    outputs=(("action", "int64", ()),),
    example={"observation": [[0, 0]]},
)


@pytest.fixture
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where no project is, so that the store is the test's own."""
    monkeypatch.chdir(tmp_path)


def client_of(store: StoreLocation) -> Any:
    from maze.tracking.mlflow_database import open_client

    return open_client(store)


def only_run(store: StoreLocation) -> Any:
    client = client_of(store)
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert len(runs) == 1
    return runs[0]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_run_arrives_and_leaves_nothing_behind(store: StoreLocation, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.mkdir()
    (agent / "config.yaml").write_text("a: 1\n")
    before = dict(os.environ)
    tracker = MlflowTracker(store)
    tracker.start(dataclasses.replace(RUN, artifacts={"repro/lock.txt": "numpy==2\n", "repro/gone": tmp_path / "gone"}))
    tracker.log_metrics({"return": 1.0}, step=1)
    tracker.log_metrics({"return": 2.0}, step=2)
    tracker.log_agent(agent, MODEL)
    tracker.set_tags({"maze.reason": "test"})
    tracker.finish(RunStatus.FAILED)
    tracker.finish()
    run = only_run(store)
    assert run.info.run_id == tracker.run_id
    assert run.info.status == "FAILED"
    assert run.data.metrics == {"return": 2.0}
    assert run.data.tags["maze.reason"] == "test"
    paths = {
        item.path for folder in ("config", "repro") for item in client_of(store).list_artifacts(tracker.run_id, folder)
    }
    assert paths == {"config/resolved.yaml", "repro/lock.txt"}
    assert pending_journals(store.spool) == []
    assert dict(os.environ) == before
    environment = {"MLFLOW_TRACKING_URI": store.uri}
    loaded = download_agent(str(tracker.run_id), directory=tmp_path / "run", environment=environment)
    assert (loaded / "config.yaml").read_text() == "a: 1\n"
    with pytest.raises(ArtifactError, match="not found"):
        download_agent("0" * 32, directory=tmp_path / "run", environment=environment)


def test_an_agent_is_sent_at_once_since_the_end_of_training_waits_for_it(store: StoreLocation, tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "config.yaml").write_text("a: 1\n")
    store.prepare()
    journal = JournalWriter(store.spool, store.uri)
    journal.append(op="start", description=RUN.as_record())
    sender = JournalSender(journal.directory)
    sender.advance(closing=False)
    assert sender.state.sent == 1
    journal.append(op="metrics", values={"return": 1.0}, step=1, time=0)
    sender.advance(closing=False)
    assert sender.state.sent == 1  # the next batch has its time
    journal.append(**agent_record(journal, tmp_path / "agent", MODEL))
    sender.advance(closing=False)
    assert sender.state.sent == 3
    assert only_run(store).data.tags["maze.model"].startswith("models:/")
    journal.append(op="finish", status="FINISHED", time=0)
    sender.advance(closing=False)
    assert sender.state.done
    sender.release()
    journal.discard()


def test_one_process_serves_the_runs_of_a_process_one_after_the_other(store: StoreLocation) -> None:
    first, second = MlflowTracker(store), MlflowTracker(store)
    described = dataclasses.replace(RUN, key="k" * 64)
    first.start(described)
    first.finish()
    started = time.perf_counter()
    second.start(described)
    second.log_metrics({"a": 1.0}, step=0)
    second.finish()
    assert time.perf_counter() - started < 2.0
    assert first.run_id == second.run_id is not None


def test_an_unreachable_server_costs_a_warning_and_nothing_is_lost(
    tmp_path: Path, store: StoreLocation, caplog: pytest.LogCaptureFixture
) -> None:
    away = resolve_store(tmp_path / "run", environment={"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{closed_port()}"})
    tracker = MlflowTracker(away)
    started = time.perf_counter()
    with caplog.at_level(logging.WARNING):
        tracker.start(RUN)
        tracker.log_metrics({"return": 1.0}, step=1)
        tracker.finish()
    assert time.perf_counter() - started < 5.0
    assert len(caplog.records) == 1
    assert "maze-run tracking flush" in caplog.text
    assert "cannot be reached" in caplog.text
    assert tracker.run_id is None
    (journal,) = pending_journals(away.spool)
    assert flush_spool(away)[0] == 0
    (journal / "store.json").write_text((journal / "store.json").read_text().replace(away.uri, store.uri))
    assert flush_spool(away) == (1, [])
    assert only_run(store).data.metrics == {"return": 1.0}
    assert pending_journals(away.spool) == []


def test_required_tracking_raises(tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{closed_port()}"
    tracker = open_tracker("required", directory=tmp_path / "run", environment={"MLFLOW_TRACKING_URI": uri})
    with pytest.raises(TrackingError, match="cannot be reached"):
        tracker.start(RUN)
    with pytest.raises(TrackingError, match="cannot be reached"):
        FanOutTracker([NullTracker(), tracker]).finish()


def test_modes(tmp_path: Path) -> None:
    assert isinstance(open_tracker("off"), NullTracker)
    with pytest.raises(InvalidSpecificationError, match="did you mean 'required'"):
        open_tracker("require", directory=tmp_path)


def test_a_broken_database_costs_a_warning_that_says_how_to_recover(
    store: StoreLocation, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.database is not None
    store.database.write_text("no database " * 200)
    tracker = MlflowTracker(store)
    with caplog.at_level(logging.WARNING):
        tracker.start(RUN)
        tracker.finish()
    assert len(caplog.records) == 1
    assert "mlflow.db.broken" in caplog.text


def test_an_unwritable_store_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".maze").write_text("a file where the folder should be")
    tracker = open_tracker(directory=tmp_path / "run", environment={})
    with caplog.at_level(logging.WARNING):
        tracker.start(RUN)
        tracker.log_metrics({"a": 1.0}, step=0)
        tracker.finish()
    assert len(caplog.records) == 1


CHILD = """
import sys, time
from pathlib import Path
from maze.tracking import MlflowTracker, RunDescription, StoreLocation
folder = Path(sys.argv[1])
tracker = MlflowTracker(StoreLocation(f"sqlite:///{folder / 'mlflow.db'}", folder, "directory"))
tracker.start(RunDescription(name=sys.argv[2], experiment_name="e"))
tracker.log_metrics({"a": 1.0}, step=0)
while sys.argv[3] == "wait":
    time.sleep(0.1)
tracker.finish()
print(tracker.run_id)
"""


def test_the_run_of_a_killed_process_is_closed_as_killed(store: StoreLocation) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(store.directory), "a", "wait"])
    deadline = time.monotonic() + 60
    while not pending_journals(store.spool) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    while pending_journals(store.spool) and time.monotonic() < deadline:
        time.sleep(0.05)
    run = only_run(store)
    assert run.info.status == "KILLED"
    assert run.data.metrics == {"a": 1.0}


def test_a_run_has_lasted_as_long_as_it_did_though_the_store_hears_of_it_at_the_end(store: StoreLocation) -> None:
    began = time.time()
    tracker = MlflowTracker(store)
    tracker.start(RUN)
    time.sleep(0.2)  # MLflow's process takes seconds to come up
    ended = time.time()
    tracker.finish()
    run = only_run(store)
    assert began - 0.002 <= run.info.start_time / 1000 <= run.info.end_time / 1000 - 0.15
    assert run.info.end_time / 1000 <= ended + 1.0


@pytest.mark.slow
def test_four_processes_begin_on_a_cold_database(tmp_path: Path) -> None:
    folder = tmp_path / ".maze"

    def start(name: str) -> str:
        command = [sys.executable, "-c", CHILD, str(folder), name, "go"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        identities = set(pool.map(start, "abcd"))
    assert len(identities) == 4
    client = client_of(StoreLocation(f"sqlite:///{folder / 'mlflow.db'}", folder, "directory"))
    runs = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    assert {run.info.run_id for run in runs} == identities
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all(run.data.metrics == {"a": 1.0} for run in runs)


def test_logging_metrics_costs_microseconds(store: StoreLocation) -> None:
    tracker = MlflowTracker(store)
    tracker.start(RUN)
    threads = threading.active_count()
    durations = []
    for step in range(2000):
        started = time.perf_counter()
        tracker.log_metrics({f"metric_{index}": step * 0.1 + index for index in range(10)}, step=step)
        durations.append(time.perf_counter() - started)
    assert sorted(durations)[1000] < 100e-6
    assert threading.active_count() == threads
    tracker.finish()
    assert len(client_of(store).get_metric_history(tracker.run_id, "metric_3")) == 2000
