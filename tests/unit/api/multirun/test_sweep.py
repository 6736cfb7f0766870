"""Multi-runs: a 3 x 2 grid of objects with one failing job, trained for real, and what becomes of it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import EnvError, GymMazeEnv, InvalidSpecificationError, MazeEnv, RunContext, TorchPolicy
from maze.api.multirun.results import JobFailure
from tests.scripted import CountingEnv, tiny_context, weights_of

ROOT = Path(__file__).parents[4]
FAILED = 4
"""The job that fails: the third environment under the second wrapper."""


def make_lengths(length: int) -> Callable[[], MazeEnv]:
    return lambda: GymMazeEnv(CountingEnv([length]))


class Picky:
    """Refuses environments with episodes of seven steps, until a file says that they are fine."""

    def __init__(self, consent: Path) -> None:
        self.consent = consent

    def __call__(self, env: Any) -> Any:
        observation, total = env.reset(), 0
        while not env.step({"action": np.int64(0)})[2]:
            total += 1
        del observation
        if total == 6 and not self.consent.exists():
            raise ValueError("seven [steps] are too many")
        return env


def unchanged(env: Any) -> Any:
    return env


class Grid:
    """A multi-run over three environments and two lists of wrappers, in a directory of its own."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "sweep"
        self.consent = place / "consent"
        self.arguments: dict[str, Any] = {
            "env": [make_lengths(3), make_lengths(5), make_lengths(7)],
            "wrappers": [[Picky(self.consent), unchanged], []],
            "launcher": {"_target_": "maze.launchers.JoblibLauncher", "n_jobs": 2},
        }

    def context(self, directory: Path | None = None, **arguments: Any) -> RunContext:
        return tiny_context(directory or self.directory, **{**self.arguments, **arguments}, multirun=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grid, RunContext, list[Any]]:
    grid = Grid(tmp_path_factory.mktemp("multirun"))
    rc = grid.context()
    results: Any = rc.train()
    return grid, rc, results


Trained = tuple[Grid, Any, list[Any]]


def test_one_failing_job_does_not_stop_the_others(trained: Trained) -> None:
    _, _, results = trained
    assert [isinstance(result, JobFailure) for result in results] == [index == FAILED for index in range(6)]
    for result in results[:FAILED] + results[FAILED + 1 :]:
        assert (result.reason, result.n_epochs, result.n_steps) == ("n_epochs", 2, 96)
    # an episode of L steps returns L * (L + 1) / 2
    assert [r.best_return for r in results if not isinstance(r, JobFailure)] == [6, 6, 15, 15, 28]


def test_a_failure_says_what_went_wrong_and_where(trained: Trained) -> None:
    grid, rc, results = trained
    failure = results[FAILED]
    assert failure.name == "4-env-lambda_wrappers-Picky_unchanged"
    assert failure.reason.endswith("seven [steps] are too many")
    assert failure.values == {"env": grid.arguments["env"][2], "wrappers": grid.arguments["wrappers"][0]}
    assert failure.traceback.startswith("Traceback (most recent call last):")
    assert "in __call__" in failure.traceback
    assert failure.exit_code == 1
    log = (failure.run_dir / "train.log").read_text()
    assert log.startswith(failure.traceback.partition("\nThe above exception")[0])  # what the wrapper raised
    assert log.endswith(failure.traceback.rpartition("\n  File")[2])
    assert str(failure) == f"job {failure.name} failed: {failure.reason}"
    assert rc.policy[FAILED] == failure


def test_every_job_has_the_weights_of_a_single_run_with_the_same_values(trained: Trained, tmp_path: Path) -> None:
    grid, rc, _ = trained
    for index, (env, wrappers) in {0: (0, 0), 3: (1, 1)}.items():
        given = {"env": grid.arguments["env"][env], "wrappers": grid.arguments["wrappers"][wrappers]}
        single = tiny_context(tmp_path / str(index), **given)
        single.train()
        assert np.array_equal(weights_of(single), rc.model[index].snapshot()["parameters"].numpy())
        for name in ("agent/weights.safetensors", "agent/statistics.npz", "curve.csv", "metrics.json"):
            assert (tmp_path / str(index) / name).read_bytes() == (rc.run_dir[index] / name).read_bytes()


def test_lists_have_one_entry_for_each_job(trained: Trained) -> None:
    _, rc, results = trained
    failure = results[FAILED]
    others = [index for index in range(6) if index != FAILED]
    for values in (rc.policy, rc.model, rc.trainer, rc.statistics, rc.evaluate(n_episodes=2)):
        assert len(values) == 6
        assert values[FAILED] == failure
    assert all(isinstance(rc.policy[index], TorchPolicy) for index in others)
    assert [rc.trainer[index].epoch for index in others] == [2] * 5
    assert [rc.statistics[index]["eval/mean_return"] for index in others] == [6, 6, 15, 15, 28]
    assert [rc.evaluate(n_episodes=3)[index].mean_return for index in others] == [6, 6, 15, 15, 28]
    observation = {"observation": np.zeros(2, np.float32)}
    rc.begin_episode()  # of every policy
    actions = rc.compute_action(observation, deterministic=True)
    assert [np.asarray(actions[index]["action"]).shape for index in others] == [()] * 5
    assert actions[FAILED] == failure
    assert [len(rc.transform_observation(observation)[index]) for index in others] == [1] * 5
    assert "6 jobs, 5 finished" in repr(rc)


