"""Commands that use what was trained: evaluate, rollout, results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from maze.artifacts import write_json
from maze.cli import main
from maze.report import summarise

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", ["evaluate", "rollout"])
def test_an_unreadable_run_is_one_line_and_status_2(command: str, run: Path, tmp_path: Path, refused: Any) -> None:
    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    (damaged / "agent" / "weights.safetensors").write_bytes(b"nothing")
    for source in (damaged, tmp_path):
        refused(command, str(source))
    assert not (damaged / "rollout").exists()


def test_evaluate_prints_the_statistics(run: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(run), "--episodes", "3"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["n_episodes"] == 3
    assert main(["evaluate", str(run), "--episodes", "3"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert main(["evaluate", str(run), "--episodes", "2", "--stochastic", "--max-episode-steps", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_length"] <= 4


def test_evaluate_takes_further_settings_and_saves(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "evaluation"
    assert main(["evaluate", str(run), "n_envs=2", "--episodes", "5", "seed=3", "--output-dir", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((out / "metrics.json").read_text()) == printed
    returns = pq.read_table(out / "episodes.parquet")["return"].to_pylist()
    assert len(returns) == 5
    assert sum(returns) / 5 == pytest.approx(printed["mean_return"])


def test_evaluate_cannot_change_what_was_trained(run: Path, refused: Any) -> None:
    assert "env.name: no setting of the evaluator" in refused("evaluate", str(run), "env.name=CartPole-v0")
    assert "algorithm: no setting of the evaluator" in refused("evaluate", str(run), "algorithm=a2c")


def test_rollout_says_where_the_files_are(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out_dir = tmp_path / "out"
    assert main(["rollout", str(run), "--episodes", "2", "--output-dir", str(out_dir)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 episodes, mean return ")
    for name in ("episodes.parquet", "steps.npz"):
        assert str(out_dir / name) in out
        assert (out_dir / name).is_file()
    assert not list(out_dir.rglob("*.tsv"))
    assert main(["rollout", str(run), "--episodes", "2", "--output-dir", str(out_dir), "--events"]) == 0
    assert f"event_logs/reward: {out_dir / 'event_logs' / 'reward.tsv'}" in capsys.readouterr().out
    assert {path.name for path in out_dir.rglob("*.tsv")} == {"action.tsv", "reward.tsv", "episode_end.tsv"}


def test_words_belong_to_a_configured_rollout(refused: Any) -> None:
    assert "maze-run -cn conf_rollout policy=random_policy" in refused("rollout", "policy=random_policy")


@pytest.mark.parametrize("words", [["evaluate", "--episodes", "0"], ["rollout", "--episodes", "-3"]])
def test_a_wrong_number_of_episodes_is_status_2(words: list[str], run: Path, refused: Any) -> None:
    assert refused(words[0], str(run), *words[1:]).startswith("--episodes: ")


def test_results_show_a_finished_pipeline(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    statistics = {"mean_return": 490.0, "std_return": 5.0, "n_episodes": 100, "mean_length": 490.0}
    write_json(out / "evaluate" / "3" / "metrics.json", statistics)
    write_json(out / "report" / "record.json", {"seeds": [3]})
    write_json(out / "report" / "metrics.json", summarise({3: statistics}))
    assert main(["results", "--out", str(out)]) == 0
    assert "490" in capsys.readouterr().out


def test_results_without_a_pipeline_are_status_2(tmp_path: Path, refused: Any) -> None:
    assert "record.json: does not exist" in refused("results", "--out", str(tmp_path))


@pytest.mark.parametrize("command", ["evaluate", "rollout", "replay"])
def test_silent_prints_nothing(command: str, run: Path, tmp_path: Path, capsys: Capture) -> None:
    words = {"replay": []}.get(command, ["--episodes", "1"])
    assert main([command, str(run), "--silent", *words, "--output-dir", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
