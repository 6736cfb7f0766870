"""Multi-runs: what is known, refused or drawn before anything is trained, and launchers of one's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from maze import InvalidSpecificationError, RunContext, RunContextError
from maze.api.multirun.results import JobFailure
from maze.launchers import Job, JobResult, SerialLauncher
from tests.scripted import tiny_context


class Recorder:
    """A launcher of the user's own: runs nothing, and lets the jobs end as it is told."""

    def __init__(self, *exit_codes: int) -> None:
        self.exit_codes = exit_codes
        self.jobs: list[Job] = []

    def launch(self, jobs: Sequence[Job], on_end: Callable[[JobResult], None] | None = None) -> list[JobResult]:
        self.jobs = list(jobs)
        return [JobResult(job.name, code, 1.0, "last words") for job, code in zip(jobs, self.exit_codes, strict=False)]


def _rates(directory: Path, *rates: float, **arguments: Any) -> Any:
    return tiny_context(directory, {"algorithm.lr": list(rates)}, multirun=True, **arguments)


def test_lists_also_for_one_job_and_one_warning_for_all(tmp_path: Path) -> None:
    for rates in ([0.1], [0.1, 0.2]):
        rc = _rates(tmp_path / "run", *rates, silent=False)
        with pytest.warns(UserWarning, match="the agents' weights are untrained") as caught:
            policies, episodes = rc.policy, rc.evaluate(n_episodes=1)
        assert len(caught) == 1
        assert Path(caught[0].filename).name == Path(__file__).name
        assert len(policies) == len(episodes) == len(rc.config) == len(rc.env_factory) == len(rates)
        assert [config.algorithm.lr for config in rc.config] == rates
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["trainer", "statistics", "run_dir"])
def test_what_only_training_makes_is_refused_before(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunContextError, match=rf"^{name}: .* call rc.train\(\)"):
        getattr(_rates(tmp_path, 0.1), name)


def test_one_seed_is_drawn_for_all_jobs(tmp_path: Path) -> None:
    seeds = {config.seeding.env_base_seed for config in _rates(tmp_path, 0.1, 0.2, seed=None).config}
    assert len(seeds) == 1
    assert None not in seeds
    assert seeds != {config.seeding.env_base_seed for config in _rates(tmp_path, 0.1, seed=None).config}


@pytest.mark.parametrize(
    ("code", "reason"),
    [(-9, r"ended by signal 9 \(SIGKILL\)"), (-11, "SIGSEGV"), (3, "exit status 3 before it could say why")],
)
def test_a_killed_process_is_a_failure_that_says_so(code: int, reason: str, tmp_path: Path) -> None:
    launcher = Recorder(code)
    rc = _rates(tmp_path / "run", 0.1, launcher=launcher)
    (failure,) = rc.train()
    assert isinstance(failure, JobFailure)
    assert failure.exit_code == code
    assert re.search(reason, failure.reason)
    assert failure.traceback == "last words"
    assert rc.policy == [failure]


def test_a_job_of_which_the_launcher_says_nothing_has_failed(tmp_path: Path) -> None:
    first, second = _rates(tmp_path / "run", 0.1, 0.2, launcher=Recorder(1)).train()
    assert (first.exit_code, second.exit_code) == (1, 1)
    assert "no result" in second.traceback


def test_jobs_use_as_many_threads_as_their_runner(tmp_path: Path) -> None:
    launcher = Recorder()
    given: dict[str, Any] = {"overrides": {"runner.torch_threads": [None, 2]}, "launcher": launcher}
    tiny_context(tmp_path / "run", multirun=True, **given).train()
    for job, threads in zip(launcher.jobs, "12", strict=True):
        assert {name: job.environment[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        assert job.command[0] == sys.executable


@pytest.mark.parametrize("arguments", [{"n_epochs": 0}, {"n_epochs": 1.5}])
def test_wrong_arguments_of_train_start_nothing(arguments: dict[str, Any], tmp_path: Path) -> None:
    launcher = Recorder()
    rc = _rates(tmp_path / "run", 0.1, launcher=launcher)
    with pytest.raises(InvalidSpecificationError, match="n_epochs"):
        rc.train(**arguments)
    with pytest.raises(TypeError, match=r"train\(\): A2C has no argument 'epochs'"):
        rc.train(epochs=3)
    assert launcher.jobs == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ("jolib", "did you mean 'joblib'"),
        ("ray", "later release"),
        ("slurm", "later release"),
        ({"_target_": "maze.launchers.JoblibLauncher", "n_jobs": 0}, "launcher.n_jobs: 0"),
        ({"_target_": "maze.launchers.JoblibLauncher", "jobs": 2}, "no such argument; did you mean 'n_jobs'"),
        ({"_target_": "maze.GymMazeEnv", "env": "CartPole-v0"}, "is no launcher"),
        (object(), "launch"),
    ],
)
def test_wrong_launchers_are_refused_at_construction(launcher: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        _rates(tmp_path, 0.1, launcher=launcher)


@pytest.mark.parametrize("launcher", ["serial", "joblib", SerialLauncher(), None])
def test_launchers_are_no_part_of_what_is_computed(launcher: Any, tmp_path: Path) -> None:
    (config,) = _rates(tmp_path, 0.1, launcher=launcher).config
    assert config.digest() == tiny_context(tmp_path, {"algorithm.lr": 0.1}).config.digest()


def test_an_object_that_cannot_be_sent_is_refused_at_construction(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream, pytest.raises(InvalidSpecificationError, match=r"^job 0.*: env: "):
        tiny_context(tmp_path / "run", env=[lambda: stream], multirun=True)


def test_resuming_takes_the_seed_that_was_drawn(tmp_path: Path) -> None:
    launcher = Recorder(-9)
    rc = _rates(tmp_path / "run", 0.1, seed=None, launcher=launcher)
    rc.train()
    again = _rates(tmp_path / "run", 0.1, seed=None, resume=True, launcher=launcher)
    assert again.config[0].seeding == rc.config[0].seeding


def test_a_fresh_directory_lies_below_log_base_dir(tmp_path: Path) -> None:
    overrides = {"log_base_dir": str(tmp_path), "tracking.mode": "off"}
    rc: Any = RunContext(launcher=Recorder(1), overrides=overrides, multirun=True, silent=True)
    rc.train()
    assert rc.run_dir[0].parent.parent == tmp_path / "sweep"
