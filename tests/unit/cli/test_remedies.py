"""Remedies for programmers become remedies that can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maze.cli import main
from maze.cli.remedies import at_the_command_line


@pytest.mark.parametrize(
    ("message", "translated"),
    [
        ("pass resume=True to go on from it", "pass --resume to go on from it"),
        ("if you trust it, pass allow_code=True (maze-run: --allow-code).", "if you trust it, pass --allow-code."),
        ("give a place that can, for example run_dir=.", "give a place that can, for example --run-dir."),
        ("seed: -1 is not accepted", "--seed: -1 is not accepted"),
        ("config_dir: 'x' is not a directory.", "--config-dir: 'x' is not a directory."),
        ("run_dir: '/a' is a file", "--run-dir: '/a' is a file"),
        ("rollout.n_episodes: 0 is not accepted", "--episodes: 0 is not accepted"),
        (
            "pass critic='template_state' (with model='vector_obs')",
            "pass critic=template_state (with model=vector_obs)",
        ),
        ("there is none before training; call rc.train().", "there is none before training; call maze-run train."),
    ],
)
def test_remedies_can_be_typed(message: str, translated: str) -> None:
    assert at_the_command_line(message) == translated


@pytest.mark.parametrize(
    "message", ["env.name: 'x' is unknown", "algorithm.lr: 'fast' is not accepted", "n_episodes: no such key;"]
)
def test_other_messages_stay_as_they_are(message: str) -> None:
    assert at_the_command_line(message) == message


def test_what_was_typed_is_named() -> None:
    message = "rollout.n_episodes: 0 is not accepted"
    assert at_the_command_line(message, ["train", "rollout.n_episodes=0"]) == message
    assert at_the_command_line(message, ["exp", "algorithm=ppo"]) == message  # it stands in params.yaml
    assert at_the_command_line(message, ["rollout", "RUN", "--episodes", "0"]) == "--episodes: 0 is not accepted"
    assert at_the_command_line("config_dir: 'x' is not", ["+config_dir=x"]) == "config_dir: 'x' is not"


def test_an_override_is_a_word() -> None:
    message = "An environment's own id goes to env.name: overrides={'env.name': 'CartPole-v1'}."
    assert at_the_command_line(message) == "An environment's own id goes to env.name: env.name=CartPole-v1."


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["evaluate", "RUN", "--episode", "3"],
            r"unrecognized arguments: --episode 3; did you mean '--episodes'\? Accepted: .*--silent",
        ),
        (["train", "--no-such-thing"], r"unrecognized arguments: --no-such-thing; (did|accepted: ).*--seed"),
        (["completion", "bsh"], r"'bsh' is not accepted; did you mean 'bash'\? Accepted: bash, fish, zsh\."),
        (["tracking", "xyz"], r"'xyz' is not accepted; accepted: flush, rebuild\."),
    ],
)
def test_options_and_choices_are_refused_with_all_that_are_accepted(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    assert re.search(expected, capsys.readouterr().err)


@pytest.mark.parametrize("command", [["tune"], ["train"], ["train", "--multirun"]])
def test_an_unknown_function_is_told_the_nearest(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "algorithm.lr=intervl(1e-4,1e-2)"]) == 2
    error = capsys.readouterr().err
    assert "there is no function 'intervl'; did you mean 'interval'? Accepted: " in error
    assert error.count("\n") == 1


def test_a_file_for_the_output_is_refused_by_the_option_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["compare", str(tmp_path), "--output", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert f"--output: '{tmp_path / 'file'}' is a file; accepted is a directory." in error
    assert "run-dir" not in error
