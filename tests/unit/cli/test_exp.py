"""maze-run exp: what people write becomes dvc exp run -S, and what is wrong is said before DVC runs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from maze.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the working directory: a project with our pipeline and its parameters as they are committed."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("conf", "maze", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function from words to those of DVC's command."""

    def translate(*words: str) -> list[str]:
        assert main(["exp", *words, "--dry-run"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        command = shlex.split(out)
        assert command[:3] == ["dvc", "exp", "run"]
        return [word for word in command[3:] if word != "--set-param"]

    return translate


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["algorithm=ppo"], ["algorithm=ppo"]),
        (["algorithm=ppo", "algorithm.lr=3e-4"], ["algorithm=ppo", "++set.algorithm.lr=0.0003"]),
        (["algorithm=null"], ["algorithm=null"]),
        (["algorithm.lr={start: 0.1, end: 0.01}"], ["++set.algorithm.lr={start:0.1,end:0.01}"]),
        (["++algorithm.lr=3"], ["++set.algorithm.lr=3"]),
        (["++tags.note=a"], ["++tags.note=a"]),
        (["algorithm.lr.start=0.1"], ["++set.algorithm.lr.start=0.1"]),
        (["+experiment=cartpole_ppo"], ["experiment=cartpole_ppo"]),
        (["set.evaluation.n_episodes=3"], ["++set.evaluation.n_episodes=3"]),
        (["seeds=[0,1]"], ["seeds=[0,1]"]),
        (["seeds=0,1,2"], ["seeds=[0,1,2]"]),
        (["seeds=range(3)"], ["seeds=[0,1,2]"]),
        (["tags.note='a, b'"], ["++tags.note='a, b'"]),
        (["tracking.mode='off'"], ["++set.tracking.mode='off'"]),
        (
            ["experiment=pendulum_ppo", "wrappers.maze.env.rewards.RewardScalingWrapper.scale=0.2"],
            ["experiment=pendulum_ppo", "++set.wrappers.maze.env.rewards.RewardScalingWrapper.scale=0.2"],
        ),
        (["algorithm=a2c,ppo", "--queue"], ["--queue", "algorithm=a2c,ppo"]),
        (["algorithm.lr=choice(0.1,0.2)", "--queue"], ["--queue", "++set.algorithm.lr=0.1,0.2"]),
        (["seeds=[0],[1]", "--queue"], ["--queue", "seeds=[0],[1]"]),
        (["algorithm=ppo", "--name", "with-ppo", "--force"], ["--force", "--name", "with-ppo", "algorithm=ppo"]),
        ([], []),
    ],
    ids=str,
)
def test_natural_words_become_settings(settings: Any, words: list[str], expected: list[str]) -> None:
    if "--queue" in words:  # of which a queued experiment gets a copy
        subprocess.run(["git", "init", "--quiet"], check=True)
        subprocess.run(["git", "add", "--all"], check=True)
    assert settings(*words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algorithm=pppo"], "algorithm: 'pppo' not found; did you mean 'ppo'?"),
        (["algoritm=ppo"], "algoritm: no such key in the configuration; did you mean 'algorithm'?"),
        (["algorithm.lrr=1"], "algorithm.lrr: no such key in algorithm; did you mean 'lr'?"),
        (["algorithm.lr=fast"], "algorithm.lr: 'fast' is not accepted; accepted: number > 0"),
        (["algorithm.gamma=1.2"], "algorithm.gamma: 1.2 is not accepted; accepted: number >= 0 and <= 1."),
        (["algorithm=a2c,ppoo", "--queue"], "algorithm: 'ppoo' not found; did you mean 'ppo'?"),
        (["seeds=-1"], "seeds: -1 is not accepted; accepted: a whole number from 0 to 2**63 - 1."),
        (
            ["seeds=3"],
            "seeds: 3 is not accepted; accepted: a list of one or more whole numbers. "
            "One seed is a list, too: seeds=[3].",
        ),
        (["seeds=[]"], "seeds: [] is not accepted; accepted: a list of one or more whole numbers."),
        (["seeds=3"], "seeds: 3 is not accepted; accepted: a list"),
        (["seeds=0,0"], "seeds: 0 is given more than once"),
        (["seeds=[-1]"], "seeds.0: -1 is not accepted; accepted: a whole number"),
        (["seeds=[1.5]"], "seeds.0: 1.5 is not accepted; accepted: a whole number"),
        (["seeds=['0; echo X']"], "seeds.0: '0; echo X' is not accepted; accepted: a whole number"),
        (["seeds=[0; echo X]"], "'seeds=[0; echo X]' is not understood"),
        (["seed=3"], "'seed' is no key here: a pipeline has a list of seeds; write seeds=[3]."),
        (["launcher=joblib"], "launcher: no choice of a pipeline"),
        (["env.name='${seeds}'"], "env.name: '${seeds}' is not accepted; DVC would take ${...} for a template."),
        (["code=nowhere"], "code: 'nowhere' is not there"),
        (["build/config.yaml:algorithm.lr=3"], "'build/config.yaml:algorithm.lr=3': no file is named here"),
        (["algorithm=a2c,ppo"], "these words mean 2 experiments; add --queue"),
        (["algorithm=ppo", "algorithm=a2c"], "'algorithm=ppo' and 'algorithm=a2c' choose the same; give one."),
        (["experiment=cartpole_a2c", "algorithm=ppo"], "experiment 'cartpole_a2c' tunes the algorithm 'a2c'"),
        (["++algorithm.lrr=1"], "algorithm.lrr: no such key of A2CAlgorithmConfig; did you mean 'lr'?"),
        (["++algorithm.lr=fast"], "algorithm.lr: 'fast' is not accepted; accepted: number > 0"),
        (
            ["++env.sutton_barto_reward=true"],
            "env.sutton_barto_reward: the configuration has no such key, and only params.yaml can add one; write "
            "there, under set: '++env.sutton_barto_reward': true",
        ),
        (["rollout.n_episodes=1e9"], "rollout.n_episodes: 1000000000.0 is not accepted; accepted: whole number"),
        (["config_dir=nope"], "config_dir: 'nope' is not there"),
        (["algorithm=ppo", "--name", ""], "--name: '' is not accepted; accepted: letters, digits"),
        (["algorithm.lr=interval(0,1)", "--queue"], "'algorithm.lr=interval(0,1)': interval() is for a search"),
        (["algorithm=ppo", "--name", "a/b"], "--name: 'a/b' is not accepted; did you mean 'a-b'?"),
        (["algorithm=ppo", "--name", "x.lock"], "--name: 'x.lock' is not accepted; did you mean 'x-lock'?"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_dvc_runs(refused: Any, words: list[str], message: str) -> None:
    assert refused("exp", *words).startswith(message)


def test_too_many_experiments_are_refused(refused: Any) -> None:
    assert "are too many for a queue" in refused("exp", "--queue", "algorithm.lr=range(1,2000)")


def test_a_damaged_params_yaml_is_said_with_its_line(refused: Any, project: Path) -> None:
    (project / "params.yaml").write_text("seeds: [0]\n<<<<<<< ours\n", encoding="utf-8")
    assert refused("exp", "algorithm=ppo").startswith("params.yaml: line 2: a merge conflict was left")


def test_a_value_below_one_that_has_no_keys_is_refused(refused: Any, project: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    (project / "params.yaml").write_text(yaml.safe_dump({**params, "set": {"env": 3}}), encoding="utf-8")
    assert "set.env is 3 in params.yaml, and has no keys" in refused("exp", "env.name=CartPole-v1")


def test_outside_of_a_project_it_says_where_to_go(refused: Any, project: Path) -> None:
    (project / "dvc.yaml").unlink()
    assert "no pipeline here (dvc.yaml)" in refused("exp", "algorithm=ppo")


def test_queued_experiments_need_files_that_git_knows(refused: Any) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert "the pipeline depends on files that git does not know" in refused("exp", "algorithm=ppo", "--queue")
