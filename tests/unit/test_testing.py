"""Jobs for people who test their configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze import InvalidSpecificationError, RunConfig, RunContext
from maze.testing import run_maze_job


def test_a_job_is_what_the_command_would_have_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "algorithm": "a2c",
        "configuration": "test",
        "critic": None,
        "env.name": "CartPole-v0",
        "algorithm.lr": "3e-4",
        "algorithm.normalize_advantages": True,
        "evaluation": {"n_episodes": 3, "n_envs": None},
        "model.policy.networks.0.hidden_units": [8, 4],
        "++tags.note": "words",
    }
    given = dict(values)
    run_dir = run_maze_job(values, run_dir=tmp_path / "run", seed=4)
    assert (run_dir, values) == (tmp_path / "run", given)
    config = RunConfig.from_yaml(run_dir / "agent/config.yaml")
    assert config.algorithm["_target_"].endswith("A2CAlgorithmConfig")
    assert (config.algorithm.lr, config.algorithm.normalize_advantages) == (3e-4, True)
    assert list(config.model.policy.networks[0].hidden_units) == [8, 4]
    assert config.seeding.env_base_seed == 4
    assert RunContext.load(run_dir).evaluate(n_episodes=1).statistics["n_episodes"] == 1
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "mlflow.db").exists()


def test_texts_within_lists_are_texts(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"wrappers\.0.*\"it's, \[one\] 1\""):
        run_maze_job({"configuration": "test", "wrappers": ["it's, [one] 1"]}, run_dir=tmp_path / "run")


def test_without_a_directory_every_job_has_its_own() -> None:
    first, second = (run_maze_job({"configuration": "test", "algorithm.n_epochs": 1}) for _ in range(2))
    assert first != second
    assert (first / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hydra_overrides": {"algorithm": "pppo"}}, "algorithm: 'pppo' not found.*ppo"),
        ({"hydra_overrides": {}, "config_module": "nowhere.conf"}, "config_module: 'nowhere.conf' was not found"),
        ({"hydra_overrides": {}, "config_dir": "nowhere"}, "config_dir: 'nowhere' is not a directory"),
    ],
)
def test_what_is_wrong_is_raised(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        run_maze_job(**arguments)  # type: ignore[arg-type]
