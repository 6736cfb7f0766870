"""Searches in processes that are killed, in MLflow, and as a stage of a DVC pipeline."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import optuna.storages.journal  # noqa: F401  (what a library does on its own first import is that library's)
import pytest
import sklearn.ensemble  # noqa: F401
import yaml

from maze import Search, tune
from tests.integration.project import REPOSITORY, Project, clean_environment, shims
from tests.integration.tracked import query

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "runner.concurrency": 2,
    "algorithm.n_epochs": 3,
    "algorithm.epoch_length": 4,
    "algorithm.n_rollout_steps": 16,
    "algorithm.rollout_evaluator.n_episodes": 2,
    "evaluation.n_episodes": 4,
}
SPACE = {"algorithm.lr": {"low": 1e-5, "high": 1e-1, "log": True}, "algorithm.gamma": [0.9, 0.99]}


def search_file(directory: Path, **changes: Any) -> Path:
    content = {
        "choices": {"algorithm": "a2c"},
        "values": {**SMALL, "tracking.mode": "off"},
        "space": SPACE,
        "seeds": [0, 1],
        "n_trials": 5,
        "n_startup_trials": 2,
        **changes,
    }
    path = directory / "search.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL, again and again, in the middle of training: the table is that of the search that nobody disturbs."""
    space = search_file(tmp_path)
    environment = {**clean_environment(tmp_path / "scratch"), "PYTHONPATH": str(REPOSITORY)}
    environment["PATH"] = shims(tmp_path / "bin")

    def command(name: str) -> list[str]:
        return ["maze-run", "tune", "--space", str(space), "--output-dir", name, "--study-dir", f"{name}-study"]

    project = Project(tmp_path, environment)
    undisturbed = project.run(*command("whole"))
    assert undisturbed.status == 0, undisturbed.text
    for n_agents in (1, 4):
        process = subprocess.Popen(command("killed"), cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for_agents(tmp_path / "killed-study", n_agents, process)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    ended = project.run(*command("killed"))
    assert ended.status == 0, ended.text
    assert ended.stdout.startswith("going on: ")
    for name in ("trials.csv", "metrics.json", "conf/experiment/best.yaml", "figures/history.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_ctrl_c_and_a_kill_leave_no_process_and_lose_nothing_where_trials_run_at_once(tmp_path: Path) -> None:
    space = search_file(tmp_path, n_jobs=2, n_trials=3)
    environment = {**clean_environment(tmp_path / "scratch"), "PYTHONPATH": str(REPOSITORY)}
    environment["PATH"] = shims(tmp_path / "bin")

    def command(name: str) -> list[str]:
        return ["maze-run", "tune", "--space", str(space), "--output-dir", name, "--study-dir", f"{name}-study"]

    project = Project(tmp_path, environment)
    undisturbed = project.run(*command("whole"))
    assert undisturbed.status == 0, undisturbed.text
    for number, n_agents in ((signal.SIGINT, 1), (signal.SIGKILL, 2)):
        with (tmp_path / "said").open("wb") as said:
            process = subprocess.Popen(command("killed"), cwd=tmp_path, env=environment, stdout=said, stderr=said)
            try:
                wait_for_agents(tmp_path / "killed-study", n_agents, process)
            finally:
                process.send_signal(number)
                process.wait()
        if number == signal.SIGINT:
            assert "stopped; the same search goes on from here" in (tmp_path / "said").read_text()
            assert trial_processes(tmp_path) == []
    ended = project.run(*command("killed"))  # at once: processes that the kill has orphaned may still be leaving
    assert ended.status == 0, ended.text
    for name in ("trials.csv", "metrics.json", "conf/experiment/best.yaml", "figures/importance.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert trial_processes(tmp_path) == []


def trial_processes(directory: Path) -> list[str]:
    """Return the commands of the processes that work below a directory."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue
        if "maze.api.tuning.worker" in command and str(directory) in command:
            found.append(command)
    return found


def wait_for_agents(study: Path, n_agents: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until another agent than the first ``n_agents`` is being trained."""
    for _ in range(6000):
        if len(list(study.glob("trials/*/seed-*"))) > n_agents:
            return
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    raise AssertionError("it trains nothing")


@pytest.mark.parametrize(("n_jobs", "calls"), [(1, (4, 5)), (2, (2, 3))])
def test_the_search_is_a_parent_with_a_nested_run_for_each_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_jobs: int, calls: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    search = Search(
        space=SPACE, choices={"algorithm": "a2c"}, values=SMALL, seeds=(0, 1), n_startup_trials=2, n_jobs=n_jobs
    )
    for n_trials in calls:
        result = tune(Search(**{**vars(search), "n_trials": n_trials}), output_dir="out", study_dir="study")
    runs = query(os.environ["MLFLOW_TRACKING_URI"])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.tags]
    trials = {run.name: run for run in runs if run is not parent}
    assert set(trials) == {f"trial {number}" for number in range(calls[-1])}
    assert {run.tags["mlflow.parentRunId"] for run in trials.values()} == {parent.id}
    assert {run.status for run in runs} == {"FINISHED"}

    assert parent.name == "tune a2c CartPole-v1"
    assert parent.params["space.algorithm.gamma"] == "[0.9, 0.99]"
    assert parent.last("best_return") == result.best.score
    assert parent.tags["tune.best_trial"] == str(result.best.number)
    shown = {
        "figures/history.png",
        "figures/importance.png",
        "figures/curves.png",
        "config/best.yaml",
        "tables/trials.csv",
    }
    assert shown <= set(parent.files)

    for trial in result.trials:
        run = trials[f"trial {trial.number}"]
        assert float(run.params["algorithm.lr"]) == trial.values["algorithm.lr"]
        assert run.tags["tune.state"] == trial.state
        assert ("score" in run.history) == (trial.score is not None)
        assert tuple(value for _, value in run.history["return/seed 0"]) == trial.seeds[0].curve


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example in a repository of its own, with settings that take seconds."""
    root = tmp_path_factory.mktemp("tuning") / "project"
    shutil.copytree(
        REPOSITORY / "examples" / "tuning", root, ignore=shutil.ignore_patterns("out", "cache", "tmp", ".maze")
    )
    environment = {**clean_environment(root.parent / "scratch"), "PYTHONPATH": str(REPOSITORY)}
    environment["PATH"] = shims(root.parent / "bin")
    project = Project(root, environment)
    project.git("init", "--quiet")
    project.write_params(n_trials=3)
    content = project.yaml("search.yaml")
    small = {**content["values"], **SMALL, "algorithm.batch_size": 16, "tracking.mode": "off"}
    (root / "search.yaml").write_text(yaml.safe_dump({**content, "values": small, "space": SPACE}))
    return project


def test_the_example_searches_and_trains_with_what_it_found(example: Project) -> None:
    first = example.repro()
    assert first.ran == ["search", "train@10", "train@11", "score@10", "score@11"]
    best = example.json("out/search/metrics.json")
    config = example.yaml("out/train/10/agent/config.yaml")
    assert config["algorithm"]["lr"] == best["best_values"]["algorithm.lr"]
    assert example.json("out/score/11/metrics.json")["n_episodes"] == 100
    assert example.repro().ran == []


def test_more_trials_are_added_and_the_earlier_ones_are_kept(example: Project) -> None:
    before = rows(example)
    example.write_params(n_trials=4)
    assert example.repro("search").ran == ["search"]
    after = rows(example)
    assert after[:3] == before
    assert len(after) == 4
    trials = list((example.root / ".maze").glob("tune/*/trials/*"))
    assert len(trials) == 4  # nothing was trained twice, although DVC removes outputs before a stage runs


def rows(project: Project) -> list[dict[str, str]]:
    with (project.root / "out/search/trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_example_as_it_is_committed_is_understood() -> None:
    content = yaml.safe_load((REPOSITORY / "examples" / "tuning" / "search.yaml").read_text())
    assert Search.from_mapping(content).check().algorithm["n_epochs"] == 8
