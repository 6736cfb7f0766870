"""Numeric observations are cut off at bounds, others are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from maze.env import ObservationClippingWrapper, ObservationStackWrapper, make_vector_env
from maze.errors import InvalidSpecificationError
from tests.scripted import counting


def test_values_and_space() -> None:
    env = ObservationClippingWrapper.wrap(counting([9]), min_val=0.5, max_val=2.0)
    assert env.observation_space["observation"] == spaces.Box(0.5, 2.0, (2,), np.float32)
    seen = [env.reset(), *(env.step({"action": 0})[0] for _ in range(3))]
    assert [value["observation"][1] for value in seen] == [0.5, 1.0, 2.0, 2.0]
    vector = make_vector_env(lambda: ObservationClippingWrapper.wrap(counting([9]), min_val=0.5, max_val=2.0), 2)
    assert vector.reset([0, 1])["observation"].tolist() == [[0.5, 0.5]] * 2


def test_chosen_keys() -> None:
    config = [{"observation": "observation", "stack_steps": 1, "keep_original": True, "tag": "all"}]
    inner = ObservationStackWrapper.wrap(counting([9]), stack_config=config)
    env = ObservationClippingWrapper.wrap(inner, min_val=0.5, max_val=2.0, observations=["observation-all"])
    observation = env.reset()
    assert (observation["observation"].tolist(), observation["observation-all"].tolist()) == ([0, 0], [[0.5, 0.5]])
    with pytest.raises(InvalidSpecificationError, match="did you mean 'observation'"):
        ObservationClippingWrapper.wrap(counting([9]), min_val=0, max_val=1, observations=["obsevation"])
    with pytest.raises(InvalidSpecificationError, match=r"Wrapper\.min_val: 1 must be smaller than max_val 1"):
        ObservationClippingWrapper.wrap(counting([9]), min_val=1, max_val=1)
