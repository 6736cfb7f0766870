"""maze-run -cn conf_rollout: what it plays, prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maze.cli import main

Capture = pytest.CaptureFixture[str]
TINY = ("-cn", "conf_rollout", "configuration=test", "--seed", "3")


def test_a_rollout_says_where_everything_is(tmp_path: Path, capsys: Capture) -> None:
    run_dir = tmp_path / "run"
    assert main([*TINY, "--run-dir", str(run_dir)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 episodes, mean return 10.0")
    assert f"record: {run_dir / 'record.json'}" in out
    assert f"run directory: {run_dir}" in out
    assert json.loads((run_dir / "record.json").read_text())["config"]["seeding"]["agent_base_seed"] == 3


def test_silent_prints_nothing(tmp_path: Path, capsys: Capture) -> None:
    assert main([*TINY, "--silent", f"run_dir={tmp_path / 'run'}"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_trained_agent_plays_in_its_own_wrappers(run: Path, tmp_path: Path, composed: Any) -> None:
    words = [*TINY, "policy=torch_policy", f"input_dir={run}"]
    assert composed(*words, "env.name=CartPole-v0")["env"]["name"] == "CartPole-v0"
    assert main([*words, "--silent", "--run-dir", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "--resume is for training"),
        (["--multirun"], "--multirun is for training"),
        (["policy=torch_policy"], "policy=torch_policy needs the directory of a trained run"),
        (["policy=torch_policy", "input_dir=no/such/run"], "no/such/run"),
        (["input_dir=x"], "is used by policy=torch_policy alone"),
        (["policy=flatten_concat"], "weights nobody has trained"),
        (["runner=dev"], "'dev' trains; accepted in a rollout: 'parallel', 'sequential'"),
        (["algorithm=a2c"], "a rollout has no algorithm"),
        (["critic=template_state"], "nothing is learnt in a rollout"),
        (["runner.n_episodes=0"], "runner.n_episodes: 0 is not accepted"),
        (["policy=random_polcy"], "did you mean 'random_policy'"),
        (["env.name=NoSuchEnv-v0"], "NoSuchEnv-v0"),
    ],
)
def test_wrong_input_leaves_nothing_behind(words: list[str], message: str, tmp_path: Path, refused: Any) -> None:
    assert message in refused(*TINY, *words, "--run-dir", str(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []
