"""What a run shows in MLflow besides its numbers: data it learned from, a video, the machine; and all of it live."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maze import RunContext
from maze.api.record.datasets import training_data
from maze.config import RunConfig
from maze.tracking.sender import stop_senders
from maze.tracking.system_metrics import SystemSampler
from tests.scripted import tiny_context

LOOK = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
run = client.get_run(sys.argv[2])
inputs = [{**dict(one.dataset), "tags": {tag.key: tag.value for tag in one.tags}} for one in run.inputs.dataset_inputs]
files = [entry.path for folder in ("videos", "tables") for entry in client.list_artifacts(sys.argv[2], folder)]
video = client.download_artifacts(sys.argv[2], "videos/evaluate_episode.gif", sys.argv[3])
print(json.dumps({"inputs": inputs, "files": files, "metrics": run.data.metrics, "video": video}))
"""


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What MLflow shows of a run that cloned recorded episodes, and was evaluated."""
    root = tmp_path_factory.mktemp("tracked")
    demonstrator = tiny_context(root / "demonstrator")
    demonstrator.train()
    demonstrator.rollout(n_episodes=3)
    values = {
        "tracking.mode": "best_effort",
        "tracking.uri": f"sqlite:///{root / 'mlflow.db'}",
        "tracking.video": True,
        "tracking.system_metrics": True,
        "algorithm.demonstrations": str(root / "demonstrator"),
        "algorithm.validation_percentage": 0,
        "algorithm.n_epochs": 2,
    }
    rc = RunContext(algorithm="bc", seed=1, silent=True, run_dir=root / "clone", overrides=values)
    rc.train()
    time.sleep(2.0)  # the process that measures looks once a second at first
    rc.evaluate(n_episodes=2, deterministic=True)
    record = json.loads((root / "clone" / "record.json").read_text())
    command = [sys.executable, "-c", LOOK, values["tracking.uri"], record["run_id"], str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    stop_senders()
    return {**json.loads(done.stdout.splitlines()[-1]), "record": record, "root": root}


def test_trajectories_are_inputs_of_the_run(tracked: dict[str, Any]) -> None:
    (data,) = tracked["inputs"]
    steps = tracked["root"] / "demonstrator" / "rollout" / "steps.npz"
    assert json.loads(data["source"]) == {"uri": str(steps)}
    assert json.loads(data["profile"])["files"] == 1
    assert json.loads(data["profile"])["steps"] > 3
    assert data["tags"] == {"mlflow.data.context": "training"}
    (recorded,) = tracked["record"]["datasets"]
    assert recorded["digest"].startswith(data["digest"])
    assert len(data["digest"]) == 36


def test_the_first_episode_is_filmed(tracked: dict[str, Any]) -> None:
    assert "videos/evaluate_episode.gif" in tracked["files"]
    with Image.open(io.BytesIO(Path(tracked["video"]).read_bytes())) as film:
        assert film.width == 320
        frames = range(film.n_frames)  # equal pictures in a row are one that is shown for longer
        assert sum(_shown(film, frame) for frame in frames) == 40 * (_first_length(tracked) - 1)


def _shown(film: Any, frame: int) -> int:
    """Return for how many milliseconds a picture is shown."""
    film.seek(frame)
    return int(film.info["duration"])


def _first_length(tracked: dict[str, Any]) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_table(tracked["root"] / "clone" / "evaluate" / "episodes.parquet").column("length")[0].as_py())


def test_episodes_are_a_table(tracked: dict[str, Any]) -> None:
    assert "tables/evaluate_episodes.csv" in tracked["files"]


def test_what_it_costs_is_measured(tracked: dict[str, Any]) -> None:
    metrics = tracked["metrics"]
    assert metrics["system/process_memory_megabytes"] > 50
    assert metrics["system/process_cpu_percent"] >= 0
    assert 0 < metrics["system/memory_percent"] < 100


def test_nothing_is_measured_or_filmed_unasked() -> None:
    config: RunConfig = tiny_context(Path("unused")).config
    assert not config.tracking.video
    assert not config.tracking.system_metrics
    assert training_data(config) == []


def test_data_that_is_not_there_is_left_to_training(tmp_path: Path) -> None:
    rc = RunContext(algorithm="bc", overrides={"algorithm.demonstrations": str(tmp_path / "nothing")}, seed=1)
    assert training_data(rc.config) == []


def test_a_process_that_ended_is_not_measured() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        sampler = SystemSampler(process.pid)
    time.sleep(1.1)
    assert sampler.sample_if_due() is None


def test_graphics_cards_are_measured_where_their_tool_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"  # prints what the tool prints on a machine with two cards
    tool.write_text("#!/bin/sh\necho '37, 1024'\necho '0, 4'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    sampler = SystemSampler(os.getppid())
    time.sleep(1.1)
    sample = sampler.sample_if_due()
    assert sample is not None
    cards = {name: value for name, value in sample[1].items() if "gpu" in name}
    assert cards == {
        "system/gpu_0_percent": 37.0,
        "system/gpu_0_memory_megabytes": 1024.0,
        "system/gpu_1_percent": 0.0,
        "system/gpu_1_memory_megabytes": 4.0,
    }


TRAIN = """
import sys
from maze.cli import main
sys.exit(main(["train", "algorithm=a2c", "algorithm.n_epochs=100000", "algorithm.patience=null", "runner.concurrency=2",
               "algorithm.epoch_length=20", "algorithm.rollout_evaluator.n_episodes=1", "--run-dir", sys.argv[1]]))
"""


def test_metrics_are_in_mlflow_and_on_the_terminal_while_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    told = tmp_path / "told.txt"
    with told.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", TRAIN, str(tmp_path / "run")], stdout=stream, stderr=stream)
    try:
        first = _wait_for_step(database, above=0, seconds=120)
        assert first is not None, told.read_text()
        begun = time.monotonic()
        assert _wait_for_step(database, above=first, seconds=30) is not None
        assert time.monotonic() - begun < 30  # 2 s on a quiet machine
        assert process.poll() is None
        assert "train epoch 1/" in told.read_text()
        assert "steps/s return" in told.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 143  # stopped by SIGTERM


def _wait_for_step(database: Path, *, above: int, seconds: float) -> int | None:
    """Return the latest step of the evaluation in MLflow, once it is beyond a number; None where it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
                query = "SELECT MAX(step) FROM metrics WHERE key = 'eval/mean_return'"
                (step,) = connection.execute(query).fetchone()
            connection.close()
        except sqlite3.Error:  # it is being made
            step = None
        if step is not None and step > above:
            return int(step)
        time.sleep(0.2)
    return None
