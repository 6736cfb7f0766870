"""Random actions lie in the action space, whatever it is, and follow their seed."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from maze.agents import RandomPolicy
from maze.errors import InvalidSpecificationError
from maze.types import ActorID

INFINITY = np.inf
SPACES = {
    "discrete": spaces.Discrete(5),
    "shifted": spaces.Discrete(3, start=-7),
    "multi_discrete": spaces.MultiDiscrete([2, 3, 4]),
    "started": spaces.MultiDiscrete([2, 2], start=[5, -5]),
    "matrix": spaces.MultiDiscrete(np.array([[2, 3], [4, 5]])),
    "binary": spaces.MultiBinary(6),
    "grid": spaces.MultiBinary((2, 3)),
    "bounded": spaces.Box(-2.0, 3.0, (2, 2), np.float32),
    "narrow": spaces.Box(np.float32(0.1), np.float32(0.1000001), (3,), np.float32),
    "mixed": spaces.Box(
        np.array([-1.0, -INFINITY, 4.0, -INFINITY], np.float32), np.array([1.0, 2.0, INFINITY, INFINITY], np.float32)
    ),
    "double": spaces.Box(-1e300, 1e300, (2,), np.float64),
    "bytes": spaces.Box(0, 255, (4,), np.uint8),
    "scalar": spaces.Box(-1.0, 1.0, (), np.float32),
}


@pytest.mark.parametrize("name", SPACES)
def test_actions_lie_in_the_space(name: str) -> None:
    space = SPACES[name]
    policy = RandomPolicy({0: spaces.Dict({"action": space})}, seed=1)
    batch = policy.act({"observation": np.zeros((500, 1))}, np.random.default_rng(2))["action"]
    assert batch.shape == (500, *(space.shape or ()))
    assert all(space.contains(np.asarray(action)) for action in batch)
    assert space.contains(policy.compute_action({"observation": np.zeros(1)})["action"])


def test_every_action_comes_up_about_equally_often() -> None:
    policy = RandomPolicy({0: spaces.Dict({"a": spaces.Discrete(4, start=2), "b": spaces.Box(0.0, 8.0, ())})})
    actions = policy.act({"observation": np.zeros((4000, 1))}, np.random.default_rng(0))
    assert np.bincount(actions["a"])[2:] == pytest.approx([1000] * 4, abs=120)
    assert actions["b"].mean() == pytest.approx(4.0, abs=0.2)
    assert actions["b"].std() == pytest.approx(8.0 / 12**0.5, abs=0.1)


def test_equal_seeds_give_equal_actions() -> None:
    space = {0: spaces.Dict({"a": spaces.Discrete(100), "b": SPACES["mixed"]})}
    observation = {"observation": np.zeros((3, 1))}
    draws = [RandomPolicy(space).act(observation, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert all(np.array_equal(draws[0][head], draws[1][head]) for head in ("a", "b"))
    assert not np.array_equal(draws[0]["b"], draws[2]["b"])
    policy = RandomPolicy(space, seed=5)
    first = policy.compute_action(observation)
    policy.seed(5)
    assert np.array_equal(first["b"], policy.compute_action(observation)["b"])


def test_sub_steps_have_spaces_of_their_own() -> None:
    policy = RandomPolicy(
        {0: spaces.Dict({"a": spaces.Discrete(2)}), "pick": spaces.Dict({"b": spaces.Discrete(9, start=50)})}
    )
    assert list(policy.compute_action({})) == ["a"]
    assert policy.compute_action({}, actor_id=ActorID("pick", 0))["b"] >= 50


def test_other_spaces_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'text': Text is not accepted.*accepted: Box, Discrete"):
        RandomPolicy({0: spaces.Dict({"text": spaces.Text(3)})})


def test_masks_are_obeyed_where_the_observation_space_has_them() -> None:
    actions = {0: spaces.Dict({"action": spaces.Discrete(3)})}
    observed = {0: spaces.Dict({"action_mask": spaces.MultiBinary(3), "observation": spaces.Box(0, 1, (1,))})}
    masks = {"action_mask": np.tile(np.int8([0, 1, 0]), (50, 1)), "observation": np.zeros((50, 1))}
    policy = RandomPolicy(actions, seed=1, observation_spaces_dict=observed)
    assert set(policy.act(masks, np.random.default_rng(0))["action"].tolist()) == {1}
    assert int(policy.compute_action({key: value[0] for key, value in masks.items()})["action"]) == 1
    wrong = {0: spaces.Dict({"action_mask": spaces.MultiBinary(4)})}
    with pytest.raises(InvalidSpecificationError, match=r"'action_mask' is MultiBinary\(4\).*needs MultiBinary\(3\)"):
        RandomPolicy(actions, observation_spaces_dict=wrong)


def test_one_action_space_is_that_of_the_first_step_key() -> None:
    space = spaces.Dict({"action": spaces.Discrete(5)})
    observation = {"observation": np.zeros((20, 1))}
    alone, keyed = RandomPolicy(space), RandomPolicy({0: space})
    expected = keyed.act(observation, np.random.default_rng(3))["action"]
    np.testing.assert_array_equal(alone.act(observation, np.random.default_rng(3))["action"], expected)
    assert space.contains(alone.compute_action({"observation": np.zeros(1)}, actor_id=ActorID(0, 0)))


@pytest.mark.parametrize("given", [5, {}, {0: 5}, {0: spaces.Discrete(2)}, spaces.Discrete(2), None])
def test_what_are_no_action_spaces_is_refused_with_what_is_accepted(given: object) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"action_spaces_dict: .* such as env\.action_spaces_dict"):
        RandomPolicy(given)  # type: ignore[arg-type]
