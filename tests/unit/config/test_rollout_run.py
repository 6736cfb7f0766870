"""The configuration of rollouts: composed, checked, written down and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze.config.rollout_run import RolloutRunConfig, RolloutRunnerConfig, compose_rollout, plays
from maze.errors import InvalidSpecificationError


def test_the_defaults_play_random_actions_one_episode_after_another() -> None:
    config = compose_rollout({})
    assert config.policy["_target_"] == "maze.agents.random_policy.RandomPolicy"
    assert config.runner == RolloutRunnerConfig()
    assert config.section("model") == {}
    assert config.choices == {
        "configuration": None,
        "env": "gym_env",
        "experiment": None,
        "model": None,
        "policy": "random_policy",
        "runner": "sequential",
        "wrappers": "no_wrappers",
    }


@pytest.mark.parametrize("runner", ["sequential", "parallel"])
def test_the_files_say_what_the_class_says(runner: str) -> None:
    expected = RolloutRunnerConfig() if runner == "sequential" else RolloutRunnerConfig(n_envs=None)
    assert compose_rollout({"runner": runner}).runner == expected
    small = compose_rollout({"runner": runner, "configuration": "test"}).runner
    assert (small.n_episodes, small.max_episode_steps) == (2, 10)


def test_yaml_reads_back_equal(tmp_path: Path) -> None:
    config = compose_rollout(
        {"wrappers": "vector_obs", "runner": "parallel"},
        {"tags.note": "${not}", "wrappers.0.exclude": ["x"], "env": {"_target_": "maze.env.GymMazeEnv", "env": "A"}},
    )
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert RolloutRunConfig.from_yaml(path) == config
    assert config.tags == {"note": "${not}"}
    assert config.section("wrappers")[0]["exclude"] == ["x"]
    assert config.choices["env"] is None


def test_policy_is_no_alias_for_a_part_of_the_model() -> None:
    config = compose_rollout({"policy": "torch_policy"}, {"policy.device": "cuda"})
    assert config.policy["device"] == "cuda"
    assert config.section("model") == {}


def test_seeds() -> None:
    config = compose_rollout({}, {"seeding.env_base_seed": 3})
    assert config.with_seeds(8, keep=True).seeding.env_base_seed == 3
    assert config.with_seeds(8, keep=True).seeding.agent_base_seed == 8
    assert config.with_seeds(8).seeding.env_base_seed == 8


def test_former_spellings() -> None:
    assert RolloutRunnerConfig(n_envs=None, n_processes=5).side_by_side == 5
    assert RolloutRunnerConfig(n_envs=3).side_by_side == 3
    assert RolloutRunnerConfig(max_episode_steps=0).settings.max_episode_steps is None
    assert RolloutRunnerConfig(max_episode_steps=7).settings.max_episode_steps == 7


@pytest.mark.parametrize(
    ("choices", "values", "message"),
    [
        ({"policy": "flatten_concat"}, {}, "weights nobody has trained"),
        ({"policy": "null"}, {}, "policy: a rollout needs one"),
        ({"env": "nope"}, {}, "env: 'nope' not found"),
        ({"runner": "dev"}, {}, "runner: 'dev' trains"),
        ({"algorithm": "ppo"}, {}, "a rollout has no algorithm"),
        ({"polcy": "x"}, {}, "polcy: no such group; did you mean 'policy'"),
        ({}, {"runner.n_episode": 1}, "did you mean 'n_episodes'"),
        ({}, {"runner.n_envs": 0}, "runner.n_envs: 0 is not accepted"),
        ({}, {"policy": "torch_policy"}, "choose with policy='torch_policy'"),
        ({}, {"policy": {"_target_": "os.system"}}, "does not belong to an allowed module"),
        ({}, {"input_dir": 3}, "input_dir: 3 is not accepted"),
    ],
)
def test_what_is_wrong_is_named(choices: dict[str, str], values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_rollout(choices, values)
    assert message in str(caught.value)


def test_a_root_without_an_algorithm_plays(tmp_path: Path) -> None:
    assert plays("conf_rollout")
    assert not plays("conf_train")
    (tmp_path / "mine.yaml").write_text("defaults: [conf_rollout, _self_, override runner: parallel]\n")
    assert plays("mine", tmp_path)
    config = compose_rollout({}, config_name="mine", config_dir=tmp_path)
    assert config.choices["runner"] == "parallel"
    with pytest.raises(InvalidSpecificationError, match="'conf_train' trains"):
        compose_rollout({}, config_name="conf_train")
