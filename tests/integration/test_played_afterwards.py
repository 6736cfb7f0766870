"""What a loaded agent plays is recorded with the run that made it, in its record, in MLflow, and for comparisons."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maze import GymMazeEnv, RunContext
from maze.api.comparison.compare import compare_experiments
from maze.api.comparison.directories import read_directory
from maze.api.replay.run import replay
from maze.artifacts import read_json, this_process, write_json
from maze.cli import main
from maze.rollout import RolloutEvaluator
from tests.scripted import counting, tiny_context


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trained") / "run"
    tiny_context(directory).train(1)
    return directory


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """Return a run that was trained and not evaluated."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def content_of(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def methods_of(run: Path) -> list[str]:
    return [call["method"] for call in read_json(run / "record.json")["calls"]]


class Seedless(RolloutEvaluator):
    """An evaluator that does not pass the run's seed on."""

    def __init__(self, eval_env: Any = None, n_episodes: int = 3) -> None:
        super().__init__(eval_env, n_episodes)


# --- the record -------------------------------------------------------------------------------------------------------


def test_an_evaluation_at_the_command_line_is_recorded_and_compared(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_directory(run)[0].basis == "training"
    before = read_json(run / "record.json")
    assert main(["evaluate", str(run), "--episodes", "5"]) == 0
    printed = json.loads(capsys.readouterr().out)
    after = read_json(run / "record.json")
    assert after["calls"][:-1] == before["calls"]
    call = after["calls"][-1]
    assert (call["method"], call["status"], call["session"]) == ("evaluate", "FINISHED", 1)
    assert call["arguments"] == {"n_episodes": 5, "deterministic": True}
    assert call["result"] == printed
    assert {name: after[name] for name in after if name not in ("calls", "sessions")} == {
        name: before[name] for name in before if name not in ("calls", "sessions")
    }
    (agent,) = read_directory(run)
    assert (agent.basis, agent.n_episodes, agent.mean_return) == ("evaluation", 5, printed["mean_return"])
    assert agent.returns is not None
    assert len(agent.returns) == 5
    assert replay(run, silent=True).identical


def test_loading_and_comparing_anew_write_nothing(run: Path) -> None:
    before = content_of(run)
    RunContext.load(run, silent=True).policy  # noqa: B018  (its weights are loaded)
    compare_experiments([run], n_episodes=2)
    assert content_of(run) == before


def test_contexts_that_follow_each_other_are_repeated_in_their_order(run: Path, tmp_path: Path) -> None:
    first = RunContext.load(run, silent=True)
    first.evaluate(n_episodes=2)
    first.rollout(n_episodes=2)
    on = tiny_context(run, resume=True)
    on.train(1)
    RunContext.load(run, silent=True).evaluate(n_episodes=3, deterministic=True)
    on.evaluate(n_episodes=1)  # knows nothing of the call before, and keeps it
    on.train(1)
    assert methods_of(run) == ["train", "evaluate", "rollout", "train", "evaluate", "evaluate", "train"]
    record = read_json(run / "record.json")
    assert [call.get("session", 0) for call in record["calls"]] == [0, 1, 1, 2, 3, 2, 2]
    assert ["loaded" in session for session in record["sessions"]] == [False, True, False, True]
    report = replay(run, output_dir=tmp_path / "again", silent=True)
    assert report.identical, str(report)
    assert methods_of(tmp_path / "again") == ["train", "train", "evaluate", "train"]  # a repetition records its own


def test_seeds_that_were_drawn_are_drawn_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    tiny_context(run, env=counting, overrides={"algorithm.rollout_evaluator": {"n_episodes": 3}}).train(1)
    rc = RunContext.load(run, allow_code=True, silent=True)
    with pytest.raises(ValueError, match="broken"):
        rc.evaluate(_target_=broken_evaluator)
    for _ in range(2):
        rc.evaluate(_target_=Seedless, n_episodes=4)
    assert methods_of(run) == ["train", "evaluate", "evaluate"]
    report = replay(run, allow_code=True, silent=True)
    assert report.identical, str(report)


def broken_evaluator(**_: Any) -> RolloutEvaluator:
    raise ValueError("broken")


# --- what is left alone -----------------------------------------------------------------------------------------------


def test_a_run_at_work_is_not_written_to(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        record = read_json(run / "record.json")
        start = int(Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19])
        process = {**this_process(), "pid": other.pid, "start": start}
        write_json(run / "record.json", {**record, "status": "RUNNING", "process": process})
        before = content_of(run)
        with caplog.at_level(logging.WARNING):
            RunContext.load(run).evaluate(n_episodes=1)
        other.communicate(b"\n")
    assert content_of(run) == before
    assert [str(other.pid) in message for message in caplog.messages] == [True]


def test_a_place_that_cannot_be_written_costs_one_line(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    (run / "evaluate").write_text("in the way")
    before = content_of(run)
    with caplog.at_level(logging.WARNING):
        episodes = RunContext.load(run).evaluate(n_episodes=2)
    assert len(episodes.returns) == 2
    assert content_of(run) == before
    assert len(caplog.messages) == 1
    assert "not recorded with the run" in caplog.messages[0]


def test_other_weights_by_now_are_not_credited_with_it(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    rc = RunContext.load(run)
    rc.policy  # noqa: B018  (its weights are loaded)
    tiny_context(run, resume=True).train(2)
    before = content_of(run)
    with caplog.at_level(logging.WARNING):
        rc.evaluate(n_episodes=1)
    assert content_of(run) == before
    assert "other weights" in caplog.text


def test_runs_that_dvc_keeps_are_left_alone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run / "record.json").read_bytes()
    with monkeypatch.context() as stage:
        stage.setenv("DVC_STAGE", "score")  # which depends on the run, and would run again for ever
        RunContext.load(run, silent=True).evaluate(n_episodes=1)
    lock = run.parent / "dvc.lock"
    lock.write_text(f"stages: {{train: {{outs: [{{path: {run.name}}}]}}}}", encoding="utf-8")
    RunContext.load(run, silent=True).evaluate(n_episodes=1)
    assert (run / "record.json").read_bytes() == before
    lock.unlink()
    RunContext.load(run, silent=True).evaluate(n_episodes=1)
    assert (run / "record.json").read_bytes() != before


def test_outputs_of_the_pipeline_and_another_environment_are_left_alone(run: Path, tmp_path: Path) -> None:
    RunContext.load(run, env=lambda: GymMazeEnv("CartPole-v1"), silent=True).evaluate(n_episodes=1)
    assert methods_of(run) == ["train"]
    outputs = tmp_path / "out" / "train" / "0"
    shutil.copytree(run, outputs)
    (tmp_path / "out" / "record" / "train").mkdir(parents=True)
    shutil.move(outputs / "record.json", tmp_path / "out" / "record" / "train" / "0.json")
    before = content_of(tmp_path / "out")
    assert main(["evaluate", str(outputs), "--episodes", "2", "--output-dir", str(tmp_path / "mine")]) == 0
    assert content_of(tmp_path / "out") == before
    assert (tmp_path / "mine" / "metrics.json").is_file()


# --- MLflow -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str, Path]:
    """Return a run in MLflow that was not evaluated, its id, and the database."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    tiny_context(tmp_path / "run", overrides={"tracking.mode": "required"}).train(1)
    return tmp_path / "run", read_json(tmp_path / "run" / "record.json")["run_id"], tmp_path / "mlflow.db"


def asked(database: Path, question: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(question).fetchall()


def runs_in(database: Path) -> list[tuple[str, str]]:
    return asked(database, "select run_uuid, status from runs where lifecycle_stage = 'active'")


def told(database: Path, run_id: str) -> dict[str, float]:
    return dict(asked(database, f"select key, value from latest_metrics where run_uuid = '{run_id}'"))


def test_the_run_in_mlflow_hears_of_it_by_directory_and_by_id(tracked: tuple[Path, str, Path]) -> None:
    run, run_id, database = tracked
    assert "evaluate/mean_return" not in told(database, run_id)
    first = RunContext.load(run, silent=True).evaluate(n_episodes=2)
    assert told(database, run_id)["evaluate/mean_return"] == first.mean_return
    RunContext.load(run_id, silent=True).evaluate(n_episodes=3)
    assert told(database, run_id)["evaluate/n_episodes"] == 3.0
    assert methods_of(run) == ["train", "evaluate", "evaluate"]
    assert replay(run_id, silent=True).identical
    shutil.move(run, run.with_name("away"))
    RunContext.load(run_id, silent=True).evaluate(n_episodes=4)
    assert told(database, run_id)["evaluate/n_episodes"] == 4.0
    assert runs_in(database) == [(run_id, "FINISHED")]


def test_a_run_that_the_store_does_not_have_is_not_made(tracked: tuple[Path, str, Path]) -> None:
    run, run_id, database = tracked
    asked(database, f"update runs set lifecycle_stage = 'deleted' where run_uuid = '{run_id}'")
    RunContext.load(run, silent=True).evaluate(n_episodes=2)
    assert methods_of(run) == ["train", "evaluate"]
    assert runs_in(database) == []
    assert "evaluate/mean_return" not in told(database, run_id)
