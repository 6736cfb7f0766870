"""Networks as somebody writes them who knows torch and nothing of maze: no plan, no blocks, one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

__all__ = ["OwnPolicy", "OwnValue"]

Shapes = Mapping[str, Sequence[int]]


class OwnPolicy(nn.Module):
    """Two layers of 64 tanh, and a logit for each action.

    Args:
        obs_shapes: shape of one observation by key.
        action_logits_shapes: shape of the logits by action head.
    """

    def __init__(self, obs_shapes: Shapes, action_logits_shapes: Shapes) -> None:
        super().__init__()
        n_in, n_out = obs_shapes["observation"][0], action_logits_shapes["action"][0]
        self.body = nn.Sequential(nn.Linear(n_in, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.head = nn.Linear(64, n_out)

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits [B, n]."""
        return {"action": self.head(self.body(observation["observation"]))}


class OwnValue(nn.Module):
    """Two layers of 64 tanh, and a value.

    Args:
        obs_shapes: shape of one observation by key.
    """

    def __init__(self, obs_shapes: Shapes) -> None:
        super().__init__()
        n_in = obs_shapes["observation"][0]
        self.layers = nn.Sequential(nn.Linear(n_in, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the values [B, 1]."""
        return {"value": self.layers(observation["observation"])}
