"""Trials at once, in real processes: the same ones whichever ends first, and wherever the search was killed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from maze.api.tuning.listener import StudyListener, TrialEnd
from maze.api.tuning.search import Search
from maze.api.tuning.study import open_study
from maze.api.tuning.trials import SeedResult
from maze.config import RunConfig
from maze.errors import TrainingError
from maze.launchers import Job, JobResult, Launcher, SerialLauncher
from maze.launchers import OnEnd as TellEnd
from tests.unit.api.tuning.conftest import tiny_search

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Ends a search as abruptly as an exception can."""


class Told(StudyListener):
    """Keeps what it is told, and ends the search after some trials."""

    def __init__(self, kill_after: int | None = None) -> None:
        self.left = kill_after
        self.words: list[str] = []

    def on_begin(self, number: int, config: RunConfig) -> None:
        self.words.append(f"begin {number}")

    def on_seed(self, number: int, seed: int, result: SeedResult) -> None:
        self.words.append(f"seed {number}/{seed}")

    def on_end(self, trial: TrialEnd) -> None:
        self.words.append(f"end {trial.number}")
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed


class Backwards:
    """Runs the last job first, one at a time."""

    def launch(self, jobs: Sequence[Job], on_end: TellEnd | None = None) -> list[JobResult]:
        return SerialLauncher().launch(jobs[::-1], on_end)[::-1]


def trials_of(
    search: Search, directory: Path, listener: StudyListener | None = None, launcher: Launcher | None = None
) -> list[TrialEnd]:
    with open_study(search, directory) as study:
        study.run(listener or StudyListener(), launcher)
        return study.trials


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> list[TrialEnd]:
    """The trials of a search in waves of two that nobody disturbs."""
    return trials_of(tiny_search(n_jobs=2, n_trials=4), tmp_path_factory.mktemp("waves"))


def test_every_trial_trains_every_seed_unless_it_is_hopeless(waves: list[TrialEnd]) -> None:
    assert [trial.number for trial in waves] == list(range(4))
    assert {trial.state for trial in waves} == {"complete", "pruned"}
    for trial in waves:
        if trial.state == "complete":
            assert list(trial.seeds) == [0, 1]
            assert all(len(result.curve) == 3 for result in trial.seeds.values())
        else:
            assert trial.score is None
            assert list(trial.seeds.values())[-1].score is None
    assert {trial.state for trial in waves[:2]} == {"complete"}  # nothing is stopped before there is a median


def test_neither_the_order_of_ends_nor_a_kill_nor_a_cut_wave_changes_anything(
    waves: list[TrialEnd], tmp_path: Path
) -> None:
    told = Told(kill_after=1)
    with pytest.raises(Killed):
        trials_of(tiny_search(n_jobs=2, n_trials=3), tmp_path, told, Backwards())
    assert told.words == ["begin 0", "begin 1", "seed 1/0", "seed 1/1", "end 1"]

    told = Told()
    assert trials_of(tiny_search(n_jobs=2, n_trials=3), tmp_path, told, Backwards()) == waves[:3]
    assert [word for word in told.words if word.startswith("end")] == ["end 1", "end 0", "end 2"]

    told = Told()  # trial 3 belongs to the wave of trial 2: it neither learns from it nor is compared with it
    assert trials_of(tiny_search(n_jobs=2, n_trials=4), tmp_path, told, Backwards()) == waves
    assert [word for word in told.words if word.startswith("begin")] == ["begin 3"]


def test_where_nothing_is_learned_they_are_those_of_one_after_another(tmp_path: Path) -> None:
    one, two = (
        trials_of(
            tiny_search(n_jobs=n_jobs, n_trials=2, seeds=(3,), sampler="random", prunes=False), tmp_path / str(n_jobs)
        )
        for n_jobs in (1, 2)
    )
    assert one == two
    assert one[0].score is not None


def test_values_that_break_training_fail_their_trial_and_what_is_no_fault_of_theirs_ends_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = tiny_search(
        space={"env.goal": [None, "nowhere", "crash", "away"]},
        values={"env": {"_target_": "tests.unit.api.tuning.conftest.make_env"}, "allowed_modules": ["tests"]},
        n_trials=4,
        n_jobs=4,
        sampler="random",
        sampler_seed=10,  # draws all four, in this order
        seeds=(0,),
    )
    with pytest.raises(TrainingError, match=r"trial 3: the server of the simulation is away; see .*0003/train\.log\."):
        trials_of(search, tmp_path)

    monkeypatch.setitem(os.environ, "SERVED", "1")
    told = Told()
    trials = trials_of(search, tmp_path, told)
    assert [trial.values["env.goal"] for trial in trials] == [None, "nowhere", "crash", "away"]
    assert [trial.state for trial in trials] == ["complete", "failed", "failed", "complete"]
    assert trials[1].reason == "EnvError: there is no way to nowhere"
    assert trials[2].reason == "its process was ended by signal 9 (SIGKILL)"
    assert trials[3].score == trials[0].score
    assert sorted(word for word in told.words if word.startswith("end")) == [f"end {number}" for number in range(4)]
