"""The record of a run while it is made, and silence where silence was asked for."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maze import RunContext, TrainingError
from maze.api.record.objects import load_objects
from maze.api.record.shown_files import DISTRIBUTIONS, shown_artifacts
from maze.api.session import RunSession, new_run_dir
from maze.api.signals import StopRequest
from maze.artifacts import RunFiles
from maze.tracking import RunStatus, Tracker
from tests.scripted import counting, tiny_context

ROOT = Path(__file__).parents[3]

SILENT = """
import sys
from maze import RunContext
values = {"algorithm.epoch_length": 2, "algorithm.n_epochs": 2, "tracking.uri": sys.argv[1]}
rc = RunContext(env="gym_env", overrides=values, run_dir="run", silent=True, seed=1)
rc.evaluate(n_episodes=1)
rc.train()
rc.evaluate(n_episodes=2)
rc.rollout(n_episodes=1)
loaded = RunContext.load("run", silent=True)
loaded.evaluate(n_episodes=1)
"""


def session_of(tmp_path: Path) -> RunSession:
    config = tiny_context(tmp_path / "unused").config
    return RunSession(config, RunFiles(tmp_path / "run"), stage=None, record=None)


def record_of(tmp_path: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((tmp_path / "run" / "record.json").read_text())
    return record


def test_a_call_that_works_is_finished(tmp_path: Path) -> None:
    session = session_of(tmp_path)
    with session.recorded("train", {"n_epochs": 3, "other": None, "odd": {1, 2}}, StopRequest()):
        pass
    record = record_of(tmp_path)
    assert (record["status"], record["reason"]) == ("FINISHED", "")
    odd = {"_object_": "builtins.set", "_stored_": "calls.0.odd"}
    arguments = {"n_epochs": 3, "odd": odd}
    assert record["calls"] == [{"method": "train", "arguments": arguments, "result": {}, "status": "FINISHED"}]
    assert load_objects(tmp_path / "run" / "calls", allow_code=True) == {"calls.0.odd": {1, 2}}


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("broken"), "FAILED", "ValueError: broken"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt"),
        (SystemExit(143), "KILLED", "SystemExit"),
        (MemoryError(), "FAILED", "MemoryError: "),
    ],
)
def test_a_call_that_breaks_is_recorded_and_the_error_goes_on(
    error: BaseException, status: str, reason: str, tmp_path: Path
) -> None:
    session = session_of(tmp_path)
    with pytest.raises(type(error)), session.recorded("train", {}, StopRequest()):
        raise error
    record = record_of(tmp_path)
    assert (record["status"], record["reason"]) == (status, reason)


def test_a_call_that_was_told_to_stop_is_killed(tmp_path: Path) -> None:
    stop = StopRequest()
    with session_of(tmp_path).recorded("train", {}, stop):
        stop.signal_number = 15
    assert record_of(tmp_path)["status"] == str(RunStatus.KILLED)


def test_playing_after_a_training_that_broke_does_not_mend_its_record(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", env=lambda: counting([4], nan_after=30))
    with pytest.raises(TrainingError):
        rc.train()
    rc.evaluate(n_episodes=1)
    rc.rollout(n_episodes=1)
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["status"] == "FAILED"
    assert record["reason"].startswith("TrainingError: ")
    assert [call["method"] for call in record["calls"]] == ["train", "evaluate", "rollout"]


def test_a_training_that_breaks_after_a_resume_keeps_what_was_best(tmp_path: Path) -> None:
    def train(n_epochs: int, **settings: Any) -> None:
        with tiny_context(tmp_path / "run", env=lambda: counting([4], nan_after=30), **settings) as rc:
            rc.train(n_epochs)

    train(1)
    best = json.loads((tmp_path / "run" / "metrics.json").read_text())["best_return"]
    with pytest.raises(TrainingError):
        train(5, resume=True)
    summary = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (summary["best_return"], best) == (10.0, 10.0)
    assert 1 <= summary["best_epoch"] <= summary["n_epochs"]


def test_a_run_has_a_record_as_soon_as_it_begins(tmp_path: Path) -> None:
    with session_of(tmp_path).recorded("train", {}, StopRequest()):
        assert record_of(tmp_path)["status"] == "RUNNING"
        assert (tmp_path / "run" / "environment.txt").is_file()


def test_the_curve_has_a_row_for_each_epoch_of_all_calls(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run")
    rc.train(2)
    rc.train(1)
    with (tmp_path / "run" / "curve.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["step"] for row in rows] == ["48", "96", "144"]
    assert [row["return"] for row in rows] == [row["eval/mean_return"] for row in rows]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["n_epochs"], metrics["n_steps"]) == (3, 144)
    assert metrics["last_return"] == float(rows[-1]["return"])
    assert metrics["best_return"] == max(float(row["return"]) for row in rows)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [48, 96, 144]


def test_a_run_without_evaluation_writes_json_that_everybody_reads(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.rollout_evaluator": None})
    rc.train(1)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert metrics["best_return"] is None
    json.loads((tmp_path / "run" / "record.json").read_text(), parse_constant=pytest.fail)


def test_directories_are_named_after_the_choices() -> None:
    first, second = (new_run_dir(RunContext(algorithm="a2c", seed=1).config) for _ in range(2))
    assert first.parent == second.parent == Path("outputs/gym_env-flatten_concat-a2c")
    assert first != second
    unnamed = RunContext(env=lambda: None, seed=1).config
    assert new_run_dir(unnamed).parent.name == "custom-flatten_concat-ppo"


@pytest.mark.parametrize("store", ["sqlite:///{tmp_path}/mlflow.db", "sqlite:///{tmp_path}/file/mlflow.db"])
def test_silent_is_silent(store: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    done = subprocess.run(
        [sys.executable, "-c", SILENT, store.format(tmp_path=tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((tmp_path / "run" / "record.json").read_text())["status"] == "FINISHED"


class Listener(Tracker):
    """Keeps the names of texts and images, and what the texts say."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.images: list[str] = []

    def log_text(self, text: str, name: str) -> None:
        self.texts[name] = text

    def log_image(self, image: bytes, name: str) -> None:
        assert image.startswith(b"\x89PNG")
        self.images.append(name)


