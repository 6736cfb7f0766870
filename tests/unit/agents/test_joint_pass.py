"""Looking at policy and critic together gives the numbers and gradients of running each by itself in torch's graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from maze.agents import ActorCritic, JointPass, TorchPolicy, TorchStateCritic
from maze.distributions import DistributionMapper
from maze.perception import (
    FlattenConcatPolicyNet,
    FlattenConcatSharedEmbeddingPolicyNet,
    FlattenConcatSharedEmbeddingStateValueNet,
    FlattenConcatStateValueNet,
)

SHAPES = {"observation": (3,), "image": (2, 2)}
ACTIONS: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3, start=2),
    "multi-discrete": spaces.MultiDiscrete([2, 3]),
    "coins": spaces.MultiBinary(3),
    "bounded box": spaces.Box(-2.0, 1.0, (2,), np.float32),
    "open box": spaces.Box(-np.inf, np.inf, (2,), np.float32),
}


class OwnNetwork(nn.Module):
    """What somebody writes who knows nothing of plans."""

    def __init__(self, outputs: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.trunk = nn.Linear(3, 8)
        self.heads = nn.ModuleDict({name: nn.Linear(8, shape[0]) for name, shape in outputs.items()})

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        hidden = torch.nn.functional.gelu(self.trunk(observation["observation"]))
        return {name: head(hidden) for name, head in self.heads.items()}


def model_of(kind: str, mapper: DistributionMapper) -> ActorCritic:
    torch.default_generator.manual_seed(3)
    logits = mapper.logits_shapes
    policy_network: nn.Module
    critic_network: nn.Module
    if kind == "shared":
        policy_network = FlattenConcatSharedEmbeddingPolicyNet(SHAPES, logits, "torch.nn.Tanh", (9,), (8,))
        critic_network = FlattenConcatSharedEmbeddingStateValueNet(SHAPES, policy_network, "torch.nn.Tanh", (8,))
    else:
        policy_network = FlattenConcatPolicyNet(SHAPES, logits, "torch.nn.Tanh", (9, 8))
        critic_network = FlattenConcatStateValueNet(SHAPES, "torch.nn.ReLU", (9, 20))
    if kind in ("own", "own policy"):
        policy_network = OwnNetwork(logits)
    if kind == "own":
        critic_network = OwnNetwork({"value": (1,)})
    for parameter in (*policy_network.parameters(), *critic_network.parameters()):
        nn.init.normal_(parameter, std=0.5)
    policy = TorchPolicy({0: policy_network}, {0: mapper})
    return ActorCritic(policy, TorchStateCritic({0: critic_network})).flatten_parameters_()


def taken(mapper: DistributionMapper, n_rows: int) -> dict[str, Tensor]:
    mapper.action_space.seed(4)
    drawn = [mapper.action_space.sample() for _ in range(n_rows)]
    return {head: torch.from_numpy(np.stack([each[head] for each in drawn])) for head in mapper.action_space}


@pytest.mark.parametrize("learning", ["both", "no entropy", "critic alone"])
@pytest.mark.parametrize("kind", ["dense", "shared", "own", "own policy"])
@pytest.mark.parametrize("space", ACTIONS)
def test_the_gradient_is_that_of_the_loss_in_torchs_graph(space: str, kind: str, learning: str) -> None:
    heads = spaces.Dict({"first": ACTIONS[space], "second": spaces.Discrete(2)})
    config = [{"action_head": "second", "distribution": "categorical", "args": {"temperature": 1.0}}]
    mapper = DistributionMapper(heads, config)
    model = model_of(kind, mapper)
    policy, critic = model.policy, model.critic
    assert isinstance(critic, TorchStateCritic)
    generator = torch.Generator().manual_seed(1)
    observation = {key: torch.randn((12, *shape), generator=generator) for key, shape in SHAPES.items()}
    action = taken(mapper, 10)  # two rows are the last observations, after which nothing was done
    of_log_prob = torch.randn(10, generator=generator)
    of_value = torch.randn(10, generator=generator)
    of_entropy = 0.0 if learning == "no entropy" else -0.3

    distribution = policy.distribution({key: rows[:10] for key, rows in observation.items()})
    log_prob, value = distribution.log_prob(action), critic.value(observation)
    loss = (value[:10] * of_value).sum()
    if learning != "critic alone":
        loss = loss + (log_prob * of_log_prob).sum() + of_entropy * distribution.entropy().mean()
    loss.backward()
    expected = model.flat_gradient.clone()

    model.zero_gradients()
    look = JointPass(policy, critic).look(observation, action)
    torch.testing.assert_close(look.log_prob, log_prob.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(look.value, value.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(look.distribution.entropy().detach(), distribution.entropy().detach())
    look.backward(None if learning == "critic alone" else of_log_prob, of_entropy, of_value)
    torch.testing.assert_close(model.flat_gradient, expected, rtol=1e-3, atol=1e-5)
    assert float(expected.abs().sum()) > 0.0


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_temperature_is_part_of_the_gradient(temperature: float) -> None:
    space = spaces.Dict({"action": spaces.Discrete(3)})
    config = [{"action_head": "action", "distribution": "categorical", "args": {"temperature": temperature}}]
    mapper = DistributionMapper(space, config)
    model = model_of("dense", mapper)
    assert isinstance(model.critic, TorchStateCritic)
    observation = {key: torch.ones(4, *shape) for key, shape in SHAPES.items()}
    action = {"action": torch.tensor([0, 1, 2, 0])}
    model.policy.distribution(observation).log_prob(action).sum().backward()
    expected = model.flat_gradient.clone()
    model.zero_gradients()
    look = JointPass(model.policy, model.critic).look(observation, action)
    look.backward(torch.ones(4), 0.0, torch.zeros(4))
    torch.testing.assert_close(model.flat_gradient, expected, rtol=1e-4, atol=1e-6)


def test_what_policy_and_critic_share_runs_once() -> None:
    model = model_of("shared", DistributionMapper(spaces.Dict({"action": spaces.Discrete(3)})))
    assert isinstance(model.critic, TorchStateCritic)
    calls: list[int] = []
    embedding = model.policy.network().embedding
    assert isinstance(embedding, nn.Module)
    embedding.register_forward_hook(lambda *_: calls.append(1))
    observation = {key: torch.ones(4, *shape) for key, shape in SHAPES.items()}
    JointPass(model.policy, model.critic).look(observation, {"action": torch.zeros(4, dtype=torch.int64)})
    assert calls == [1]


def test_nothing_is_kept_for_a_look_without_learning() -> None:
    mapper = DistributionMapper(spaces.Dict({"action": spaces.Discrete(3)}))
    for kind in ("dense", "shared", "own"):
        model = model_of(kind, mapper)
        assert isinstance(model.critic, TorchStateCritic)
        observation = {key: torch.ones(4, *shape) for key, shape in SHAPES.items()}
        action = {"action": torch.zeros(4, dtype=torch.int64)}
        look = JointPass(model.policy, model.critic).look(observation, action, learn=False)
        look.backward(torch.ones(4), 0.0, torch.ones(4))
        assert float(model.flat_gradient.abs().sum()) == 0.0


def test_networks_that_somebody_watches_stay_in_the_graph() -> None:
    model = model_of("dense", DistributionMapper(spaces.Dict({"action": spaces.Discrete(3)})))
    assert isinstance(model.critic, TorchStateCritic)
    seen: list[Tensor] = []
    next(model.policy.parameters()).register_hook(seen.append)
    observation = {key: torch.ones(4, *shape) for key, shape in SHAPES.items()}
    look = JointPass(model.policy, model.critic).look(observation, {"action": torch.zeros(4, dtype=torch.int64)})
    look.backward(torch.ones(4), 0.0, torch.ones(4))
    assert len(seen) == 1
