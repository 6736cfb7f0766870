"""How jobs ended is known from what they wrote, also where the process that launched them never saw it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from maze import LogStatsWriter
from maze.api.multirun.job_files import JobFiles
from maze.api.multirun.results import JobFailure
from maze.errors import ArtifactError
from maze.launchers import LAUNCHER_VARIABLE, Job, JobResult, SerialLauncher
from maze.statistics import StatsValue
from tests.scripted import tiny_context


class StopsAtTheEnd(LogStatsWriter):
    """Stops its own process, as a launcher does that was stopped itself, while a finished training closes its files."""

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        """Keep nothing."""

    def close(self) -> None:
        if os.environ.get(LAUNCHER_VARIABLE) == str(os.getppid()):  # in a job's process
            (Path.cwd() / "stopped").touch()
            os.kill(os.getpid(), signal.SIGTERM)


class Stopped(SerialLauncher):
    """Runs nothing; its jobs were stopped, and their processes printed where."""

    def launch(self, jobs: Sequence[Job], on_end: Callable[[JobResult], None] | None = None) -> list[JobResult]:
        """Return how they ended."""
        return [JobResult(job.name, -signal.SIGTERM, 1.0, "Traceback (most recent call last):\n") for job in jobs]


def context(directory: Path, *rates: float, **arguments: Any) -> Any:
    return tiny_context(directory, {"algorithm.lr": list(rates)}, multirun=True, **arguments)


def forget(directory: Path) -> None:
    """Leave of the multi-run's own file what it holds before any job has ended."""
    path = directory / "sweep.json"
    content = json.loads(path.read_text())
    content["jobs"] = [{**job, "status": "waiting", "seconds": 0.0} for job in content["jobs"]]
    path.write_text(json.dumps(content))


def contents(directory: Path) -> dict[str, bytes]:
    names = ("agent/weights.safetensors", "checkpoint/weights.safetensors", "curve.csv", "record.json")
    return {str(path): path.read_bytes() for name in names for path in directory.glob(f"*/{name}")}


def test_jobs_that_finished_unseen_are_not_trained_again(tmp_path: Path) -> None:
    results = context(tmp_path, 0.1, 0.2).train()
    before = contents(tmp_path)
    forget(tmp_path)
    (tmp_path / "1-lr-0.2" / "job" / "outcome.json").unlink()  # killed just before it could write it
    again = context(tmp_path, 0.1, 0.2, resume=True)
    assert again.train() == results
    assert contents(tmp_path) == before
    assert [job["status"] for job in json.loads((tmp_path / "sweep.json").read_text())["jobs"]] == ["finished"] * 2
    assert all(job["seconds"] > 0 for job in json.loads((tmp_path / "sweep.json").read_text())["jobs"][:1])


def test_training_again_after_that_trains(tmp_path: Path) -> None:
    context(tmp_path, 0.1).train(1)
    forget(tmp_path)
    again = context(tmp_path, 0.1, resume=True)
    assert [again.train(1)[0].n_steps, again.train(1)[0].n_steps] == [48, 96]


def test_a_job_that_is_stopped_when_it_has_trained_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writers = {"tracking.writers": [[StopsAtTheEnd()]]}
    rc: Any = tiny_context(tmp_path / "stopped", writers, multirun=True)
    whole: Any = tiny_context(tmp_path / "whole", multirun=True)
    assert rc.train() == whole.train()
    assert (tmp_path / "stopped").exists()
    weights = [run.run_dir[0] / "agent" / "weights.safetensors" for run in (rc, whole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_stopped_job_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (failure,) = context(tmp_path, 0.1, launcher=Stopped(), silent=False).train()
    assert isinstance(failure, JobFailure)
    assert (failure.reason, failure.traceback) == ("its process was ended by signal 15 (SIGTERM)", "")
    assert capsys.readouterr().err == "job 1/1 0-lr-0.1 stopped after 1.0 s\n"


def test_two_processes_do_not_train_one_job(tmp_path: Path) -> None:
    with (
        JobFiles(tmp_path).held(),
        pytest.raises(ArtifactError, match=r"another process is training this job; wait"),
        JobFiles(tmp_path).held(patience_s=0.2),
    ):
        pass
    with JobFiles(tmp_path).held(patience_s=0.0):
        pass


def test_a_job_leaves_whose_launcher_was_killed_while_it_was_starting() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    program = "from maze.api.multirun.children import leave_with_launcher as leave; leave(); print('stays')"

    def run(launcher: int) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, LAUNCHER_VARIABLE: str(launcher)}
        return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)

    assert (run(gone.pid).returncode, run(gone.pid).stdout) == (-signal.SIGTERM, b"")
    assert run(os.getppid()).stdout == b"stays\n"  # that of a process further up, which launched this one's parent
    assert run(os.getpid()).stdout == b"stays\n"
