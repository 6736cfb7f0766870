"""Trials: the same ones with the same seeds, also where the search was killed on the way; hopeless ones are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze.api.tuning.listener import StudyListener, TrialEnd
from maze.api.tuning.outcome import SearchFiles, write_outcome
from maze.api.tuning.run import tune
from maze.api.tuning.study import open_study
from maze.api.tuning.trials import SeedResult
from maze.errors import InvalidSpecificationError, TrainingError
from tests.unit.api.tuning.conftest import tiny_search


class Killed(BaseException):
    """Ends a search as abruptly as an exception can."""


class KillAfter(StudyListener):
    """Ends the search after some agents."""

    def __init__(self, n_agents: int) -> None:
        self.left = n_agents

    def on_seed(self, number: int, seed: int, result: SeedResult) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def trials_of(search: Any, directory: Path, listener: StudyListener | None = None) -> list[TrialEnd]:
    with open_study(search, directory) as study:
        study.run(listener or StudyListener())
        return study.trials


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[TrialEnd]:
    """The trials of the search that nobody disturbs."""
    return trials_of(tiny_search(), tmp_path_factory.mktemp("whole"))


def test_every_trial_trains_every_seed(whole: list[TrialEnd]) -> None:
    assert [trial.number for trial in whole] == list(range(6))
    complete = [trial for trial in whole if trial.state == "complete"]
    assert complete
    for trial in complete:
        scores = [result.score for result in trial.seeds.values()]
        assert list(trial.seeds) == [0, 1]
        assert trial.score == pytest.approx(sum(scores) / 2)  # type: ignore[arg-type]
        assert all(len(result.curve) == 3 for result in trial.seeds.values())
    assert len({trial.values["algorithm.lr"] for trial in whole}) == 6


@pytest.mark.parametrize("n_agents", [1, 2, 5, 8])
def test_a_killed_search_goes_on_as_if_it_had_not_been(whole: list[TrialEnd], tmp_path: Path, n_agents: int) -> None:
    with pytest.raises(Killed):
        trials_of(tiny_search(), tmp_path, KillAfter(n_agents))
    assert trials_of(tiny_search(), tmp_path) == whole


def test_more_trials_go_on_with_the_earlier_ones(whole: list[TrialEnd], tmp_path: Path) -> None:
    assert trials_of(tiny_search(n_trials=3), tmp_path) == whole[:3]
    told: list[int] = []

    class Listener(StudyListener):
        def on_end(self, trial: TrialEnd) -> None:
            told.append(trial.number)

    assert trials_of(tiny_search(), tmp_path, Listener()) == whole
    assert told == [3, 4, 5]


def test_a_half_written_last_line_is_cut_off(whole: list[TrialEnd], tmp_path: Path) -> None:
    trials_of(tiny_search(n_trials=2), tmp_path)
    with (tmp_path / "journal.log").open("a") as stream:
        stream.write('{"op_code": 5, "worker')
    assert trials_of(tiny_search(), tmp_path) == whole


def test_another_seed_of_the_sampler_draws_other_values(whole: list[TrialEnd], tmp_path: Path) -> None:
    [other] = trials_of(tiny_search(n_trials=1, sampler_seed=1), tmp_path)
    assert other.values != whole[0].values


def test_a_directory_of_another_search_is_refused(tmp_path: Path) -> None:
    trials_of(tiny_search(n_trials=1), tmp_path)
    with pytest.raises(InvalidSpecificationError, match="holds another search"):
        trials_of(tiny_search(n_trials=1, seeds=(3,)), tmp_path)


def test_a_search_that_goes_on_elsewhere_is_refused(tmp_path: Path) -> None:
    with (
        open_study(tiny_search(n_trials=1), tmp_path),
        pytest.raises(InvalidSpecificationError, match="another process"),
    ):
        trials_of(tiny_search(n_trials=1), tmp_path)


SCALE = "wrappers.maze.env.rewards.RewardScalingWrapper.scale"


def test_a_hopeless_trial_is_stopped_and_its_other_seeds_are_not_trained(tmp_path: Path) -> None:
    """Returns of Pendulum are below zero: the smaller their scale, the better, and that is all that differs."""
    search = tiny_search(
        space={SCALE: [1.0, 0.001]},
        choices={"experiment": "pendulum_ppo"},
        values={"algorithm.n_epochs": 4, "algorithm.batch_size": 8, "algorithm.n_rollout_steps": 16},
        n_trials=6,
        n_startup_trials=3,
        sampler="random",
        sampler_seed=2,
    )
    trials = trials_of(search, tmp_path)
    assert [trial.values[SCALE] for trial in trials[:5]] == [0.001, 1.0, 0.001, 0.001, 1.0]
    assert [trial.state for trial in trials[:3]] == ["complete"] * 3  # nothing is stopped before there is a median
    stopped = trials[4]
    assert (stopped.state, stopped.score, list(stopped.seeds)) == ("pruned", None, [0])
    assert len(stopped.seeds[0].curve) < 4


def test_values_that_break_training_fail_their_trial_alone(tmp_path: Path) -> None:
    search = tiny_search(
        space={"env.goal": [None, "nowhere"]},
        values={"env": {"_target_": "tests.unit.api.tuning.conftest.make_env"}, "allowed_modules": ["tests"]},
        n_trials=4,
        n_startup_trials=4,
        sampler="random",
        sampler_seed=2,
        seeds=(0,),
    )
    trials = trials_of(search, tmp_path)
    assert {trial.state for trial in trials if trial.values["env.goal"] is None} == {"complete"}
    failed = [trial for trial in trials if trial.values["env.goal"] == "nowhere"]
    assert failed
    for trial in failed:
        assert trial.state == "failed"
        assert "there is no way to nowhere" in trial.reason


def test_where_no_trial_is_complete_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search = tiny_search(space={"env.name": ["CartPole-v1", "MountainCar-v0"]}, n_trials=1)
    with open_study(search, tmp_path / "study") as study, pytest.raises(TrainingError, match="no trial was completed"):
        write_outcome(study, SearchFiles(tmp_path / "out"))


def test_importances_sum_to_one(tmp_path: Path) -> None:
    with open_study(tiny_search(prunes=False), tmp_path) as study:
        study.run(StudyListener())
        found = study.importances()
    assert set(found) == {"algorithm.lr", "algorithm.gamma"}
    assert sum(found.values()) == pytest.approx(1.0)


def test_results_are_files_without_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    contents: list[dict[str, bytes]] = []
    for name in ("one", "two"):
        result = tune(
            tiny_search(prunes=False), output_dir=tmp_path / name, study_dir=tmp_path / f"{name}-study", say=said.append
        )
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {
        "conf/experiment/best.yaml",
        "metrics.json",
        "trials.csv",
        "history.csv",
        "figures/history.png",
        "figures/importance.png",
        "figures/curves.png",
        "figures/slice-algorithm.lr.png",
        "figures/slice-algorithm.gamma.png",
    }
    assert result.numbers["n_complete"] == 6
    assert result.numbers["best_return"] == max(trial.score for trial in result.trials if trial.score is not None)
    assert len(said) == 12
