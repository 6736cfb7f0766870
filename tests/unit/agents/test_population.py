"""A population acts as its members would, each by itself, whatever else is in it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from maze.agents import PopulationPolicy, TorchPolicy
from maze.distributions import DistributionMapper
from maze.perception import FlattenConcatPolicyNet
from maze.seeding import seeded_torch

DISCRETE = spaces.Dict({"action": spaces.Discrete(3)})
BOX = spaces.Dict({"action": spaces.Box(-2.0, 3.0, (2,), np.float32)})
FREE_BOX = spaces.Dict({"left": spaces.Box(-np.inf, np.inf, (2,), np.float32), "right": spaces.Discrete(2)})
SHAPES = {"image": (3, 5), "vector": (4,)}
FREE = [{"action_head": "left", "distribution": "gaussian", "args": {"state_dependent_std": False}}]


class Recurrent(nn.Module):
    """Reads the vector number by number."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.cell = nn.LSTM(1, 6, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(6, 3)
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        hidden = self.drop(self.cell(observation["vector"].unsqueeze(-1))[0][:, -1])
        return {"action": self.head(hidden + self.shift)}


class Noisy(nn.Module):
    """Draws from torch's global generator whenever it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = self.head(observation["vector"])
        return {"action": logits + 10.0 * torch.randn_like(logits)}


def dense(action_space: spaces.Dict, mask_keys: Any = None, **settings: Any) -> TorchPolicy:
    mapper = DistributionMapper(action_space, **settings)
    network = FlattenConcatPolicyNet(SHAPES, mapper.logits_shapes, nn.Tanh, [7, 5], torch.Generator().manual_seed(0))
    return TorchPolicy({0: network}, {0: mapper}, mask_keys=mask_keys)


def wrapped(network: nn.Module) -> TorchPolicy:
    return TorchPolicy({0: network}, {0: DistributionMapper(DISCRETE)})


POLICIES = {
    "categorical": lambda: dense(DISCRETE),
    "squashed": lambda: dense(BOX),
    "free vector and two heads": lambda: dense(FREE_BOX, distribution_mapper_config=FREE),
    "masked": lambda: dense(DISCRETE, mask_keys={0: {"action": "action_mask"}}),
    "recurrent": lambda: wrapped(Recurrent()),
}
ALL = pytest.mark.parametrize("name", POLICIES)


def observations(n_rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 2, (n_rows, 3)).astype(np.int8)
    mask[:, 0] = 1
    arrays = {key: rng.standard_normal((n_rows, *shape)).astype(np.float32) for key, shape in SHAPES.items()}
    return {**arrays, "action_mask": mask}


def population(policy: TorchPolicy, n_members: int, first: int = 0) -> PopulationPolicy:
    """Return members that are numbered from `first` on, with weights of their own."""
    made = PopulationPolicy(policy, n_members)
    for row in range(n_members):
        made.parameters[row] += np.random.default_rng(100 + first + row).standard_normal(made.parameters.shape[1])
    made.begin([1000 + first + row for row in range(n_members)])
    return made


def alone(policy: TorchPolicy, row: np.ndarray) -> TorchPolicy:
    """Return the policy with the weights of a row."""
    member = copy.deepcopy(policy)
    nn.utils.vector_to_parameters(torch.from_numpy(row.copy()), member.parameters())
    return member


@ALL
@pytest.mark.parametrize("deterministic", [True, False])
def test_every_member_acts_as_by_itself(name: str, deterministic: bool) -> None:
    with seeded_torch(0):
        policy = POLICIES[name]()
    made, observation = population(policy, 6), observations(6)
    rng = np.random.default_rng(0)
    generators = [np.random.Generator(np.random.PCG64(1000 + row)) for row in range(6)]
    for _ in range(3):
        actions = made.act(observation, rng, deterministic)
        for row in range(6):
            own = {key: values[row : row + 1] for key, values in observation.items()}
            expected = alone(policy, made.parameters[row]).act(own, generators[row], deterministic)
            for head, value in expected.items():
                assert actions[head].dtype == value.dtype
                np.testing.assert_allclose(actions[head][row], value[0], rtol=1e-4, atol=1e-5)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@ALL
@pytest.mark.parametrize("deterministic", [True, False])
def test_a_member_does_the_same_in_any_company_to_the_last_bit(name: str, deterministic: bool) -> None:
    with seeded_torch(0):
        policy = POLICIES[name]()
    whole, parts = population(policy, 7), [population(policy, 2, 0), population(policy, 5, 2)]
    observation, rng = observations(7), np.random.default_rng(0)
    for _ in range(3):
        together = whole.act(observation, rng, deterministic)
        apart = [
            part.act({key: values[rows] for key, values in observation.items()}, rng, deterministic)
            for part, rows in zip(parts, (slice(0, 2), slice(2, 7)), strict=True)
        ]
        for head, actions in together.items():
            assert actions.tobytes() == np.concatenate([part[head] for part in apart]).tobytes()


def test_members_that_rest_cost_no_draws_and_get_some_action() -> None:
    policy = wrapped(Recurrent())
    made = PopulationPolicy(policy, 4)
    made.begin([1, 2])
    actions = made.act(observations(4), np.random.default_rng(0))
    assert actions["action"].shape == (4,)
    assert set(actions["action"].tolist()) <= {0, 1, 2}


def test_networks_that_draw_globally_have_a_stream_for_each_member() -> None:
    policy = wrapped(Noisy())
    observation, rng = observations(5), np.random.default_rng(0)
    before = torch.default_generator.get_state()
    whole, part = population(policy, 5), population(policy, 2, 3)
    rows = {key: values[3:] for key, values in observation.items()}
    seen = [whole.act(observation, rng, deterministic=True)["action"].copy() for _ in range(20)]
    again = [part.act(rows, rng, deterministic=True)["action"].copy() for _ in range(20)]
    assert [actions[3:].tolist() for actions in seen] == [actions.tolist() for actions in again]
    assert len({tuple(actions) for actions in np.array(seen).tolist()}) > 1
    assert torch.equal(torch.default_generator.get_state(), before)


def test_dropout_does_not_act() -> None:
    made, observation = population(wrapped(Recurrent(dropout=0.5)), 3), observations(3)
    first, second = (made.act(observation, np.random.default_rng(0), deterministic=True) for _ in range(2))
    np.testing.assert_array_equal(first["action"], second["action"])


def test_buffers_reach_every_member() -> None:
    made = population(wrapped(Recurrent()), 3)
    made.load_buffers({"networks.0.shift": np.float32(4.0)})
    policy = wrapped(Recurrent())
    policy.networks[0].shift.fill_(4.0)
    expected = [
        alone(policy, row).act({"vector": observations(3)["vector"][i : i + 1]}, np.random.default_rng(0), True)
        for i, row in enumerate(made.parameters)
    ]
    actions = made.act(observations(3), np.random.default_rng(0), deterministic=True)
    assert actions["action"].tolist() == [int(action["action"][0]) for action in expected]


def test_a_policy_that_acts_in_its_own_way_is_copied() -> None:
    class Stubborn(TorchPolicy):
        def act(self, observation: Any, rng: Any, deterministic: bool = False, *_: Any, **__: Any) -> Any:
            return {"action": np.full(len(observation["vector"]), 2)}

    mapper = DistributionMapper(DISCRETE)
    network = FlattenConcatPolicyNet(SHAPES, mapper.logits_shapes, nn.Tanh, [7], torch.Generator().manual_seed(0))
    made = population(Stubborn({0: network}, {0: mapper}), 3)
    assert made.act(observations(3), np.random.default_rng(0))["action"].tolist() == [2, 2, 2]


def test_the_policy_itself_stays_as_it_is() -> None:
    for make in POLICIES.values():
        policy = make()
        before = [parameter.detach().clone() for parameter in policy.parameters()]
        population(policy, 3).act(observations(3), np.random.default_rng(0))
        assert all(torch.equal(a, b) for a, b in zip(before, policy.parameters(), strict=True))
