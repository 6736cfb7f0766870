"""The factory gives instances of its class, whatever the configuration says, or an error that names both."""

from __future__ import annotations

import pytest

from maze import Factory, GymMazeEnv, MazeEnv
from maze.errors import InvalidSpecificationError


def test_mappings_become_objects_and_objects_pass() -> None:
    env = Factory(MazeEnv).instantiate({"_target_": "maze.env.maze_env.GymMazeEnv", "env": "CartPole-v1"})
    assert isinstance(env, GymMazeEnv)
    assert Factory(MazeEnv).instantiate(env) is env
    acrobot = Factory(GymMazeEnv).instantiate({"_target_": "maze.GymMazeEnv"}, env="Acrobot-v1")
    assert acrobot.env.spec is not None
    assert acrobot.env.spec.id == "Acrobot-v1"


def test_given_arguments_win_over_the_mappings() -> None:
    config = {"_target_": "maze.make_gym_maze_env", "name": "CartPole-v1"}
    env = Factory(GymMazeEnv).instantiate(config, name="Acrobot-v1")
    assert env.env.spec is not None
    assert env.env.spec.id == "Acrobot-v1"
    assert config == {"_target_": "maze.make_gym_maze_env", "name": "CartPole-v1"}


def test_what_is_of_another_class_is_refused() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"MazeEnv: .* of the class Tanh is not accepted"):
        Factory(MazeEnv).instantiate({"_target_": "torch.nn.Tanh"})
    with pytest.raises(InvalidSpecificationError, match=r"'CartPole-v1' of the class str .* an instance of MazeEnv"):
        Factory(MazeEnv).instantiate("CartPole-v1")
    with pytest.raises(InvalidSpecificationError, match="without _target_"):
        Factory(MazeEnv).instantiate({"env": "CartPole-v1"})
    with pytest.raises(InvalidSpecificationError, match="env can be given only with a mapping"):
        Factory(MazeEnv).instantiate(GymMazeEnv("CartPole-v1"), env="CartPole-v1")
    with pytest.raises(InvalidSpecificationError, match="accepted is a class"):
        Factory(lambda: 1)
