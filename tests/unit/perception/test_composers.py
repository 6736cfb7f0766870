"""Whole models from configuration, as files and Python callers write it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from gymnasium import spaces
from torch import nn

import maze
from maze.agents.actor_critic import ActorCritic
from maze.agents.policy import TorchPolicy
from maze.config.instantiate import instantiate
from maze.distributions.mapper import DistributionMapper
from maze.errors import InvalidSpecificationError
from maze.perception.blocks import ActionMaskingBlock, DenseBlock, InferenceBlock, LinearOutputBlock, LSTMStateBlock
from maze.perception.models.built_in.flatten_concat import (
    FlattenConcatPolicyNet,
    FlattenConcatStateValueNet,
)
from maze.perception.models.composers import CustomModelComposer
from maze.perception.models.critics import StateCriticComposer
from maze.perception.models.policies import ProbabilisticPolicyComposer

OBSERVATION_SPACE = spaces.Dict(observation=spaces.Box(-1, 1, (4,), np.float32))
ACTION_SPACE = spaces.Dict(action=spaces.Discrete(2))
SPACES = {
    "action_spaces_dict": {0: ACTION_SPACE},
    "observation_spaces_dict": {0: OBSERVATION_SPACE},
    "agent_counts_dict": {0: 1},
}
PAGE_POLICY = {
    "_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer",
    "networks": [
        {
            "_target_": "maze.perception.models.built_in.flatten_concat.FlattenConcatPolicyNet",
            "non_lin": "torch.nn.Tanh",
            "hidden_units": [256, 256],
        }
    ],
    "substeps_with_separate_agent_nets": [],
    "agent_counts_dict": {0: 1},
}
CONF = Path(maze.__path__[0]) / "conf"


def composed(**kwargs: object) -> CustomModelComposer:
    return CustomModelComposer(**SPACES, **kwargs)


def module_of(group: str, name: str) -> dict:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


def test_the_policy_of_the_page() -> None:
    before = repr(PAGE_POLICY)
    model = composed(policy=PAGE_POLICY)
    assert model.policy.networks[0].hidden_units == [256, 256]
    assert model.policy.networks[0].non_lin is nn.Tanh
    assert model.critic is None
    assert repr(PAGE_POLICY) == before


class Masked(nn.Module):
    """A policy network that a user makes of blocks: impossible actions are masked."""

    def __init__(self, obs_shapes: dict, action_logits_shapes: dict, hidden_units: list[int]) -> None:
        super().__init__()
        logits = action_logits_shapes["action"]
        dense = DenseBlock("observation", "features", obs_shapes["observation"], hidden_units)
        self.net = InferenceBlock(
            list(obs_shapes),
            list(action_logits_shapes),
            list(obs_shapes.values()),
            {
                "dense": dense,
                "logits": LinearOutputBlock("features", "logits", dense.out_shapes(), logits[0]),
                "mask": ActionMaskingBlock(["logits", "action_mask"], "action", [logits, logits]),
            },
        )

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.net(observation)


def test_a_users_network_of_blocks_masks_actions() -> None:
    observations = spaces.Dict({**OBSERVATION_SPACE.spaces, "action_mask": spaces.MultiBinary(2)})
    model = CustomModelComposer(
        **{**SPACES, "observation_spaces_dict": {0: observations}},
        policy={**PAGE_POLICY, "networks": [partial(Masked, hidden_units=[8])]},
    )
    batch = {"observation": np.zeros((50, 4), np.float32), "action_mask": np.tile(np.int8([0, 1]), (50, 1))}
    assert model.policy.act(batch, np.random.default_rng(0))["action"].tolist() == [1] * 50
    wrong = spaces.Dict({**OBSERVATION_SPACE.spaces, "action_mask": spaces.MultiBinary(3)})
    network = model.policy.networks[0]
    with pytest.raises(
        InvalidSpecificationError, match=r"Masked fails .*'action_mask' has the shape \(2, 3\); expected is \(2,\)"
    ):
        CustomModelComposer(**{**SPACES, "observation_spaces_dict": {0: wrong}}, policy=network)


class Forgetful(nn.Module):
    """A network with a block that carries a state; what it says of that is told."""

    def __init__(self, obs_shapes: dict, action_logits_shapes: dict, state_shapes: dict, puts_out: list) -> None:
        super().__init__()
        self.memory = LSTMStateBlock("observation", "memory", obs_shapes["observation"], 3)
        self.head = nn.Linear(3, action_logits_shapes["action"][0])
        self.state_shapes = state_shapes
        self.puts_out = puts_out

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        made = self.memory(inputs)
        return {"action": self.head(made["memory"]), **{key: made[key] for key in self.puts_out}}


STATE = {"memory:hidden": (1, 3), "memory:cell": (1, 3)}


@pytest.mark.parametrize(
    ("state_shapes", "puts_out", "message"),
    [
        ({}, [], r"reads 'memory:hidden', which is missing.* set self\.state_shapes = self\.memory\.state_shapes"),
        (STATE, ["memory:hidden"], r"puts out no 'memory:cell'"),
        ({**STATE, "memory:cell": (2,)}, list(STATE), r"'memory:cell' has the shape \(2, 2\); expected is \(1, 3\)"),
        ({**STATE, "observation": (4,)}, list(STATE), r"state_shapes has the key 'observation', which is an observ"),
        ({**STATE, "action": (2,)}, list(STATE), r"state_shapes has the key 'action', which is an observ"),
    ],
)
def test_states_that_do_not_fit_are_errors(state_shapes: dict, puts_out: list, message: str) -> None:
    network = partial(Forgetful, state_shapes=state_shapes, puts_out=puts_out)
    with pytest.raises(InvalidSpecificationError, match=message):
        CustomModelComposer(**SPACES, policy={**PAGE_POLICY, "networks": [network]})


def test_a_users_network_carries_the_state_of_a_block() -> None:
    network = partial(Forgetful, state_shapes=STATE, puts_out=list(STATE))
    policy = CustomModelComposer(**SPACES, policy={**PAGE_POLICY, "networks": [network]}).policy
    assert policy.state_shapes() == STATE


def test_a_composer_given_as_object_builds_anew_for_every_run() -> None:
    network = {**PAGE_POLICY["networks"][0], "hidden_units": [222, 222]}
    composer = ProbabilisticPolicyComposer(
        action_spaces_dict={0: ACTION_SPACE},
        observation_spaces_dict={0: OBSERVATION_SPACE},
        distribution_mapper=DistributionMapper(action_space=ACTION_SPACE, distribution_mapper_config={}),
        networks=[network],
        substeps_with_separate_agent_nets=[],
        agent_counts_dict={0: 1},
    )
    assert composed(policy=composer).policy.networks[0].hidden_units == [222, 222]
    assert composed(policy=composer).policy is not composed(policy=composer).policy
    assert composer.policy is composer.policy


@pytest.mark.parametrize("name", ["flatten_concat", "vector_obs"])
def test_models_of_the_configuration_act_and_estimate(name: str) -> None:
    critic = {} if name == "flatten_concat" else module_of("critic", "template_state")
    model = instantiate({**module_of("model", name), **critic}, **SPACES)
    weights = ActorCritic(model.policy, model.critic).export_weights()
    assert sum(tensor.numel() for tensor in weights.values()) == 2 * (4 * 64 + 64 + 64 * 64 + 64) + 65 * 2 + 65
    observation = {"observation": np.ones((3, 4), np.float32)}
    assert model.policy.act(observation, np.random.default_rng(0))["action"].shape == (3,)
    assert model.critic.predict(observation).shape == (3,)
    log_probs = model.policy.distribution({"observation": torch.ones(1, 4)}).heads["action"].log_probs
    torch.testing.assert_close(log_probs.exp(), torch.full((1, 2), 0.5), atol=0.02, rtol=0.0)  # starts unbiased


def test_a_template_mixes_with_networks_given_one_by_one() -> None:
    configuration = module_of("model", "vector_obs")
    mixed = instantiate({**configuration, **module_of("critic", "flatten_concat")}, **SPACES)
    assert isinstance(mixed.critic.networks[0], FlattenConcatStateValueNet)
    mixed = instantiate({**configuration, **module_of("policy", "flatten_concat")}, **SPACES)
    assert isinstance(mixed.policy.networks[0], FlattenConcatPolicyNet)
    assert instantiate(configuration, **SPACES).critic is None


def test_templates_share_embeddings_where_told() -> None:
    configuration = module_of("model", "vector_obs") | module_of("critic", "template_state")
    configuration["model_builder"]["shared_embedding_keys"] = ["observation"]
    model = instantiate(configuration, **SPACES)
    assert model.critic.networks[0].branches["observation"] is model.policy.networks[0].branches["observation"]
    flat = ActorCritic(model.policy, model.critic).flatten_parameters_()
    assert flat.flat_parameters.numel() == (4 * 64 + 64) + 2 * (64 * 64 + 64) + 65 * 2 + 65


@pytest.mark.parametrize(
    "specification",
    [
        FlattenConcatPolicyNet,
        partial(FlattenConcatPolicyNet, hidden_units=[8]),
        FlattenConcatPolicyNet({"observation": (4,)}, {"action": (2,)}),
        lambda obs_shapes, action_logits_shapes: FlattenConcatPolicyNet(
            obs_shapes, action_logits_shapes, hidden_units=[8]
        ),
    ],
    ids=["class", "partial", "instance", "function"],
)
def test_networks_are_classes_factories_or_instances_in_lists_and_mappings(specification: object) -> None:
    for networks in ([specification], {0: specification}, {"0": specification}):
        policy = composed(policy={**PAGE_POLICY, "networks": networks}).policy
        assert isinstance(policy.networks[0], FlattenConcatPolicyNet)
        if isinstance(specification, nn.Module):
            assert policy.networks[0] is specification


def test_networks_policies_and_critics_themselves() -> None:
    network = FlattenConcatPolicyNet({"observation": (4,)}, {"action": (2,)})
    critic_network = FlattenConcatStateValueNet({"observation": (4,)})
    model = composed(policy=network, critic=critic_network)
    assert model.policy.networks[0] is network
    assert model.critic.networks[0] is critic_network
    again = composed(policy=model.policy, critic=model.critic)
    assert again.policy is model.policy
    assert again.critic is model.critic


def test_agents_get_networks_of_their_own_where_told() -> None:
    for specification in (PAGE_POLICY["networks"][0], FlattenConcatPolicyNet({"observation": (4,)}, {"action": (2,)})):
        configuration = {**PAGE_POLICY, "networks": [specification], "substeps_with_separate_agent_nets": [0]}
        policy = CustomModelComposer(**{**SPACES, "agent_counts_dict": {0: 2}}, policy=configuration).policy
        assert list(policy.networks.keys()) == ["0-0", "0-1"]
        assert policy.networks["0-0"] is not policy.networks["0-1"]


def test_several_sub_steps_have_networks_and_distributions_of_their_own() -> None:
    sub_step_spaces = {
        "action_spaces_dict": {0: ACTION_SPACE, "place": spaces.Dict(where=spaces.Discrete(5))},
        "observation_spaces_dict": {0: OBSERVATION_SPACE, "place": spaces.Dict(board=spaces.MultiBinary((3, 3)))},
        "agent_counts_dict": {0: 1, "place": 1},
    }
    networks = {0: FlattenConcatPolicyNet, "place": FlattenConcatPolicyNet}
    policy = CustomModelComposer(**sub_step_spaces, policy={**PAGE_POLICY, "networks": networks}).policy
    assert isinstance(policy, TorchPolicy)
    action = policy.compute_action({"board": np.zeros((3, 3), np.int8)}, actor_id=("place", 0))
    assert sub_step_spaces["action_spaces_dict"]["place"].contains(action)


class Constant(nn.Module):
    """Puts out zeros of a given shape."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.name, self.shape = name, shape

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {self.name: torch.zeros(len(observation["observation"]), *self.shape)}


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([Constant("action", (3,))], r"puts out 'action' of the shape \(2, 3\) for a batch of 2; expected is \(2, 2\)"),
        ([Constant("actoin", (2,))], "puts out no 'action'; did you mean 'actoin'"),
        ([nn.Linear(4, 2)], "Linear"),
        ([FlattenConcatPolicyNet({"observation": (5,)}, {"action": (2,)})], r"fails on observations of the shapes"),
        ([FlattenConcatPolicyNet({"pixels": (5,)}, {"action": (2,)})], "pixels"),
        ([FlattenConcatPolicyNet, FlattenConcatPolicyNet], r"2 entries, but the environment has the step keys \[0\]"),
        ([], "lacks the step key 0"),
        ({1: FlattenConcatPolicyNet}, "step key 1, which the environment has not; accepted: 0"),
        (None, "networks is None"),
        ([FlattenConcatStateValueNet], "unexpected keyword argument 'action_logits_shapes'"),
        (["torch.nn.Tanh"], "'torch.nn.Tanh' is no network"),
        ([{"_target_": "torch.nn.Tahn"}], "Tahn"),
    ],
)
def test_networks_that_do_not_fit_are_errors(networks: object, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        composed(policy={**PAGE_POLICY, "networks": networks})


def test_other_errors_name_the_remedy() -> None:
    with pytest.raises(InvalidSpecificationError, match="is no policy; accepted"):
        composed(policy=None)
    with pytest.raises(InvalidSpecificationError, match="is no critic; accepted"):
        composed(policy=PAGE_POLICY, critic="flatten_concat")
    with pytest.raises(InvalidSpecificationError, match=r"expected is \(2, 1\)"):
        composed(policy=PAGE_POLICY, critic=Constant("value", ()))
    with pytest.raises(InvalidSpecificationError, match="A template"):
        StateCriticComposer({0: OBSERVATION_SPACE}, {0: 1}, None)
    with pytest.raises(InvalidSpecificationError, match="is no template"):
        instantiate({**module_of("model", "vector_obs"), "model_builder": None}, **SPACES)
    mapper = DistributionMapper(spaces.Dict(action=spaces.Discrete(7)))
    composer = ProbabilisticPolicyComposer({0: ACTION_SPACE}, {0: OBSERVATION_SPACE}, mapper, [FlattenConcatPolicyNet])
    with pytest.raises(InvalidSpecificationError, match="Pass one mapper per step key"):
        composer.build()
    with pytest.raises(InvalidSpecificationError, match="there is no step key 'x'"):
        composed(policy={**PAGE_POLICY, "substeps_with_separate_agent_nets": ["x"]})
