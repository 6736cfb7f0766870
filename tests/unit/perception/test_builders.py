"""The template puts blocks, concatenation, hidden layers and heads together, in torch and in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maze.agents.networks import ArrayForward
from maze.errors import InvalidSpecificationError
from maze.perception.builders import ConcatModelBuilder

DENSE = {"block_type": "maze.perception.blocks.DenseBlock", "block_params": {"hidden_units": [4]}}
FLATTEN = {"block_type": "maze.perception.blocks.FlattenBlock"}
MODALITIES = {"feature": DENSE, "plain": FLATTEN, "hidden": DENSE, "recurrence": {}}
MAPPING = {"image": "plain", "vector": "feature"}
OBS_SHAPES = {"image": (2, 2), "vector": (3,)}


def test_policy_and_critic_compute_the_same_in_numpy() -> None:
    builder = ConcatModelBuilder(MODALITIES, MAPPING)
    policy = builder.build_policy(OBS_SHAPES, {"action": (2,), "other": (5,)})
    critic = builder.build_critic(OBS_SHAPES, policy)
    assert policy.concatenation.out_shape == (4 + 4,)
    assert policy.obs_shapes == OBS_SHAPES
    rng = np.random.default_rng(0)
    observation = {key: rng.standard_normal((6, *shape)).astype(np.float32) for key, shape in OBS_SHAPES.items()}
    for network, shapes in ((policy, {"action": (6, 2), "other": (6, 5)}), (critic, {"value": (6, 1)})):
        expected = network({key: torch.from_numpy(value) for key, value in observation.items()})
        forward = ArrayForward(network)
        for key, value in forward(observation).items():
            assert value.shape == shapes[key]
            np.testing.assert_allclose(value, expected[key].detach().numpy(), rtol=1e-4, atol=1e-6)
        assert forward._compiled is not None
    assert not {id(p) for p in policy.parameters()} & {id(p) for p in critic.parameters()}


def test_shared_embeddings_are_the_same_blocks() -> None:
    policy_only = ConcatModelBuilder(MODALITIES, MAPPING, ["vector"])
    policy = policy_only.build_policy(OBS_SHAPES, {"action": (2,)})
    critic = policy_only.build_critic(OBS_SHAPES, policy)
    assert critic.branches["vector"] is policy.branches["vector"]
    assert critic.hidden is not policy.hidden
    everything = ConcatModelBuilder(MODALITIES, MAPPING, ["vector", "image", "hidden"])
    assert everything.build_critic(OBS_SHAPES, policy).hidden is policy.hidden
    with pytest.raises(InvalidSpecificationError, match="a template policy only"):
        policy_only.build_critic(OBS_SHAPES, None)


def test_an_empty_hidden_modality_leaves_it_out() -> None:
    network = ConcatModelBuilder({"feature": DENSE, "hidden": {}}, {"vector": "feature"}).build_critic({"vector": (3,)})
    assert network.hidden is None
    assert [name for name, _ in network.named_parameters()] == [
        "branches.vector.layers.0.weight",
        "branches.vector.layers.0.bias",
        "heads.value.layer.weight",
        "heads.value.layer.bias",
    ]


@pytest.mark.parametrize(
    ("modalities", "mapping", "shared", "message"),
    [
        ({"feature": DENSE}, {"vector": "featur"}, None, "did you mean 'feature'"),
        ({"feature": DENSE, "recurrence": DENSE}, {"vector": "feature"}, None, "recurrent blocks are not offered"),
        ({"feature": DENSE}, {"vector": "feature"}, ["vectr"], "did you mean 'vector'"),
        ({"feature": DENSE}, {"vector": "feature"}, ["hidden"], "add vector"),
        ({"feature": DENSE}, {"other": "feature"}, None, "no entry for the observation 'vector'"),
        ({"feature": {"block_params": {}}}, {"vector": "feature"}, None, "block_type is missing"),
        ({"feature": {**DENSE, "params": {}}}, {"vector": "feature"}, None, "did you mean 'block_params'"),
        ({"feature": {"block_type": "torch.nn.Tanh"}}, {"vector": "feature"}, None, "subclasses of maze.perception"),
        (
            {"feature": {**DENSE, "block_params": {"hidden_unit": [3]}}},
            {"vector": "feature"},
            None,
            "did you mean 'hidden_units'",
        ),
        ({"feature": {**DENSE, "block_params": {}}}, {"vector": "feature"}, None, "needs this parameter"),
    ],
)
def test_errors_name_the_value_and_the_remedy(modalities, mapping, shared, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ConcatModelBuilder(modalities, mapping, shared).build_policy({"vector": (3,)}, {"action": (2,)})
