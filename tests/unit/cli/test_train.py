"""Composing and training: choices, values, options in any order, one's own roots, and how wrong input is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maze.cli import main

Capture = pytest.CaptureFixture[str]


def test_choices_and_values_reach_the_configuration(composed: Any) -> None:
    config = composed("-cn", "conf_train", "env.name=CartPole-v0", "algorithm=a2c", "tags.note='a, b'")
    assert config["env"]["name"] == "CartPole-v0"
    assert config["algorithm"]["_target_"] == "maze.trainers.a2c.A2CAlgorithmConfig"
    assert config["tags"] == {"note": "a, b"}


def test_options_may_stand_anywhere(composed: Any) -> None:
    words = ["algorithm=a2c", "--seed", "7", "env.name=CartPole-v0", "--silent", "algorithm.lr=0.5"]
    config = composed(*words)
    assert config == composed("--seed", "7", *words[:1], *words[3:]) == composed(*words[3:], *words[:3])
    assert config["seeding"] == {"agent_base_seed": 7, "env_base_seed": 7}
    assert config["env"]["name"] == "CartPole-v0"
    assert config["algorithm"]["lr"] == 0.5


def test_the_sub_command_train_may_be_left_out(composed: Any) -> None:
    assert composed("train", "algorithm=a2c", "--seed", "1") == composed("algorithm=a2c", "--seed", "1")


def test_the_directory_is_a_word_or_an_option(tmp_path: Path, composed: Any) -> None:
    directory = str(tmp_path / "run")
    assert composed("--run-dir", directory, "--seed", "1") == composed(f"run_dir={directory}", "--seed", "1")


def test_cfg_trains_nothing(tmp_path: Path, composed: Any) -> None:
    composed("--run-dir", str(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algorithm=a2cc"], "did you mean 'a2c'"),
        (["algorithm.lrr=1"], "did you mean 'lr'"),
        (["algoritm=a2c"], "did you mean 'algorithm'"),
        (["algorithm.lr=fast"], "algorithm.lr: 'fast'"),
        (["algorithm.lr=-1"], "algorithm.lr: -1"),
        (["algorithm"], "key=value otherwise: algorithm=a2c or bc or es or impala or ppo or sac or sacfd"),
        (["evalute", "RUN"], "did you mean 'evaluate'?"),
        (["-cn", "conf_tran"], "--config-name: 'conf_tran' not found; did you mean 'conf_train'?"),
        (["-cn", "conf_rllib"], "later release"),
        (["--seed", "-1"], "--seed: -1"),
        (["--config-dir", "no/such/place"], "--config-dir: 'no/such/place'"),
        (["--resume"], "say which one: --run-dir RUN"),
        (["policy=random_policy"], "rollouts only"),
        (["policy=torch_policy"], "rollouts only"),
        (["runner=sequential"], "plays rollouts (maze-run -cn conf_rollout)"),
        (["launcher=slurm"], "later release"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    words: list[str], message: str, tmp_path: Path, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["algorithm=a2c", "--sed", "1"], "did you mean '--seed'?"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["evaluate"], "required: RUN"),
        (["evaluate", "RUN", "--episods", "3"], "did you mean '--episodes'?"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(words: list[str], message: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_a_path_is_no_command_but_a_run(run: Path, refused: Any) -> None:
    assert f"maze-run evaluate {run}" in refused(str(run))


def test_a_used_run_directory_is_refused_in_words_of_the_command_line(run: Path, refused: Any) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    message = refused("--run-dir", str(run))
    assert "holds an earlier run" in message
    assert "pass --resume to go on from it, maze-run evaluate RUN to use it" in message
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_training_says_what_comes_next(tmp_path: Path, capsys: Capture) -> None:
    words = ["configuration=test", "algorithm=a2c", "tracking.mode=off", "--run-dir", str(tmp_path / "run")]
    assert main([*words, "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "trained 2 epochs" in out
    assert f"next: maze-run evaluate {tmp_path / 'run'}" in out
    assert main([*words, "--seed", "1", "--resume", "--silent"]) == 0
    assert capsys.readouterr().out == ""


def test_interruption_is_status_130(monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maze.api.run_context.RunContext.train", interrupted)
    assert main(["configuration=test", "--run-dir", str(tmp_path / "run")]) == 130
    assert "stopped" in capsys.readouterr().err


@pytest.fixture
def own_tree(tmp_path: Path) -> Path:
    """Return a configuration tree with a root of its own, which trains A2C and has a group of its own."""
    tree = tmp_path / "tree"
    (tree / "size").mkdir(parents=True)
    small = "# @package _global_\n# Tiny.\nalgorithm: {n_epochs: 1, epoch_length: 2}\n"
    (tree / "size" / "small.yaml").write_text(small)
    defaults = ["conf_train", "size: null", "_self_", "override algorithm: a2c"]
    entries = "".join(f"  - {entry}\n" for entry in defaults)
    (tree / "my_root.yaml").write_text(f"defaults:\n{entries}log_base_dir: mine\n")
    return tree


def test_a_root_of_ones_own_trains(own_tree: Path, tmp_path: Path, composed: Any, capsys: Capture) -> None:
    words = ["-cn", "my_root", "-cd", str(own_tree), "--seed", "1"]
    assert composed(*words)["algorithm"]["_target_"] == "maze.trainers.a2c.A2CAlgorithmConfig"
    assert composed(*words)["choices"]["algorithm"] == "a2c"
    config = composed(*words, "size=small")
    assert (config["algorithm"]["n_epochs"], config["choices"]["size"]) == (1, "small")
    run_dir = tmp_path / "run"
    trained = [*words, "size=small", "tracking.mode=off", "runner.concurrency=2", "--run-dir", str(run_dir)]
    assert main(trained) == 0
    assert "trained 1 epochs" in capsys.readouterr().out
    record = json.loads((run_dir / "record.json").read_text())
    assert record["config"]["choices"]["size"] == "small"
    assert main(trained) == 2
    assert "holds an earlier run" in capsys.readouterr().err
    assert main([*trained, "--resume", "--silent"]) == 0
