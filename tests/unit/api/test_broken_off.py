"""What is left of a training that was killed at once, and of calls that failed, is a run that can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maze import RunContext
from maze.artifacts import read_json
from maze.errors import InvalidSpecificationError, RunContextError
from tests.scripted import tiny_context, weights_of

SCRIPT = """
from maze import RunContext
values = {"tracking.mode": "off", "algorithm.n_epochs": 2, "algorithm.epoch_length": 100000}
RunContext(algorithm="a2c", overrides=values, run_dir="run", silent=True).train()
"""


def killed(place: Path) -> Path:
    """Return the directory of a run whose process was killed in its first epoch, and was not disturbed before."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=place, env=environment)
    record = place / "run" / "record.json"
    deadline = time.monotonic() + 60
    while not record.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(InvalidSpecificationError, match=f"process {process.pid} is at work"):
        tiny_context(place / "run", resume=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return place / "run"


def test_a_run_that_was_killed_at_once_begins_anew_with_its_seed(tmp_path: Path) -> None:
    run_dir = killed(tmp_path)
    record = read_json(run_dir / "record.json")
    assert record["status"] == "RUNNING"
    with pytest.raises(InvalidSpecificationError, match=r"holds an earlier run.*resume=True"):
        tiny_context(run_dir)
    rc = tiny_context(run_dir, seed=None, resume=True, silent=False)
    assert rc.config.seeding.env_base_seed == record["config"]["seeding"]["env_base_seed"]
    with pytest.warns(UserWarning, match="ended before it kept an agent.*training begins anew, with the same seeds"):
        rc.train(1)
    assert [call["status"] for call in read_json(run_dir / "record.json")["calls"]] == ["FINISHED"]
    alone = tiny_context(tmp_path / "alone", seed=rc.config.seeding.env_base_seed)
    alone.train(1)
    assert weights_of(rc).tobytes() == weights_of(alone).tobytes()


def test_a_finished_run_without_its_weights_is_not_thrown_away(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    (tmp_path / "run/agent/weights.safetensors").unlink()
    with pytest.raises(Exception, match=r"weights\.safetensors is missing"):
        tiny_context(tmp_path / "run", resume=True)
    assert (tmp_path / "run/curve.csv").is_file()


def test_a_call_that_failed_is_in_the_record_and_the_run_stays_finished(tmp_path: Path) -> None:
    rc: RunContext = tiny_context(tmp_path / "run")
    rc.train(1)
    with pytest.raises(RunContextError):
        rc.evaluate(n_episode=3)
    rc.evaluate(n_episodes=1)
    record = read_json(tmp_path / "run/record.json")
    assert [(call["method"], call["status"]) for call in record["calls"]] == [
        ("train", "FINISHED"),
        ("evaluate", "FAILED"),
        ("evaluate", "FINISHED"),
    ]
    assert "n_episode" in record["calls"][1]["reason"]
    assert record["status"] == "FINISHED"
