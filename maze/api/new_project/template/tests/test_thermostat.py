"""The environment keeps its interface, and its numbers are those of its formula."""

import warnings

import pytest
from gymnasium.utils.env_checker import check_env

from my_project.thermostat import TARGET, Thermostat


def test_it_is_a_gymnasium_environment():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checker remarks that observations have no bounds
        check_env(Thermostat(), skip_render_check=True)


def test_a_step_is_the_formula():
    env = Thermostat(power=2.0, loss=0.5)
    env.reset(seed=0)
    env.room, env.outside = TARGET, TARGET - 4.0
    observation, reward, terminated, truncated, _ = env.step(1)
    assert observation.tolist() == [0.0, 16.0]  # 2 degrees of heating, and 2 that are lost
    assert (reward, terminated, truncated) == (1.0, False, False)
    observation, reward, *_ = env.step(0)
    assert observation[0] == -2.0
    assert reward == pytest.approx(0.6)


def test_an_episode_has_its_length():
    env = Thermostat(length=3)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]
