"""The command line: what it understands, what it refuses, and how it says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from maze import InvalidSpecificationError
from maze.artifacts import write_json
from maze.cli import main
from maze.cli.overrides import context_arguments
from maze.report import summarise
from tests.scripted import tiny_context

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run."""
    directory = tmp_path_factory.mktemp("cli") / "run"
    tiny_context(directory).train()
    return directory


@pytest.fixture
def composed(capsys: Capture) -> Any:
    """Return a function from words to the configuration that they compose."""

    def compose(*words: str) -> dict[str, Any]:
        assert main([*words, "--cfg"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        config: dict[str, Any] = yaml.safe_load(out)
        return config

    return compose


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("tags.x=1", 1),
        ("tags.x=1.5", 1.5),
        ("tags.x=1e-3", 0.001),
        ("tags.x=true", True),
        ("tags.x=null", None),
        ("tags.x=hello", "hello"),
        ("tags.x='1'", "1"),
        ('tags.x="a,b"', "a,b"),
        ("tags.x='it\\'s'", "it's"),
        ("tags.x=[1,2]", [1, 2]),
        ("tags.x=['a,b',c]", ["a,b", "c"]),
        ("tags.x={a:1,b:{c:[2]}}", {"a": 1, "b": {"c": [2]}}),
        ("tags.x={0:1}", {0: 1}),
        ("tags.x=", ""),
        ("tags.x='a=b'", "a=b"),
        ("tags.x=/some/path-1.txt", "/some/path-1.txt"),
    ],
)
def test_values_are_read_in_hydras_grammar(word: str, value: Any) -> None:
    assert context_arguments([word]) == {"overrides": {"tags.x": value}}


def test_groups_are_choices_and_everything_else_is_a_value() -> None:
    words = ["algorithm=a2c", "+experiment=cartpole", "algorithm.lr=0.1", "policy=null", "++tags.new=1", "seed_name=3"]
    assert context_arguments(words) == {
        "algorithm": "a2c",
        "experiment": "cartpole",
        "policy": "null",
        "overrides": {"algorithm.lr": 0.1, "++tags.new": 1, "seed_name": 3},
    }


def test_a_mapping_for_a_group_is_a_value() -> None:
    assert context_arguments(["runner={concurrency:3}"]) == {"overrides": {"runner": {"concurrency": 3}}}


@pytest.mark.parametrize(
    "word", ["algorithm", "=3", "a b=1", "tags.x=[1", "tags.x={a", "tags.x=a=b", "~algorithm", "~tags.x=1"]
)
def test_bad_grammar_is_refused(word: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        context_arguments([word])
    assert repr(word) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["algorithm=a2c,ppo", "algorithm.lr=0.1,0.2", "algorithm.lr=range(1,3)"])
def test_sweeps_are_refused_with_the_alternative(word: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"several jobs.*dvc exp run --queue"):
        context_arguments([word])


# --- composing ----------------------------------------------------------------------------------------------------


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


def test_bare_is_help(capsys: Capture) -> None:
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert "examples:" in out
    assert "maze-run" in out
    assert err == ""


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["train", "--help"], ["evaluate", "--help"]])
def test_help(words: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 0
    assert "usage: maze-run" in capsys.readouterr().out


def test_info_lists_groups_and_options(capsys: Capture) -> None:
    assert main(["--info"]) == 0
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["algorithm"] == "a2c, ppo"
    assert "vector_obs" in lines["wrappers"]


def test_cfg_trains_nothing(tmp_path: Path, composed: Any) -> None:
    composed("--run-dir", str(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


# --- refusing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algorithm=a2cc"], "did you mean 'a2c'"),
        (["algorithm.lrr=1"], "did you mean 'lr'"),
        (["algoritm=a2c"], "did you mean 'algorithm'"),
        (["algorithm.lr=fast"], "algorithm.lr: 'fast'"),
        (["algorithm.lr=-1"], "algorithm.lr: -1"),
        (["algorithm"], "accepted is key=value"),
        (["-cn", "conf_rollout"], "--config-name: 'conf_rollout'"),
        (["--seed", "-1"], "seed: -1"),
        (["--config-dir", "no/such/place"], "no/such/place"),
        (["policy=random_policy"], "rollouts only"),
        (["launcher=slurm"], "later release"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(words: list[str], message: str, tmp_path: Path, capsys: Capture) -> None:
    assert main([*words, "--run-dir", str(tmp_path / "run")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("maze-run: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--no-such-option"], ["algorithm=a2c", "--sed", "1"], ["--seed", "x"], ["evaluate"]]
)
def test_wrong_options_are_one_line_and_status_2(words: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "error: " in err


def test_a_used_run_directory_is_refused(run: Path, capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["--run-dir", str(run)]) == 2
    assert "holds an earlier run" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["evaluate", "rollout"])
def test_an_unreadable_run_is_one_line_and_status_2(command: str, run: Path, tmp_path: Path, capsys: Capture) -> None:
    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    (damaged / "agent" / "weights.safetensors").write_bytes(b"nothing")
    for source in (damaged, tmp_path):
        assert main([command, str(source)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("maze-run: error: ")
        assert err.count("\n") == 1
    assert not (damaged / "rollout").exists()


# --- using a run --------------------------------------------------------------------------------------------------


def test_training_says_what_comes_next(tmp_path: Path, capsys: Capture) -> None:
    words = ["configuration=test", "algorithm=a2c", "tracking.mode=off", "--run-dir", str(tmp_path / "run")]
    assert main([*words, "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "trained 2 epochs" in out
    assert f"next: maze-run evaluate {tmp_path / 'run'}" in out
    assert main([*words, "--seed", "1", "--resume", "--silent"]) == 0
    assert capsys.readouterr().out == ""


def test_evaluate_prints_the_statistics(run: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(run), "--episodes", "3"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["n_episodes"] == 3
    assert main(["evaluate", str(run), "--episodes", "3"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert main(["evaluate", str(run), "--episodes", "2", "--stochastic", "--max-episode-steps", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_length"] <= 4


def test_rollout_says_where_the_files_are(run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["rollout", str(run), "--episodes", "2", "--output-dir", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 episodes, mean return ")
    for name in ("episodes.parquet", "steps.npz"):
        assert str(tmp_path / "out" / name) in out
        assert (tmp_path / "out" / name).is_file()


@pytest.mark.parametrize("words", [["evaluate", "--episodes", "0"], ["rollout", "--episodes", "-3"]])
def test_a_wrong_number_of_episodes_is_status_2(words: list[str], run: Path, capsys: Capture) -> None:
    assert main([words[0], str(run), *words[1:]]) == 2
    assert "n_episodes" in capsys.readouterr().err


def test_results_show_a_finished_pipeline(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    statistics = {"mean_return": 490.0, "std_return": 5.0, "n_episodes": 100, "mean_length": 490.0}
    write_json(out / "evaluate" / "3" / "metrics.json", statistics)
    write_json(out / "report" / "record.json", {"seeds": [3]})
    write_json(out / "report" / "metrics.json", summarise({3: statistics}))
    assert main(["results", "--out", str(out)]) == 0
    assert "490" in capsys.readouterr().out


def test_results_without_a_pipeline_are_status_2(tmp_path: Path, capsys: Capture) -> None:
    assert main(["results", "--out", str(tmp_path)]) == 2
    assert "record.json: does not exist" in capsys.readouterr().err
