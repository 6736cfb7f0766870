"""Critics share what they are told to share, and nothing else."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from maze.agents.actor_critic import ActorCritic
from maze.errors import InvalidSpecificationError
from maze.perception.models.built_in.flatten_concat import (
    FlattenConcatPolicyNet,
    FlattenConcatStateActionValueNet,
    FlattenConcatStateValueNet,
)
from maze.perception.models.built_in.flatten_concat_shared_embedding import (
    FlattenConcatSharedEmbeddingPolicyNet,
    FlattenConcatSharedEmbeddingStateValueNet,
)
from maze.perception.models.composers import CustomModelComposer
from maze.perception.models.critics import SharedStateCriticComposer, StateCriticComposer
from maze.perception.models.state_action_critics import StateActionCriticComposer

OBSERVATION_SPACE = spaces.Dict(observation=spaces.Box(-1, 1, (4,), np.float32))
ACTION_SPACE = spaces.Dict(action=spaces.Discrete(2))
POLICY_COMPOSER = "maze.perception.models.policies.ProbabilisticPolicyComposer"


def composed(policy_network: type[nn.Module], critic: dict) -> CustomModelComposer:
    policy = {"_target_": POLICY_COMPOSER, "networks": [policy_network]}
    return CustomModelComposer({0: ACTION_SPACE}, {0: OBSERVATION_SPACE}, {0: 1}, policy=policy, critic=critic)


def test_critics_share_the_embedding_of_the_policy_and_both_teach_it() -> None:
    for critic in (SharedStateCriticComposer, StateCriticComposer):
        target = f"{critic.__module__}.{critic.__qualname__}"
        model = composed(
            FlattenConcatSharedEmbeddingPolicyNet,
            {
                "_target_": target,
                "networks": [partial(FlattenConcatSharedEmbeddingStateValueNet, head_units=[])],
            },
        )
        embedding = model.policy.networks[0].embedding
        assert model.critic.networks[0].embedding is embedding
        model.critic.value({"observation": torch.ones(1, 4)}).backward()
        assert embedding[0].weight.grad.abs().sum() > 0
        both = ActorCritic(model.policy, model.critic)
        weights = both.export_weights()
        assert torch.equal(
            weights["policy.networks.0.embedding.0.weight"], weights["critic.networks.0.embedding.0.weight"]
        )
        both.import_weights(weights)
    with pytest.raises(InvalidSpecificationError, match="which is a FlattenConcatPolicyNet; accepted is a FlattenC"):
        composed(FlattenConcatPolicyNet, {"_target_": target, "networks": [FlattenConcatSharedEmbeddingStateValueNet]})
    network = model.policy.networks[0]
    with pytest.raises(InvalidSpecificationError, match="an embedding can be shared where they are the same"):
        FlattenConcatSharedEmbeddingStateValueNet({"observation": (5,)}, network)


def test_one_critic_for_all_step_keys() -> None:
    observation_spaces = {0: OBSERVATION_SPACE, 1: OBSERVATION_SPACE}
    critic = SharedStateCriticComposer(observation_spaces, networks=[FlattenConcatStateValueNet]).critic
    assert critic.networks[0] is critic.networks[1]
    other = {0: OBSERVATION_SPACE, 1: spaces.Dict(board=spaces.MultiBinary(9))}
    with pytest.raises(InvalidSpecificationError, match=r"step key 1 has the observation space .*Use StateCriticComp"):
        SharedStateCriticComposer(other, networks=[FlattenConcatStateValueNet])
    with pytest.raises(InvalidSpecificationError, match="one step and one agent"):
        SharedStateCriticComposer(observation_spaces, None, [FlattenConcatStateValueNet], stack_observations=True)
    assert SharedStateCriticComposer({0: OBSERVATION_SPACE}, {0: 1}, [FlattenConcatStateValueNet], True).critic


class TwoValues(nn.Module):
    """Puts out one number too many."""

    def __init__(self, obs_shapes: dict, output_shapes: dict) -> None:
        super().__init__()

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"q_value": torch.zeros(len(inputs["observation"]), 2)}


def test_critics_of_actions_get_two_networks_with_weights_of_their_own() -> None:
    steering = spaces.Dict(action=spaces.Box(-1, 1, (3,), np.float32))
    composer = StateActionCriticComposer(
        {0: OBSERVATION_SPACE}, {0: steering}, networks=[FlattenConcatStateActionValueNet]
    )
    first, second = composer.critic.networks[0]
    assert first.obs_shapes == {"observation": (4,), "action": (3,)}
    assert not torch.equal(first.trunk[0].weight, second.trunk[0].weight)
    with pytest.raises(InvalidSpecificationError, match="is one network; a critic of actions needs two"):
        StateActionCriticComposer({0: OBSERVATION_SPACE}, {0: steering}, networks=[first]).build()
    with pytest.raises(InvalidSpecificationError, match="'observation' is the key of an observation and of an action"):
        StateActionCriticComposer(
            {0: OBSERVATION_SPACE}, {0: OBSERVATION_SPACE}, networks=[FlattenConcatStateActionValueNet]
        ).build()
    with pytest.raises(InvalidSpecificationError, match=r"puts out 'q_value' of the shape \(2, 2\) for a batch of 2"):
        StateActionCriticComposer(
            {0: OBSERVATION_SPACE},
            {0: steering},
            networks=[TwoValues],
        ).build()