def listened(run_dir: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> Listener:
    """Train and return what a tracker was told."""
    listener = Listener()
    monkeypatch.setattr("maze.api.record.audience.open_tracker", lambda *_arguments, **_settings: listener)
    rc = tiny_context(run_dir, {"tracking.mode": mode})
    rc.train(1)
    return listener


def test_trackers_are_told_what_the_networks_look_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = listened(tmp_path / "run", monkeypatch, "best_effort")
    assert listener.images == ["figures/learning_curve.png", "figures/policy_0.png", "figures/critic_0.png"]
    summary = listener.texts["config/model_summary.txt"]
    assert "policy 0: FlattenConcatPolicyNet" in summary
    assert "observation [4]" in summary


def shown(run_dir: Path) -> dict[str, bytes]:
    """Return what a run shows beside its numbers."""
    return {name: path.read_bytes() for name, path in shown_artifacts(run_dir / "shown").items()}


def test_what_is_shown_in_the_store_lies_in_the_run_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the learning curve, which can be drawn again from its table."""
    listener = listened(tmp_path / "run", monkeypatch, "best_effort")
    kept = shown(tmp_path / "run")
    assert kept.keys() == {"config/model_summary.txt", "figures/policy_0.png", "figures/critic_0.png"}
    assert kept["config/model_summary.txt"].decode() == listener.texts["config/model_summary.txt"]


@pytest.mark.parametrize("goes_on", ["in the same context", "in the same directory", "in another directory"])
def test_distributions_of_all_epochs_are_told_whoever_trains_on(
    goes_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    monkeypatch.setattr("maze.api.record.audience.open_tracker", lambda *_arguments, **_settings: listener)
    tracked = {"tracking.mode": "best_effort"}
    tiny_context(tmp_path / "whole", tracked, wrappers="vector_obs").train(2)
    whole = json.loads(listener.texts[DISTRIBUTIONS])
    rc = tiny_context(tmp_path / "run", tracked, wrappers="vector_obs")
    rc.train(1)
    if goes_on == "in the same directory":
        rc = tiny_context(tmp_path / "run", tracked, wrappers="vector_obs", resume=True)
    elif goes_on == "in another directory":
        config = rc.config.replace({"log_base_dir": str(tmp_path / "new")})
        rc = RunContext.load(tmp_path / "run", config=config, silent=True)
    rc.train(1)
    assert json.loads(listener.texts[DISTRIBUTIONS]) == whole
    assert {len(epochs) for epochs in whole.values()} == {2}
    assert shown(rc.run_dir)[DISTRIBUTIONS].decode() == listener.texts[DISTRIBUTIONS]


def test_nothing_is_drawn_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maze.perception.summary.model_figures", pytest.fail)
    assert listened(tmp_path / "run", monkeypatch, "off").images == []
