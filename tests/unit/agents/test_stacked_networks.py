"""Networks that run as one say and learn what they would one by one."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from maze.agents import ActorCritic, TorchPolicy, TorchStateActionCritic
from maze.agents.stacked_networks import stack_networks
from maze.distributions import DistributionMapper
from maze.errors import MazeError
from maze.perception import FlattenConcatPolicyNet, FlattenConcatStateActionValueNet

OBSERVATION = {"observation": (3,), "image": (2, 2)}
BOX = spaces.Dict(action=spaces.Box(np.float32(-2.0), np.float32(4.0), (2,), np.float32))
DISCRETE = spaces.Dict(move=spaces.Discrete(3), fire=spaces.Discrete(2))


def model_of(space: spaces.Dict, non_lin: type[nn.Module] = nn.ReLU, **settings: Any) -> ActorCritic:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        mapper = DistributionMapper(space)
        policy = TorchPolicy({0: FlattenConcatPolicyNet(OBSERVATION, mapper.logits_shapes)}, {0: mapper})
        of_actions = space is BOX
        inputs = {**OBSERVATION, "action": (2,)} if of_actions else OBSERVATION
        outputs = {"q_value": (1,)} if of_actions else {"move": (3,), "fire": (2,)}
        make = functools.partial(FlattenConcatStateActionValueNet, inputs, outputs, non_lin, hidden_units=(8, 5))
        twins = [make(**settings) for _ in range(2)]
        return ActorCritic(policy, TorchStateActionCritic({0: twins}, {0: space})).flatten_parameters_()


def batch(space: spaces.Dict) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    observation = {key: torch.randn((6, *shape), generator=generator) for key, shape in OBSERVATION.items()}
    if space is BOX:
        return observation, {"action": torch.rand((6, 2), generator=generator) * 6 - 2}
    return observation, {"move": torch.tensor([0, 1, 2, 0, 1, 2]), "fire": torch.tensor([0, 1, 0, 1, 0, 1])}


def critic_of(model: ActorCritic) -> TorchStateActionCritic:
    assert isinstance(model.critic, TorchStateActionCritic)
    return model.critic


@pytest.mark.parametrize("non_lin", [nn.ReLU, nn.Tanh, nn.ELU])
@pytest.mark.parametrize("space", [BOX, DISCRETE], ids=["box", "discrete"])
def test_values_and_gradients_are_those_of_the_networks(space: spaces.Dict, non_lin: type[nn.Module]) -> None:
    plain, stacked = model_of(space, non_lin), model_of(space, non_lin)
    critic_of(stacked).stack_networks_()
    observation, action = batch(space)
    gradients = []
    for model in (plain, stacked):
        critic = critic_of(model)
        assert bool(critic._stacks) == (model is stacked)
        leaf = action["action"].requires_grad_() if space is BOX else observation["observation"].requires_grad_()
        leaf.grad = None
        value = critic.value(observation, action)
        value.square().sum().backward()
        gradients.append((value.detach(), model.flat_gradient.clone(), leaf.grad))
        with torch.no_grad():
            model.flat_parameters.mul_(1.5)  # as an optimiser would
        gradients.append((critic.value(observation, action).detach(), critic.value(observation, action, target=True)))
    for expected, given in zip(gradients[:2], gradients[2:], strict=True):
        for left, right in zip(expected, given, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-6)


def test_gradients_pass_through_to_actions_alone_where_only_they_are_asked_for() -> None:
    model = model_of(BOX)
    critic = critic_of(model).stack_networks_()
    observation, action = batch(BOX)
    leaf = action["action"].requires_grad_()
    critic.value(observation, action).sum().backward(inputs=[leaf])
    assert leaf.grad is not None
    assert not model.flat_gradient.any()


def test_copies_and_moved_models_run_one_by_one() -> None:
    model = model_of(BOX)
    critic = critic_of(model).stack_networks_()
    observation, action = batch(BOX)
    expected = critic.value(observation, action)
    other = copy.deepcopy(model)
    assert not critic_of(other)._stacks
    torch.testing.assert_close(critic_of(other).value(observation, action), expected)
    stale = critic._stacks["0", False]
    model.flatten_parameters_()
    assert stale.stale()
    with torch.no_grad():
        model.flat_parameters.zero_()
    assert not critic.value(observation, action).any()
    assert not critic_of(model.to("cpu"))._stacks


class Other(FlattenConcatStateActionValueNet):
    """Built alike, of another class."""


def test_what_is_not_alike_runs_one_by_one() -> None:
    model = model_of(BOX)
    twins = list(critic_of(model).networks[0].children())
    assert stack_networks(twins) is not None
    assert stack_networks(twins[:1]) is None
    inputs, outputs = {**OBSERVATION, "action": (2,)}, {"q_value": (1,)}
    with torch.random.fork_rng(devices=[]):
        loose = [FlattenConcatStateActionValueNet(inputs, outputs, hidden_units=(8, 5)) for _ in range(2)]
        others = [loose[0], FlattenConcatStateActionValueNet(inputs, outputs, hidden_units=(8, 6))]
        classes = [loose[0], Other(inputs, outputs, hidden_units=(8, 5))]
    assert stack_networks(loose) is None  # in no common buffer
    assert stack_networks(others) is None
    assert stack_networks(classes) is None
    assert stack_networks([nn.Linear(2, 2), nn.Linear(2, 2)]) is None  # describes itself to nobody
    for parameter in twins[1].parameters():
        parameter.requires_grad_(False)
    assert stack_networks(twins) is None


def test_boxes_are_scaled_to_one() -> None:
    critic = critic_of(model_of(BOX))
    encoded = critic._encoders["0"]({"action": torch.tensor([[-2.0, 4.0], [1.0, 2.5]])})
    assert encoded["action"].tolist() == [[-1.0, 1.0], [0.0, 0.5]]


def test_parts_of_the_flat_buffer_are_found_by_their_module() -> None:
    model = model_of(BOX)
    critic = critic_of(model)
    policy, online, target = map(model.flat_part, (model.policy, critic.networks, critic.target_networks))
    assert (policy.start, policy.stop, online.stop, target.stop) == (
        0,
        online.start,
        target.start,
        len(model.flat_parameters),
    )
    assert torch.equal(model.flat_parameters[online], model.flat_parameters[target])
    critic.networks[0].append(model.policy.networks[0].trunk)
    with pytest.raises(MazeError, match="do not lie side by side, since another part of the model shares"):
        model.flat_part(critic.networks)
