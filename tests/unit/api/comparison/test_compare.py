"""Comparing runs that really ran: directories, multi-runs, evaluation anew, and names that mean nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from maze import RunContext
from maze.api.comparison.compare import compare_experiments
from maze.api.comparison.directories import read_directory
from maze.cli import main
from maze.errors import ArtifactError
from tests.scripted import tiny_context

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with runs: two seeds of one configuration, another configuration, and one not evaluated."""
    root = tmp_path_factory.mktemp("runs")
    for name, seed, lr in (("a0", 0, 0.001), ("a1", 1, 0.001), ("b0", 0, 0.01)):
        rc = tiny_context(root / name[0] / name, seed=seed, overrides={"algorithm.lr": lr})
        rc.train()
        rc.evaluate(n_episodes=6, deterministic=True)
    tiny_context(root / "untested", seed=3).train()
    return root


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_has_the_episodes_of_its_last_evaluation(runs: Path) -> None:
    (agent,) = read_directory(runs / "a" / "a0")
    assert (agent.seed, agent.basis, agent.n_episodes) == (0, "evaluation", 6)
    assert agent.returns is not None
    assert agent.returns.mean() == pytest.approx(agent.mean_return)
    assert agent.lengths is not None
    assert agent.curve is not None
    assert agent.config["algorithm.lr"] == "0.001"


def test_seeds_in_one_directory_are_one_experiment(runs: Path) -> None:
    found = compare_experiments([runs / "a", runs / "b"])
    first, second = found.comparison.rows
    assert (first.n_agents, first.scores, second.n_agents) == (2, "seeds", 1)
    assert first.interval is not None
    assert found.comparison.differing == {"algorithm.lr": ("0.001", "0.01")}


