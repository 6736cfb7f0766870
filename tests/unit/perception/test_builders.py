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
LSTM = {"block_type": "maze.perception.blocks.LSTMLastStepBlock", "block_params": {"hidden_size": 5}}
STRIDED = {
    "block_type": "maze.perception.blocks.StridedConvolutionBlock",
    "block_params": {"hidden_channels": [2], "hidden_kernels": [3]},
}
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


def test_every_modality_as_it_is_and_stacked() -> None:
    modalities = {"feature": DENSE, "image": STRIDED, "plain": FLATTEN, "hidden": DENSE}
    mapping = {"vector": "feature", "picture": "image", "number": "plain"}
    shapes = {"vector": (3,), "picture": (1, 5, 5), "number": (1,)}
    network = ConcatModelBuilder({**modalities, "recurrence": {}}, mapping).build_policy(shapes, {"action": (2, 3)})
    batch = {key: torch.randn(7, 4, *shape) for key, shape in shapes.items()}  # [T, B, ...]
    assert network.concatenation.out_shape == (4 + 2 * 3 * 3 + 1,)
    expected = network(batch)["action"]
    assert expected.shape == (7, 4, 2, 3)
    torch.testing.assert_close(network({key: value[2, 1] for key, value in batch.items()})["action"], expected[2, 1])
    assert network.dense_plan() is None

    recurrent = ConcatModelBuilder({**modalities, "recurrence": LSTM}, mapping)
    stacked = {key: (6, *shape) for key, shape in shapes.items()}
    network = recurrent.build_critic(stacked)
    assert network.obs_shapes == stacked
    batch = {key: torch.randn(7, *shape) for key, shape in stacked.items()}
    # what the network does, step by step
    features = []
    for step in range(6):
        parts = [network.branches[key]({key: value[:, step]}) for key, value in batch.items()]
        joined = torch.cat([next(iter(part.values())).flatten(1) for part in parts], -1)
        features.append(network.hidden({"concatenation": joined})["hidden"])
    steps, _ = network.recurrence.layer(torch.stack(features, 1))
    torch.testing.assert_close(network(batch)["value"], network.heads["value"].layer(steps[:, -1]))
    with pytest.raises(InvalidSpecificationError, match=r"'number' has the shape \(5, 1\); expected is \(6, ...\)"):
        recurrent.build_critic({**stacked, "number": (5, 1)})
    every_step = {**LSTM, "block_type": "maze.perception.blocks.LSTMBlock"}
    with pytest.raises(InvalidSpecificationError, match=r"puts out the shape .*; use LSTMLastStepBlock"):
        ConcatModelBuilder({**modalities, "recurrence": every_step}, mapping).build_critic(stacked)


def test_recurrence_is_shared_with_everything_in_front_of_it() -> None:
    modalities = {"feature": DENSE, "hidden": DENSE, "recurrence": LSTM}
    builder = ConcatModelBuilder(modalities, {"vector": "feature"}, ["vector", "hidden", "recurrence"])
    policy = builder.build_policy({"vector": (4, 3)}, {"action": (2,)})
    critic = builder.build_critic({"vector": (4, 3)}, policy)
    assert critic.recurrence is policy.recurrence
    own = {id(parameter) for parameter in critic.parameters()} - {id(parameter) for parameter in policy.parameters()}
    assert len(own) == 2  # weight and bias of the value's head


def test_initial_weights_are_selectable_and_policy_heads_start_small() -> None:
    modalities = {"feature": DENSE, "image": STRIDED, "hidden": DENSE, "recurrence": LSTM}
    mapping = {"vector": "feature", "picture": "image"}
    shapes = {"vector": (4, 3), "picture": (4, 1, 5, 5)}
    orthogonal = ConcatModelBuilder(modalities, mapping).build_policy(shapes, {"action": (2,)})
    weight = orthogonal.hidden.layers[0].weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(4) * (5 / 3) ** 2, atol=1e-5, rtol=0.0)
    head = orthogonal.heads["action"].layer.weight
    torch.testing.assert_close(head @ head.T, torch.eye(2) * 1e-4, atol=1e-7, rtol=0.0)
    normc = ConcatModelBuilder(modalities, mapping, weight_init="normc").build_policy(shapes, {"action": (2,)})
    for name, parameter in normc.named_parameters():
        if parameter.ndim > 1:
            norm = 0.01 if name.startswith("heads.") else 1.0
            torch.testing.assert_close(parameter.flatten(1).norm(dim=1), torch.full((len(parameter),), norm))
    with pytest.raises(InvalidSpecificationError, match="weight_init: 'norm' is not accepted; did you mean 'normc'"):
        ConcatModelBuilder(modalities, mapping, weight_init="norm")


def test_networks_of_a_state_action_critic() -> None:
    builder = ConcatModelBuilder(MODALITIES, {**MAPPING, "action": "feature"})
    network = builder.build_state_action_critic({**OBS_SHAPES, "action": (2,)}, {"q_value": (1,)})
    batch = {key: torch.randn(3, *shape) for key, shape in network.obs_shapes.items()}
    assert network(batch)["q_value"].shape == (3, 1)
    with pytest.raises(InvalidSpecificationError, match="cannot be shared with a state-action critic"):
        ConcatModelBuilder(MODALITIES, MAPPING, ["vector"]).build_state_action_critic(OBS_SHAPES, {"q_value": (1,)})


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
        (
            {"feature": DENSE, "recurrence": LSTM},
            {"vector": "feature"},
            None,
            r"'vector' has the shape \(3,\); expected",
        ),
        ({"feature": DENSE, "hidden": LSTM}, {"vector": "feature"}, None, r"expected is \(steps, features\)"),
        (
            {"feature": DENSE, "hidden": DENSE, "recurrence": LSTM},
            {"vector": "feature"},
            ["recurrence"],
            "add hidden, v",
        ),
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


def test_a_misspelt_key_is_told_by_the_observation_that_it_was_meant_for() -> None:
    builder = ConcatModelBuilder(MODALITIES, {"vectr": "feature", "image": "plain"})
    with pytest.raises(InvalidSpecificationError, match=r"its key 'vectr' is no observation: did you mean 'vector'\?"):
        builder.build_policy(OBS_SHAPES, {"action": (2,)})
    with pytest.raises(InvalidSpecificationError, match="add 'other' with one of the modalities feature, plain"):
        builder.build_policy({"other": (3,)}, {"action": (2,)})


def test_what_torch_would_refuse_names_the_modality_and_the_block() -> None:
    wide = {"block_type": "maze.perception.blocks.LinearOutputBlock", "block_params": {"output_units": 2, "gain": "x"}}
    builder = ConcatModelBuilder({"feature": wide}, {"vector": "feature"})
    with pytest.raises(
        InvalidSpecificationError, match=r"^modality_config\.feature\.block_params: LinearOutputBlock: "
    ):
        builder.build_policy({"vector": (3,)}, {"action": (2,)})
