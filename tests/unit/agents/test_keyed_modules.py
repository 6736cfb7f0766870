"""Keys may be any text, and weights keep their names."""

from __future__ import annotations

import copy

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from maze.agents.keyed_modules import KeyedModules
from maze.agents.policy import TorchPolicy
from maze.distributions.mapper import DistributionMapper
from maze.perception.models.built_in.flatten_concat import FlattenConcatPolicyNet


def test_any_key_and_the_order_stays() -> None:
    linear = {key: nn.Linear(1, 1) for key in ("b", "arm.joint", "keys", "training", "")}
    modules = KeyedModules(linear)
    assert modules.keys() == list(modules) == list(linear)
    assert len(modules) == 5
    assert dict(modules.items()) == linear
    assert modules["arm.joint"] is linear["arm.joint"]
    assert "arm.joint" in modules
    assert "arm/joint" not in modules
    assert {name.rpartition(".")[0] for name in modules.state_dict()} == {"b", "arm/joint", "keys_", "training_", "_"}
    copied = copy.deepcopy(modules)
    assert copied["arm.joint"] is not modules["arm.joint"]
    copied.load_state_dict(modules.state_dict())
    assert torch.equal(copied["keys"].weight, modules["keys"].weight)


def test_policies_of_nested_spaces_act() -> None:
    space = spaces.Dict({"arm.joint": spaces.Box(-np.inf, np.inf, (2,), np.float32), "type": spaces.Discrete(3)})
    mapper = DistributionMapper(space)
    with torch.random.fork_rng(devices=[]):
        network = FlattenConcatPolicyNet({"eye.left": (3,)}, mapper.logits_shapes)
    policy = TorchPolicy({0: network}, {0: mapper}, observation_shapes={0: {"eye.left": (3,)}})
    policy.seed(0)
    assert space.contains(policy.compute_action({"eye.left": np.zeros(3, np.float32)}))
    assert policy.distribution({"eye.left": torch.zeros(2, 3)}).entropy().shape == (2,)
