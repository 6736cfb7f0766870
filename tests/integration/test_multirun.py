"""Multi-runs in the tracking store, after Ctrl-C, and when they are gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from maze import GymMazeEnv, RunContext
from maze.api.multirun.results import JobFailure
from maze.launchers import Job, JobResult, SerialLauncher
from tests.integration.tracked import query
from tests.scripted import CountingEnv, tiny_context

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_a_multirun_is_a_parent_run_and_its_jobs_are_nested(tmp_path: Path) -> None:
    def broken() -> Any:
        raise ValueError("no environment")

    rc: Any = RunContext(
        env=[lambda: GymMazeEnv(CountingEnv([3])), broken],
        algorithm="a2c",
        configuration="test",
        launcher="joblib",
        seed=3,
        run_dir=tmp_path / "sweep",
        multirun=True,
        silent=True,
    )
    assert [isinstance(result, JobFailure) for result in rc.train(1)] == [False, True]
    rc.evaluate(n_episodes=2)
    runs = {run.name: run for run in query(os.environ["MLFLOW_TRACKING_URI"])}
    parent, good = runs["sweep over env"], runs["0 env=<lambda>"]
    assert parent.tags["maze.kind"] == "pipeline"
    assert (parent.status, good.status) == ("FAILED", "FINISHED")
    assert good.tags["mlflow.parentRunId"] == parent.id
    assert parent.params["env"] == "<lambda>, broken"
    assert parent.params["algorithm.n_epochs"] == good.params["algorithm.n_epochs"]  # what all jobs share
    assert parent.params["run_dir"] == str(tmp_path / "sweep")
    assert {"config/common.yaml", "figures/jobs.png"} <= set(parent.files)
    note = parent.tags["mlflow.note.content"]
    assert note.startswith("| job | env | status |")
    assert "- job 1-env-broken failed: maze.errors.EnvError: " in note
    assert json.loads(good.tags["maze.values"]) == {"env": "<lambda>"}
    numbers = {name: parent.last(f"sweep/{name}") for name in ("jobs", "jobs_failed", "jobs_finished", "best_return")}
    assert numbers == {"jobs": 2, "jobs_failed": 1, "jobs_finished": 1, "best_return": 6}
    assert "tables/jobs.csv" in parent.files
    assert good.last("evaluate/mean_return") == 6  # played here, with the run that another process has trained
    assert good.last("eval/mean_return") == 6
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["run_id"] == parent.id
    assert [call["method"] for call in json.loads((rc.run_dir[0] / "record.json").read_text())["calls"]] == [
        "train",
        "evaluate",
    ]


class Spoiler(SerialLauncher):
    """Leaves the learning curves in a state in which nobody can draw them."""

    def launch(self, jobs: Sequence[Job], on_end: Callable[[JobResult], None] | None = None) -> list[JobResult]:
        results = super().launch(jobs, on_end)
        for job in jobs:
            (job.log.parent / "curve.csv").write_text("step,return\nnever,a number\n")
        return results


def test_a_figure_that_cannot_be_drawn_costs_the_figure_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rc: Any = tiny_context(
        tmp_path / "sweep",
        {"tracking.mode": "best_effort", "seeding.agent_base_seed": [1, 2]},
        multirun=True,
        launcher=Spoiler(),
    )
    assert [type(result).__name__ for result in rc.train(1)] == ["TrainingSummary", "TrainingSummary"]
    uri = os.environ["MLFLOW_TRACKING_URI"]
    [parent] = [run for run in query(uri) if "mlflow.parentRunId" not in run.tags]
    assert (parent.status, parent.last("sweep/jobs_finished")) == ("FINISHED", 2)
    assert "figures/jobs.png" not in parent.files
    assert "cannot be drawn (ArtifactError: " in caplog.text
    assert parent.params["seeding.agent_base_seed"] == "1, 2"
    [shown] = Path(uri.removeprefix("sqlite:///")).parent.rglob(f"{parent.id}/artifacts/config/common.yaml")
    common = yaml.safe_load(shown.read_text())
    assert common["seeding"]["agent_base_seed"] == "<varies: 1, 2>"
    assert common["algorithm"] == yaml.safe_load((rc.run_dir[0] / "agent" / "config.yaml").read_text())["algorithm"]


SCRIPT = """
import sys
from maze import RunContext
values = {"tracking.mode": "off", "algorithm.epoch_length": 5, "algorithm.patience": None, "runner.concurrency": 2,
          "algorithm.n_epochs": int(sys.argv[2]), "algorithm.rollout_evaluator.n_episodes": 1}
rc = RunContext(algorithm="a2c", seed=[1, 2], multirun=True, run_dir=sys.argv[1], silent=True, launcher="serial",
                overrides=values, resume=True)
rc.train()
"""
N_EPOCHS = "40"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the multi-run that nobody interrupts."""
    directory = tmp_path_factory.mktemp("whole") / "sweep"
    assert _start(directory, N_EPOCHS).communicate(timeout=120) == (b"", b"")
    return directory


def test_after_ctrl_c_a_multirun_ends_as_if_there_had_been_no_break(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sweep"
    first = _start(directory, N_EPOCHS)
    log = directory / "0-seed-1" / "metrics.jsonl"
    _await(lambda: log.exists() and log.read_text().count("\n") >= 2)
    children = _children(first.pid)
    first.send_signal(2)
    out, err = first.communicate(timeout=60)
    assert first.returncode in (-2, 130)
    assert out == b""
    assert b"KeyboardInterrupt" in err
    assert len(children) == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    before = json.loads((directory / "sweep.json").read_text())
    assert [job["status"] for job in before["jobs"]] == ["stopped", "stopped"]
    _finishes(directory, whole)
    assert json.loads((directory / "sweep.json").read_text())["key"] == before["key"]


def test_after_its_launcher_was_killed_as_well(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sweep"
    first = _start(directory, N_EPOCHS)
    log = directory / "1-seed-2" / "metrics.jsonl"
    _await(lambda: log.exists() and log.read_text().count("\n") >= 2)
    first.kill()
    first.communicate(timeout=60)
    path = directory / "sweep.json"
    content = json.loads(path.read_text())
    content["jobs"][0]["status"] = "waiting"  # as if it had been killed before it saw the end of the first job
    path.write_text(json.dumps(content))
    _finishes(directory, whole)  # at once: the job that was running is still there, and stops first


def _finishes(directory: Path, whole: Path) -> None:
    """Go on with a multi-run, and compare what comes of it with one that had no break."""
    assert _start(directory, N_EPOCHS).communicate(timeout=120) == (b"", b"")
    after = json.loads((directory / "sweep.json").read_text())
    assert [job["status"] for job in after["jobs"]] == ["finished", "finished"]
    for name in ("agent/weights.safetensors", "curve.csv", "metrics.json"):
        for job in ("0-seed-1", "1-seed-2"):
            assert (whole / job / name).read_bytes() == (directory / job / name).read_bytes(), f"{job}/{name}"


def test_jobs_leave_when_the_process_that_launched_them_was_killed(tmp_path: Path) -> None:
    directory = tmp_path / "sweep"
    process = _start(directory, "1000000")
    log = directory / "0-seed-1" / "metrics.jsonl"
    _await(lambda: log.exists() and "\n" in log.read_text())
    (child,) = _children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    _await(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])
    assert (directory / "0-seed-1" / "agent" / "weights.safetensors").is_file()  # it left in good order


def _start(directory: Path, n_epochs: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, str(directory), n_epochs]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
