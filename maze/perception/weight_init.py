"""Initial weights that let training start well; every draw can come from a generator of the caller's.

Source: Andrychowicz et al., What Matters In On-Policy Reinforcement Learning?, 2021 (small last layer of the policy);
Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2014 (orthogonal
weights).
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = [
    "POLICY_HEAD_GAIN",
    "VALUE_HEAD_GAIN",
    "OrthogonalLinear",
    "gain_of",
    "initialize_normalized_columns_",
    "initialize_orthogonal_",
]

POLICY_HEAD_GAIN = 0.01
"""Actions hardly depend on the observation at first, so that exploration starts unbiased."""

VALUE_HEAD_GAIN = 1.0
"""Values start at the scale of the features."""


class OrthogonalLinear(nn.Linear):
    """A linear layer whose weights are orthogonal from the start, drawn without touching torch's own generator.

    Args:
        in_features: number of inputs.
        out_features: number of outputs.
        gain: every singular value of the weight matrix.
        generator: source of randomness; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self, in_features: int, out_features: int, gain: float, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(in_features, out_features)
        initialize_orthogonal_(self, gain, generator)

    def reset_parameters(self) -> None:
        """Draw nothing: the constructor does, once."""


def gain_of(non_lin: type[nn.Module]) -> float:
    """Return the gain that keeps activations at unit scale: 5/3 before tanh, 1 before none, else sqrt(2)."""
    if non_lin is nn.Tanh:
        return 5.0 / 3.0
    return 1.0 if non_lin is nn.Identity else math.sqrt(2.0)


def initialize_orthogonal_(layer: nn.Linear, gain: float, generator: torch.Generator | None = None) -> nn.Linear:
    """Give ``layer`` orthogonal weights scaled by ``gain`` and zero bias, in place.

    Args:
        layer: the layer.
        gain: every singular value of the weight matrix.
        generator: source of randomness; torch's own, which the caller has seeded, when None.

    Returns:
        The same layer.
    """
    nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_normalized_columns_(
    layer: nn.Linear, norm: float, generator: torch.Generator | None = None
) -> nn.Linear:
    """Give every unit of ``layer`` normal incoming weights of Euclidean norm ``norm``, and zero bias, in place.

    Args:
        layer: the layer.
        norm: length of each unit's weight vector.
        generator: source of randomness; torch's own, which the caller has seeded, when None.

    Returns:
        The same layer.
    """
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        layer.weight.mul_(norm / layer.weight.norm(dim=1, keepdim=True))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
