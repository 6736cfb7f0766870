"""What the command says about itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maze.cli import main
from maze.cli.parsing import COMMANDS

Capture = pytest.CaptureFixture[str]


def test_a_bare_command_says_how_to_begin(capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for next_step in ("maze-run train ", "maze-run train --info", "maze-run doctor", "maze-run --help"):
        assert next_step in out
    assert "last run" not in out


def test_a_bare_command_names_the_run_that_was_trained_last(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for age, name in enumerate(("newest", "older", "oldest")):
        config = tmp_path / "outputs" / "a" / name / "agent" / "config.yaml"
        config.parent.mkdir(parents=True)
        config.touch()
        os.utime(config, (1e9 - age, 1e9 - age))
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert f"maze-run evaluate {Path('outputs/a/newest')}\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["-h"], *([command, "--help"] for command in COMMANDS)])
def test_help(words: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 0
    assert "usage: maze-run" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_help_lists_groups_with_their_options(words: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(words)
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    assert "a2c, bc, es, impala, ppo, sac, sacfd" in lines["algorithm"]
    assert "no_wrappers, pixel_obs, pixel_obs_rnn, vector_obs" in lines["wrappers"]
    assert "--info" in out
    assert "algorithm_configuration" not in out


def test_help_documents_exit_codes(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for meaning in ("0 it worked", "1 something ran and failed", "2 wrong input", "130 interrupted"):
        assert meaning in out


def test_info_lists_options_and_values_with_their_meaning(capsys: Capture) -> None:
    assert main(["--info", "algorithm=a2c", "algorithm.lr=0.5", "wrappers=vector_obs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  * a2c ") and "Advantage actor-critic" in line for line in lines)
    assert any(line.startswith("    ppo ") for line in lines)
    values = {line.split("=")[0]: line for line in lines if "=" in line}
    meaning = "learning rate of Adam; a number or a schedule, such as {start: 0.001, end: 0.0}"
    assert " ".join(values["algorithm.lr"].split()) == f"algorithm.lr=0.5 # {meaning}"
    assert values["run_dir"].startswith("run_dir=null ")
    assert "mean_zero_std_one or range_zero_one" in values["wrappers.0.default_strategy"]
    assert not any(line.startswith("choices") for line in lines)


def test_info_of_a_rollout_leaves_out_what_trains(capsys: Capture) -> None:
    assert main(["-cn", "conf_rollout", "--info"]) == 0
    out = capsys.readouterr().out
    assert "\nrunner:\n" in out
    assert "\nalgorithm:\n" not in out
    assert "runner.n_episodes=50" in out
