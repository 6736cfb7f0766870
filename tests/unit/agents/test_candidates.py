"""The most probable joint actions, against trying all of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze import RunContext
from maze.agents.candidates import top_candidates
from maze.distributions import DistributionMapper
from maze.errors import MazeError

SPACE = spaces.Dict(
    {
        "a": spaces.Discrete(3, start=2),
        "b": spaces.MultiDiscrete([[2, 3]], start=[[0, 5]]),
        "c": spaces.MultiBinary(2),
    }
)


def test_the_best_of_all_combinations_by_trying_them() -> None:
    mapper = DistributionMapper(SPACE)
    generator = torch.Generator().manual_seed(3)
    logits = {head: torch.randn((1, *shape), generator=generator) for head, shape in mapper.logits_shapes.items()}
    distribution = mapper.distribution(logits)
    every = {}
    for a, b, c in itertools.product(
        range(2, 5), itertools.product((0, 1), (5, 6, 7)), itertools.product((0, 1), repeat=2)
    ):
        action = {"a": torch.tensor([a]), "b": torch.tensor([[list(b)]]), "c": torch.tensor([list(c)])}
        every[(a, b, c)] = float(distribution.log_prob(action).exp())
    actions, probabilities = top_candidates(distribution.heads, None)
    assert len(actions) == 3 * 6 * 4
    assert sum(probabilities) == pytest.approx(1.0, abs=1e-5)
    expected = sorted(every, key=lambda one: -every[one])
    found = [(int(one["a"]), tuple(one["b"].ravel().tolist()), tuple(one["c"].tolist())) for one in actions]
    assert found == expected
    assert probabilities == pytest.approx([every[one] for one in expected], rel=1e-4)
    assert all(SPACE["b"].contains(one["b"]) and SPACE["c"].contains(one["c"]) for one in actions)
    few, _ = top_candidates(distribution.heads, 5)
    assert [int(one["a"]) for one in few] == [one[0] for one in expected[:5]]


def test_equally_probable_ones_come_in_order_and_half_is_half() -> None:
    mapper = DistributionMapper(spaces.Dict({"action": spaces.Discrete(4)}))
    actions, probabilities = top_candidates(mapper.distribution({"action": torch.zeros(1, 4)}).heads, 2)
    assert [int(one["action"]) for one in actions] == [0, 1]
    assert probabilities == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "3"])
def test_numbers_that_are_none_are_refused(number: object) -> None:
    mapper = DistributionMapper(spaces.Dict({"action": spaces.Discrete(2)}))
    with pytest.raises(MazeError, match=r"num_candidates: .* is not accepted; accepted: a whole number from 1"):
        top_candidates(mapper.distribution({"action": torch.zeros(1, 2)}).heads, number)  # type: ignore[arg-type]


def test_too_many_and_continuous_actions_say_what_to_do() -> None:
    coins = DistributionMapper(spaces.Dict({"action": spaces.MultiBinary(20)}))
    heads = coins.distribution({"action": torch.zeros(1, 20)}).heads
    with pytest.raises(MazeError, match="None would list 1,048,576 actions; name a number up to 100,000"):
        top_candidates(heads, None)
    assert len(top_candidates(heads, 3)[0]) == 3
    box = DistributionMapper(spaces.Dict({"force": spaces.Box(-1.0, 1.0, (1,))}))
    logits = {head: torch.zeros((1, *shape)) for head, shape in box.logits_shapes.items()}
    with pytest.raises(MazeError, match=r"force: actions of \w+ cannot be counted"):
        top_candidates(box.distribution(logits).heads, 1)


def test_the_policy_of_a_run_names_its_candidates() -> None:
    rc = RunContext(configuration="test", overrides={"tracking.mode": "off"}, seed=1, silent=True)
    observation = {"observation": np.array([0.0, 0.3, 0.05, -0.2], np.float32)}
    actions, probabilities = rc.policy.compute_top_action_candidates(observation, 2)
    assert math.isclose(sum(probabilities), 1.0, rel_tol=1e-5)
    assert probabilities[0] >= probabilities[1]
    likely = rc.policy.compute_action(observation, deterministic=True)["action"]
    assert actions[0]["action"] == likely
    assert actions[0]["action"].dtype == likely.dtype
    with pytest.raises(MazeError, match="accepted is one observation at a time"):
        rc.policy.compute_top_action_candidates({"observation": np.zeros((2, 4), np.float32)})