def test_configurations_in_one_directory_are_told_apart(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a", tmp_path / "all")
    shutil.copytree(runs / "b" / "b0", tmp_path / "all" / "b0")
    found = compare_experiments([tmp_path / "all"])
    assert [one.name.removeprefix(str(tmp_path / "all")) for one in found.experiments] == [" lr=0.001", " lr=0.01"]
    assert [len(one.agents) for one in found.experiments] == [2, 1]


def test_a_run_that_was_not_evaluated_shows_its_training_and_says_so(runs: Path) -> None:
    found = compare_experiments([runs / "untested", runs / "a"])
    assert found.comparison.rows[0].basis == "training"
    assert any("--episodes 100" in note for note in found.comparison.notes)


def test_training_on_makes_an_evaluation_old(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a" / "a0", tmp_path / "on")
    assert read_directory(tmp_path / "on")[0].basis == "evaluation"
    record = json.loads((tmp_path / "on" / "record.json").read_text())
    record["calls"].append({**record["calls"][0]})
    (tmp_path / "on" / "record.json").write_text(json.dumps(record))
    assert read_directory(tmp_path / "on")[0].basis == "training"


def test_evaluating_anew_plays_the_same_episodes_with_all(runs: Path) -> None:
    found = compare_experiments([runs / "a" / "a0", runs / "a" / "a0", runs / "untested"], n_episodes=5)
    one, same, other = (experiment.agents[0] for experiment in found.experiments)
    assert one.returns is not None
    assert same.returns is not None
    assert one.returns.tolist() == same.returns.tolist()
    assert [agent.n_episodes for agent in (one, same, other)] == [5, 5, 5]
    assert other.basis == "evaluation"
    record = json.loads((runs / "untested" / "record.json").read_text())
    assert [call["method"] for call in record["calls"]] == ["train"]  # nothing was recorded


def test_a_multi_run_is_compared_job_by_job_and_named_by_what_was_varied(tmp_path: Path) -> None:
    """Not by the values that follow from the algorithm, of which there are several."""
    rc = RunContext(
        algorithm=["a2c", "ppo"],
        configuration="test",
        multirun=True,
        seed=1,
        run_dir=tmp_path / "sweep",
        silent=True,
        overrides={"tracking.mode": "off"},
    )
    rc.train()
    found = compare_experiments([tmp_path / "sweep"])
    assert [one.name.partition(" ")[2] for one in found.experiments] == ["algorithm=a2c", "algorithm=ppo"]
    assert len(found.comparison.differing) > 3


def test_jobs_without_a_result_are_told_with_their_reason(runs: Path, tmp_path: Path, capsys: Capture) -> None:
    sweep = tmp_path / "sweep"
    jobs = []
    for lr, seed in ((0.001, 0), (0.001, 1), (0.01, 0), (0.01, 1)):
        name = f"{lr}-{seed}"
        jobs.append({"name": name, "values": {"lr": str(lr), "seed": str(seed)}, "status": "finished", "reason": ""})
        if lr == 0.001:
            shutil.copytree(runs / "a" / f"a{seed}", sweep / name)
    (sweep / "0.001-1" / "metrics.json").unlink()
    (sweep / "0.01-0").mkdir()
    (sweep / "0.01-0" / "record.json").write_text('{"status": "FAILED", "reason": "ValueError: too wide"}')
    jobs[3] |= {"status": "failed", "reason": "killed by signal 9"}
    (sweep / "sweep.json").write_text(json.dumps({"jobs": jobs}))
    found = compare_experiments([sweep])
    told = [note.removeprefix(f"{sweep} ") for note in found.comparison.notes if "missing" in note]
    assert told == [
        "lr=0.001: 1 of 2 jobs is missing, the numbers are those of the others alone: 0.001-1: it has no metrics.json",
        "lr=0.01: all jobs are missing, none of it is shown: 0.01-0: failed: ValueError: too wide; it has no "
        "metrics.json",
    ]
    assert main(["compare", str(sweep), "--json"]) == 0
    missing = json.loads(capsys.readouterr().out)["missing"]
    assert [(job["name"], job["reason"]) for job in missing][-1] == ("0.01-1", "failed: killed by signal 9")
    shutil.rmtree(sweep / "0.001-0")
    with pytest.raises(ArtifactError, match=r"none of its 4 jobs left any \(0.001-0: its directory is gone\)"):
        compare_experiments([sweep])


def test_a_run_beside_others_without_its_record_is_told(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a", tmp_path / "all")
    (tmp_path / "all" / "a1" / "record.json").unlink()
    RunContext.load(runs / "a" / "a0", silent=True).rollout(n_episodes=1, output_dir=tmp_path / "all" / "played")
    (note,) = (note for note in compare_experiments([tmp_path / "all"]).comparison.notes if "missing" in note)
    assert "1 of 2 jobs is missing" in note
    assert "a1: it has no record.json" in note


def test_an_interrupted_run_is_not_listed_as_if_it_had_finished(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a" / "a0", tmp_path / "stopped")
    record = json.loads((tmp_path / "stopped" / "record.json").read_text())
    record |= {"status": "KILLED", "reason": "signal 15"}
    (tmp_path / "stopped" / "record.json").write_text(json.dumps(record))
    notes = compare_experiments([tmp_path / "stopped", runs / "b"]).comparison.notes
    assert any("not trained to the end: stopped (interrupted: signal 15)" in note for note in notes)
    assert not any(note.startswith(str(runs / "b")) and "to the end" in note for note in notes)


def test_an_evaluated_run_is_not_compared_with_one_that_never_was(runs: Path) -> None:
    found = compare_experiments([runs / "a" / "a0", runs / "untested"]).comparison
    assert [row.basis for row in found.rows] == ["evaluation", "training"]
    assert found.rows[1].improvement is None
    fair = compare_experiments([runs / "a" / "a0", runs / "untested"], n_episodes=5).comparison
    assert [row.basis for row in fair.rows] == ["evaluation", "evaluation"]
    assert fair.rows[1].improvement is not None


def test_what_is_named_twice_has_two_names(runs: Path) -> None:
    found = compare_experiments([runs / "a", runs / "a"])
    assert [row.name for row in found.comparison.rows] == [str(runs / "a"), f"{runs / 'a'} (2)"]


def test_what_has_no_numbers_says_so(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "untested", tmp_path / "bare")
    (tmp_path / "bare" / "metrics.json").unlink()
    with pytest.raises(ArtifactError, match="never evaluated"):
        compare_experiments([tmp_path / "bare"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="holds no results"):
        compare_experiments([tmp_path / "empty"])


def test_a_name_that_means_nothing_is_told_with_the_nearest(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a" / "a0", tmp_path / "outputs" / "gym_env" / "stamp")
    with pytest.raises(ArtifactError, match=r"neither a directory.*'outputs/gym_env/stamp'"):
        compare_experiments(["outputs/gym_env/stomp"])


@pytest.mark.parametrize("n_episodes", [0, -3])
def test_no_episodes_are_refused(runs: Path, n_episodes: int) -> None:
    with pytest.raises(ArtifactError, match="whole number >= 1"):
        compare_experiments([runs / "a"], n_episodes=n_episodes)


def test_the_command_prints_and_writes(runs: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ["compare", str(runs / "a"), str(runs / "b"), "--output", str(tmp_path / "out")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "P(better)" in out
    assert "algorithm.lr" in out
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["comparison.json", "comparison.md", "comparison.png"]
    assert main([*words, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert content == json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert main(["compare", str(runs / "a"), "--confidence", "95"]) == 2
    assert "between 0 and 1" in capsys.readouterr().err
