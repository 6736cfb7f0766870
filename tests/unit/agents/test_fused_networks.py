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
from maze.agents.fused_networks import fuse_networks
from maze.distributions import DistributionMapper
from maze.errors import MazeError
from maze.perception import FlattenConcatPolicyNet, FlattenConcatStateActionValueNet

OBSERVATION = {"observation": (3,), "image": (2, 2)}
BOX = spaces.Dict(action=spaces.Box(np.float32(-2.0), np.float32(4.0), (2,), np.float32))
DISCRETE = spaces.Dict(move=spaces.Discrete(20), fire=spaces.Discrete(2))
UNITS = (40, 30)  # more than the few that are treated apart


def model_of(space: spaces.Dict, non_lin: type[nn.Module] = nn.ReLU, units: tuple[int, ...] = UNITS) -> ActorCritic:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        mapper = DistributionMapper(space)
        policy = TorchPolicy(
            {0: FlattenConcatPolicyNet(OBSERVATION, mapper.logits_shapes, non_lin, units)}, {0: mapper}
        )
        of_actions = space is BOX
        inputs = {**OBSERVATION, "action": (2,)} if of_actions else OBSERVATION
        outputs = {"q_value": (1,)} if of_actions else {"move": (20,), "fire": (2,)}
        make = functools.partial(FlattenConcatStateActionValueNet, inputs, outputs, non_lin, hidden_units=units)
        critic = TorchStateActionCritic({0: [make(), make()]}, {0: space})
        return ActorCritic(policy, critic).flatten_parameters_()


def batch(space: spaces.Dict) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    observation = {key: torch.randn((6, *shape), generator=generator) for key, shape in OBSERVATION.items()}
    if space is BOX:
        return observation, {"action": torch.rand((6, 2), generator=generator) * 6 - 2}
    return observation, {"move": torch.tensor([0, 1, 2, 0, 19, 2]), "fire": torch.tensor([0, 1, 0, 1, 0, 1])}


def critic_of(model: ActorCritic) -> TorchStateActionCritic:
    assert isinstance(model.critic, TorchStateActionCritic)
    return model.critic