def test_what_a_job_was_given_is_real_also_where_it_failed(trained: Trained) -> None:
    grid, rc, _ = trained
    assert [path.parent for path in rc.run_dir] == [grid.directory] * 6
    assert all(path.is_dir() for path in rc.run_dir)
    assert len({path.name for path in rc.run_dir}) == 6
    assert [config.run_dir for config in rc.config] == [str(path) for path in rc.run_dir]
    assert rc.env_factory[1]().reset().keys() == {"observation"}
    with pytest.raises(EnvError, match="too many"):
        rc.env_factory[FAILED]()


def test_rollouts_go_to_a_folder_for_each_job(trained: Trained, tmp_path: Path) -> None:
    _, rc, results = trained
    rollouts: Any = rc.rollout(n_episodes=2, output_dir=tmp_path)
    assert rollouts[FAILED] == results[FAILED]
    names = [path.name for index, path in enumerate(rc.run_dir) if index != FAILED]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all((tmp_path / name / "episodes.parquet").is_file() for name in names)


def test_runs_are_isolated_and_leave_the_files_of_single_runs(trained: Trained) -> None:
    _, rc, _ = trained
    for index, path in enumerate(rc.run_dir):
        assert not list(path.glob("**/objects.cloudpickle"))  # only the process needed what was sent to it
        assert (path / "agent" / "weights.safetensors").exists() == (index != FAILED)
    record = json.loads((rc.run_dir[0] / "record.json").read_text())
    assert record["calls"][0]["method"] == "train"


def test_the_table_of_jobs(trained: Trained) -> None:
    grid, rc, _ = trained
    with (grid.directory / "jobs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["job", "env", "wrappers", "status", "seconds", "best_return", "run_dir"]
    assert [row["status"] for row in rows] == ["finished"] * 4 + ["failed", "finished"]
    assert [row["best_return"] for row in rows] == ["6.0", "6.0", "15.0", "15.0", "", "28.0"]
    assert [row["wrappers"] for row in rows] == ["[Picky, unchanged]", "[]"] * 3
    assert [grid.directory / row["run_dir"] for row in rows] == rc.run_dir
    written = json.loads((grid.directory / "sweep.json").read_text())
    assert [job["status"] for job in written["jobs"]] == [row["status"] for row in rows]
    assert written["seed"] == 1


def test_resuming_runs_the_jobs_that_have_not_finished_and_keeps_the_others(trained: Trained, tmp_path: Path) -> None:
    grid, _, before = trained
    directory = Path(shutil.copytree(grid.directory, tmp_path / "copy"))
    grid.consent.touch()
    weights = {path: path.stat().st_mtime_ns for path in directory.glob("*/agent/weights.safetensors")}
    try:
        rc: Any = grid.context(directory, resume=True)
        assert isinstance(rc.policy[FAILED], JobFailure)
        assert isinstance(rc.policy[0], TorchPolicy)
        results = rc.train()
    finally:
        grid.consent.unlink()
    assert [result for index, result in enumerate(results) if index != FAILED] == before[:FAILED] + before[FAILED + 1 :]
    assert results[FAILED].best_return == 28
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    assert len(list(directory.glob("*/agent/weights.safetensors"))) == 6


def test_training_again_goes_on_with_each_job(trained: Trained, tmp_path: Path) -> None:
    grid, _, _ = trained
    arguments = {**grid.arguments, "env": grid.arguments["env"][:2], "wrappers": [[]]}
    rc: Any = tiny_context(tmp_path / "twice", **arguments, multirun=True)
    assert [summary.n_epochs for summary in rc.train(1)] == [1, 1]
    assert [summary.n_steps for summary in rc.train(1)] == [96, 96]
    single = tiny_context(tmp_path / "once", env=arguments["env"][1], wrappers=[])
    single.train(2)
    assert (rc.run_dir[1] / "curve.csv").read_bytes() == (tmp_path / "once" / "curve.csv").read_bytes()
    assert np.array_equal(weights_of(single), rc.model[1].snapshot()["parameters"].numpy())


def test_the_directory_is_guarded(trained: Trained, tmp_path: Path) -> None:
    grid, rc, _ = trained
    before = {path: path.stat().st_mtime_ns for path in grid.directory.rglob("*")}
    with pytest.raises(InvalidSpecificationError, match=r"holds an earlier multi-run.*resume=True"):
        grid.context()
    with pytest.raises(
        InvalidSpecificationError, match="holds an earlier multi-run of other jobs: it has 6 jobs and these are 3"
    ):
        grid.context(resume=True, wrappers=[[]])
    with pytest.raises(InvalidSpecificationError, match=r"of other jobs: its job 0-.* composed differently"):
        grid.context(resume=True, overrides={"algorithm.lr": 0.7})
    with pytest.raises(InvalidSpecificationError, match="holds a single run"):
        grid.context(rc.run_dir[0], resume=True)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InvalidSpecificationError, match="is a file"):
        grid.context(file)
    assert {path: path.stat().st_mtime_ns for path in grid.directory.rglob("*")} == before
