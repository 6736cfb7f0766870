"""Components in every form, as users make them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from maze import (
    CustomModelComposer,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    ProbabilisticPolicyComposer,
    StateCriticComposer,
)
from maze.distributions import DistributionMapper
from maze.perception import FlattenConcatPolicyNet, FlattenConcatStateValueNet

__all__ = [
    "CRITIC",
    "LOG_STATS",
    "MODEL",
    "NORMALIZATION",
    "POLICY",
    "OnlyNamed",
    "PolicyNet",
    "ShapedNet",
    "StateNet",
    "cartpole",
    "critic_object",
    "made",
    "model_object",
    "policy_object",
    "scaled",
]

LOG_STATS = "maze.env.log_stats.LogStatsWrapper"
NORMALIZATION = "maze.env.normalization.ObservationNormalizationWrapper"
COMPOSERS = "maze.perception.models"
NETWORKS = "maze.perception.models.built_in.flatten_concat"

POLICY = {
    "_target_": f"{COMPOSERS}.policies.ProbabilisticPolicyComposer",
    "networks": [{"_target_": f"{NETWORKS}.FlattenConcatPolicyNet", "hidden_units": [7], "non_lin": "torch.nn.ELU"}],
}
CRITIC = {
    "_target_": f"{COMPOSERS}.critics.StateCriticComposer",
    "networks": [
        {"_target_": f"{NETWORKS}.FlattenConcatStateValueNet", "hidden_units": [5], "non_lin": "torch.nn.ELU"}
    ],
}
MODEL = {"_target_": f"{COMPOSERS}.composers.CustomModelComposer", "policy": POLICY, "critic": CRITIC}


def cartpole() -> GymMazeEnv:
    return GymMazeEnv("CartPole-v1")


def spaces_of_cartpole() -> dict[str, Any]:
    env = cartpole()
    return {"action_spaces_dict": env.action_spaces_dict, "observation_spaces_dict": env.observation_spaces_dict}


def policy_object() -> ProbabilisticPolicyComposer:
    given = spaces_of_cartpole()
    mapper = DistributionMapper(given["action_spaces_dict"][0])
    network = functools.partial(FlattenConcatPolicyNet, hidden_units=[7], non_lin=nn.ELU)
    return ProbabilisticPolicyComposer(**given, distribution_mapper=mapper, networks=[network])


def critic_object() -> StateCriticComposer:
    network = functools.partial(FlattenConcatStateValueNet, hidden_units=[5], non_lin=nn.ELU)
    return StateCriticComposer(spaces_of_cartpole()["observation_spaces_dict"], networks=[network])


def model_object(critic: Any = CRITIC) -> CustomModelComposer:
    return CustomModelComposer(**spaces_of_cartpole(), agent_counts_dict={0: 1}, policy=POLICY, critic=critic)


class OnlyNamed:
    """A policy composer that offers what it made under its name, as composers of the original do."""

    def __init__(self) -> None:
        self.policy = policy_object().policy


class PolicyNet(nn.Module):
    """A network of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"action": self.layer(observation["observation"])}


class ShapedNet(nn.Module):
    """A network of a user's own that is made from shapes."""

    def __init__(self, obs_shapes: Mapping[str, Any], action_logits_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(obs_shapes["observation"][0], action_logits_shapes["action"][0])

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"action": self.layer(observation["observation"])}


class StateNet(nn.Module):
    """A state critic's network of a user's own."""

    def __init__(self, obs_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(obs_shapes["observation"][0], 1)

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"value": self.layer(observation["observation"])}


def scaled(env: MazeEnv) -> MazeEnv:
    return LogStatsWrapper.wrap(env, logging_prefix="scaled")


def made(make: Callable[[], Any]) -> Any:
    """Make what a user would have made before, whose weights come from torch's own generator."""
    with torch.random.fork_rng(devices=[]):
        return make()
