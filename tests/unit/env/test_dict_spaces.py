"""Dictionaries put on and taken off, for other libraries and back."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from maze.env import (
    DictActionWrapper,
    DictObservationWrapper,
    DiscretizeActionsWrapper,
    GymMazeEnv,
    NoDictActionWrapper,
    NoDictObservationWrapper,
    NoDictSpacesWrapper,
    ObservationStackWrapper,
    as_gymnasium,
    make_vector_env,
)
from maze.errors import EnvError, InvalidSpecificationError
from tests.scripted import counting


def test_without_dictionaries_and_with_them_again() -> None:
    bare = NoDictSpacesWrapper.wrap(counting([2]))
    assert bare.observation_space == spaces.Box(-1000.0, 1000.0, (2,), np.float32)
    assert bare.action_space == spaces.Discrete(2)
    assert bare.reset().tolist() == [0, 0]  # type: ignore[attr-defined]
    observation, reward, done, info = bare.step(1)
    assert (observation.tolist(), reward, done, info["terminated"]) == ([0, 1], 1.0, False, False)  # type: ignore[attr-defined]
    again = DictObservationWrapper.wrap(DictActionWrapper.wrap(bare))
    assert again.observation_space == counting().observation_space
    assert again.action_space == counting().action_space
    observation, reward, done, _ = again.step({"action": 1})
    assert (observation["observation"].tolist(), reward, done) == ([0, 2], 2.0, True)


def test_dictionaries_stay_as_they_are() -> None:
    env = DictObservationWrapper.wrap(DictActionWrapper.wrap(counting([2])))
    assert env.reset()["observation"].tolist() == [0, 0]
    assert env.step({"action": 0})[0]["observation"].tolist() == [0, 1]
    assert env.action_space == counting().action_space


def test_only_one_side() -> None:
    env = NoDictObservationWrapper.wrap(counting([2]))
    assert env.reset().tolist() == [0, 0]  # type: ignore[attr-defined]
    assert env.step({"action": 0})[1] == 1.0
    assert NoDictActionWrapper.wrap(counting([2])).reset()["observation"].tolist() == [0, 0]


def test_gymnasium_accepts_the_view() -> None:
    env = GymMazeEnv("Pendulum-v1")
    bins = DiscretizeActionsWrapper.wrap(env, discretization_config={"action": {"num_bins": 3}})
    view = as_gymnasium(NoDictSpacesWrapper.wrap(bins))
    assert view.action_space == spaces.Discrete(3)
    check_env(view, skip_render_check=True)


def test_wrong_use_is_explained() -> None:
    config = [{"observation": "observation", "stack_steps": 2, "keep_original": True, "tag": "x"}]
    env = ObservationStackWrapper.wrap(counting([2]), stack_config=config)
    with pytest.raises(InvalidSpecificationError, match=r"Only a single observation .*'observation-x'"):
        NoDictSpacesWrapper.wrap(env)
    with pytest.raises(EnvError, match=r"only Dict spaces have batches"):
        make_vector_env(lambda: NoDictSpacesWrapper.wrap(counting([2])), 2)