@pytest.mark.parametrize("units", [UNITS, (40,), ()], ids=str)
@pytest.mark.parametrize("non_lin", [nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("space", [BOX, DISCRETE], ids=["box", "discrete"])
def test_values_and_gradients_are_those_of_the_networks(space: Any, non_lin: Any, units: Any) -> None:
    plain, fused = model_of(space, non_lin, units), model_of(space, non_lin, units)
    critic_of(fused).fuse_networks_()
    fused.policy.fuse_networks_()
    observation, action = batch(space)
    leaf = (action if space is BOX else observation)["action" if space is BOX else "observation"].requires_grad_()
    found: list[list[Tensor]] = []
    for model in (plain, fused):
        critic = critic_of(model)
        assert len(critic._fused) + len(model.policy._fused) == (3 if model is fused else 0)
        for _ in range(2):  # gradients add up, and weights may change between
            leaf.grad = None
            value = critic.value(observation, action)
            logits = torch.cat(list(model.policy.logits(observation).values()), -1)
            (value.square().sum() + logits.square().sum()).backward()
            target = critic.value(observation, action, target=True)
            assert leaf.grad is not None
            found.append([value.detach(), logits.detach(), target.detach(), model.flat_gradient.clone(), leaf.grad])
            with torch.no_grad():
                model.flat_parameters.mul_(1.5)  # as an optimiser would
    for expected, given in zip(found[:2], found[2:], strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("space", [BOX, DISCRETE], ids=["box", "discrete"])
def test_gradients_pass_through_networks_that_are_not_to_learn(space: spaces.Dict, fused: bool) -> None:
    model = model_of(space)
    critic = critic_of(model)
    if fused:
        critic.fuse_networks_()
    observation, action = batch(space)
    leaf = (action if space is BOX else observation)["action" if space is BOX else "observation"].requires_grad_()
    critic.value(observation, action, learn=False).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.any()
    assert not model.flat_gradient.any()
    assert all(parameter.requires_grad for parameter in critic.networks.parameters())


def test_copies_and_moved_models_say_the_same() -> None:
    model = model_of(BOX)
    critic = critic_of(model).fuse_networks_()
    observation, action = batch(BOX)
    expected = critic.value(observation, action)
    other = copy.deepcopy(model)
    with torch.no_grad():
        model.flat_parameters.zero_()
    assert not critic.value(observation, action).any()
    torch.testing.assert_close(critic_of(other).value(observation, action), expected)
    other.flatten_parameters_()
    critic_of(other).value(observation, action).sum().backward()
    assert other.flat_gradient.any()
    doubled = {key: value.float() for key, value in observation.items()}
    torch.testing.assert_close(critic_of(other.to("cpu")).value(doubled, action), expected)


class Other(FlattenConcatStateActionValueNet):
    """Built alike, of another class."""


def test_what_is_not_alike_runs_one_by_one() -> None:
    twins = list(critic_of(model_of(BOX)).networks[0].children())
    assert fuse_networks(twins) is not None
    assert fuse_networks(twins[:1]) is not None
    assert fuse_networks([]) is None
    inputs, outputs = {**OBSERVATION, "action": (2,)}, {"q_value": (1,)}
    with torch.random.fork_rng(devices=[]):
        wider = FlattenConcatStateActionValueNet(inputs, outputs, nn.ReLU, (40, 31))
        other = Other(inputs, outputs, nn.ReLU, UNITS)
        elu = FlattenConcatStateActionValueNet(inputs, outputs, nn.ELU, UNITS)
        linear = nn.Linear(2, 2)
    assert fuse_networks([twins[0], wider]) is None
    assert fuse_networks([twins[0], other]) is None
    assert fuse_networks([elu]) is None  # its gradient needs its input
    assert fuse_networks([linear]) is None  # describes itself to nobody
    for parameter in twins[1].parameters():
        parameter.requires_grad_(False)
    assert fuse_networks(twins) is None


def test_boxes_are_scaled_to_one() -> None:
    critic = critic_of(model_of(BOX))
    encoded = critic._encoders["0"]({"action": torch.tensor([[-2.0, 4.0], [1.0, 2.5]])})
    assert encoded["action"].tolist() == [[-1.0, 1.0], [0.0, 0.5]]


def test_parts_of_the_flat_buffer_are_found_by_their_module() -> None:
    model = model_of(BOX)
    critic = critic_of(model)
    policy, online, target = map(model.flat_part, (model.policy, critic.networks, critic.target_networks))
    assert (policy.start, policy.stop, online.stop) == (0, online.start, target.start)
    assert target.stop == len(model.flat_parameters)
    assert torch.equal(model.flat_parameters[online], model.flat_parameters[target])
    critic.networks[0].append(model.policy.networks[0].trunk)
    with pytest.raises(MazeError, match="do not lie side by side, since another part of the model shares"):
        model.flat_part(critic.networks)


@pytest.mark.parametrize("rows", [6, 700])  # few enough for MKL, many enough for oneDNN
def test_wide_networks_say_and_learn_the_same_whoever_multiplies(rows: int) -> None:
    plain, fused = (model_of(DISCRETE, nn.Tanh, (130, 110)) for _ in range(2))
    fused.policy.fuse_networks_()
    generator = torch.Generator().manual_seed(1)
    observation = {key: torch.randn((rows, *shape), generator=generator) for key, shape in OBSERVATION.items()}
    found = []
    for model in (plain, fused):
        logits = torch.cat(list(model.policy.logits(observation).values()), -1)
        (logits.square().sum() / rows).backward()
        found.append((logits.detach(), model.flat_gradient.clone()))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)


def test_observations_that_are_one_number_are_a_column() -> None:
    with torch.random.fork_rng(devices=[]):
        network = FlattenConcatPolicyNet({"observation": (), "image": (2,)}, {"move": (3,)}, nn.Tanh, (8,))
    fused = fuse_networks([network])
    assert fused is not None
    observation = {"observation": torch.arange(5), "image": torch.ones(5, 2)}
    torch.testing.assert_close(fused.detached(observation, learn=False).outputs, network(observation))
