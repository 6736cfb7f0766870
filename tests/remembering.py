"""Networks with state, as users write them, whose every number can be written down in advance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CUSTOM", "CountingCritic", "CountingNet", "GRUNet", "GRUValueNet"]


class CountingNet(nn.Module):
    """Counts the steps of an episode: its state is the number of steps before, and so is the logit of action 0.

    The state starts from what an observation says as well, so that rows which mix would show.
    """

    def __init__(self, obs_shapes: Mapping[str, Any], action_logits_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.obs_shapes = dict(obs_shapes)
        self.state_shapes = {"count": (1,), "seen": (2,)}
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        count = inputs["count"]
        logits = torch.cat([count * self.scale, torch.zeros_like(count)], -1)
        return {"action": logits, "count": count + 1.0, "seen": inputs["seen"] + inputs["observation"]}


class CountingCritic(nn.Module):
    """Says that a state is worth as many steps as the episode has had, the present observation included."""

    def __init__(self, obs_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.state_shapes = {"steps": ()}
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        steps = inputs["steps"] + 1.0
        return {"value": steps.unsqueeze(-1) * self.scale, "steps": steps}


class GRUNet(nn.Module):
    """A policy network with a cell of torch's."""

    def __init__(self, obs_shapes: Mapping[str, Any], action_logits_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.obs_shapes = dict(obs_shapes)
        self.state_shapes = {"hidden": (16,)}
        self.cell = nn.GRUCell(obs_shapes["observation"][0], 16)
        self.head = nn.Linear(16, action_logits_shapes["action"][0])

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        hidden = self.cell(inputs["observation"], inputs["hidden"])
        return {"action": self.head(hidden), "hidden": hidden}


class GRUValueNet(nn.Module):
    """A critic on the memory of the policy's network."""

    def __init__(self, obs_shapes: Mapping[str, Any], policy_network: GRUNet) -> None:
        super().__init__()
        self.state_shapes = policy_network.state_shapes
        self.cell = policy_network.cell
        self.head = nn.Linear(16, 1)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        hidden = self.cell(inputs["observation"], inputs["hidden"])
        return {"value": self.head(hidden), "hidden": hidden}


def _module(policy: str, critic: str) -> dict[str, Any]:
    models = "maze.perception.models"
    return {
        "model": {
            "_target_": f"{models}.composers.CustomModelComposer",
            "policy": {
                "_target_": f"{models}.policies.ProbabilisticPolicyComposer",
                "networks": [{"_target_": f"tests.remembering.{policy}"}],
            },
            "critic": {
                "_target_": f"{models}.critics.StateCriticComposer",
                "networks": [{"_target_": f"tests.remembering.{critic}"}],
            },
        },
        "overrides": {"allowed_modules": ["tests.remembering"]},
    }


CUSTOM = {"counting": _module("CountingNet", "CountingCritic"), "shared GRU": _module("GRUNet", "GRUValueNet")}
"""Arguments of a RunContext by name."""
