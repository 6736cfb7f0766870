"""Policies with state remember each episode for itself, and forget where episodes begin."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from maze.agents import TorchPolicy
from maze.agents.network_state import run_over_time, state_shapes_of
from maze.distributions import DistributionMapper
from maze.errors import InvalidSpecificationError, MazeError
from tests.remembering import CountingNet, GRUNet

SHAPES = {"observation": (2,)}
LOGITS = {"action": (2,)}


def policy_of(network: type[nn.Module] = GRUNet) -> TorchPolicy:
    mapper = DistributionMapper(spaces.Dict(action=spaces.Discrete(2)))
    return TorchPolicy({0: network(SHAPES, LOGITS)}, {0: mapper}, observation_shapes={0: SHAPES})


def observations(n_rows: int, seed: int = 0) -> dict[str, Any]:
    return {"observation": np.random.default_rng(seed).standard_normal((n_rows, 2)).astype(np.float32)}


def test_rows_know_nothing_of_each_other() -> None:
    policy, rng = policy_of(), np.random.default_rng(0)
    together, alone = policy.remembering(3), policy.remembering(1)
    assert together is not None
    assert alone is not None
    for step in range(4):
        batch = observations(3, step)
        together.act(batch, rng)
        batch["observation"][[0, 2]] += 100.0  # of the others
        alone.act({"observation": batch["observation"][1:2]}, rng)
    np.testing.assert_allclose(together.state["hidden"][1:2], alone.state["hidden"], rtol=1e-5, atol=1e-6)


def test_forgetting_some_rows_leaves_the_others() -> None:
    player, rng = policy_of(CountingNet).remembering(3), np.random.default_rng(0)
    assert player is not None
    for _ in range(2):
        player.act(observations(3), rng)
    player.forget(np.array([False, True, False]))
    assert player.state["count"].tolist() == [[2], [0], [2]]
    assert (player.state["seen"] == 0.0).all(1).tolist() == [False, True, False]
    player.act(observations(3), rng)
    assert player.state["count"].tolist() == [[3], [1], [3]]
    saved = player.state_dict()
    player.forget()
    assert not any(part.any() for part in player.state.values())
    player.load_state_dict(saved)
    assert player.state["count"].tolist() == [[3], [1], [3]]


def test_a_policy_with_state_does_not_act_without_it() -> None:
    with pytest.raises(MazeError, match=r"carries a state.*remembering\(n_rows\)"):
        policy_of().act(observations(1), np.random.default_rng(0))


def test_acting_writes_into_nothing_that_it_is_given() -> None:
    policy = policy_of()
    state = policy.initial_state(2)
    batch = observations(2)
    before = copy.deepcopy((batch, state))
    _, following = policy.act_with_state(batch, state, np.random.default_rng(0))
    np.testing.assert_equal((batch, state), before)
    assert following["hidden"].any()


def test_compute_action_goes_on_until_an_episode_begins() -> None:
    policy = policy_of(CountingNet)
    policy.seed(0)
    single = {"observation": np.zeros(2, np.float32)}

    def counts() -> dict[tuple[int, ...], Any]:
        players = policy._remembered._players
        return {leading: player.state["count"].ravel().tolist() for (_, _, leading), player in players.items()}

    for _ in range(3):
        policy.compute_action(single)
    policy.compute_action(observations(2))
    policy.compute_action({"observation": np.zeros((2, 2, 2), np.float32)})
    assert counts() == {(): [3.0], (2,): [1.0, 1.0], (2, 2): [1.0] * 4}  # each shape of batches by itself
    policy.begin_episode(np.array([True, False]))
    policy.compute_action(observations(2))
    assert counts() == {(): [3.0], (2,): [1.0, 2.0], (2, 2): [1.0] * 4}
    policy.begin_episode()
    policy.compute_action(single)
    assert counts() == {(): [1.0]}
    with pytest.raises(MazeError, match="array of bool"):
        policy.begin_episode([0, 1])  # type: ignore[arg-type]


def test_a_player_does_not_disturb_another_one() -> None:
    policy, rng = policy_of(CountingNet), np.random.default_rng(0)
    first, second = policy.remembering(1), policy.remembering(1)
    assert first is not None
    assert second is not None
    first.act(observations(1), rng)
    policy.compute_action({"observation": np.zeros(2, np.float32)})
    second.act(observations(1), rng)
    first.act(observations(1), rng)
    assert (first.state["count"].item(), second.state["count"].item()) == (2.0, 1.0)


def test_policies_without_state_have_no_players() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, observation: Any) -> Any:
            return {"action": self.layer(observation["observation"])}

    policy = TorchPolicy({0: Plain()}, {0: DistributionMapper(spaces.Dict(action=spaces.Discrete(2)))})
    assert policy.remembering(2) is None
    assert policy.initial_state(2) == {}
    policy.begin_episode()  # makes no difference
    value = {"observation": torch.randn(3, 2, 2)}
    over_time = run_over_time(policy.networks[0], value, {}, torch.ones((3, 2), dtype=torch.bool))["action"]
    torch.testing.assert_close(over_time, policy.networks[0](value)["action"])


def test_shapes_that_are_none_are_refused() -> None:
    network = nn.Linear(1, 1)
    network.state_shapes = ["hidden"]  # type: ignore[assignment]
    with pytest.raises(InvalidSpecificationError, match=r"Linear\.state_shapes: \['hidden'\].*'hidden': \(32,\)"):
        state_shapes_of(network)
