"""Initial weights that let training start well; every draw can come from a generator of the caller's.

Source: Andrychowicz et al., What Matters In On-Policy Reinforcement Learning?, 2021 (small last layer of the policy);
Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2014 (orthogonal
weights); Jozefowicz et al., An Empirical Exploration of Recurrent Network Architectures, 2015 (forget gates that are
open at first).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

__all__ = [
    "POLICY_HEAD_GAIN",
    "VALUE_HEAD_GAIN",
    "OrthogonalLinear",
    "compute_sigmoid_bias",
    "gain_of",
    "initialize_normalized_columns_",
    "initialize_orthogonal_",
    "initialize_recurrent_",
    "make_module_init_normc",
]

POLICY_HEAD_GAIN = 0.01
"""Actions hardly depend on the observation at first, so that exploration starts unbiased."""

VALUE_HEAD_GAIN = 1.0
"""Values start at the scale of the features."""


_Layer = TypeVar("_Layer", bound=nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
_Recurrent = TypeVar("_Recurrent", bound=nn.RNNBase)


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


def initialize_orthogonal_(layer: _Layer, gain: float, generator: torch.Generator | None = None) -> _Layer:
    """Give ``layer`` orthogonal weights scaled by ``gain`` and zero bias, in place.

    Args:
        layer: the layer; of a convolution, the weights of each output channel are one row of the matrix.
        gain: every singular value of the weight matrix.
        generator: source of randomness; torch's own, which the caller has seeded, when None.

    Returns:
        The same layer.
    """
    nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_normalized_columns_(layer: _Layer, norm: float, generator: torch.Generator | None = None) -> _Layer:
    """Give every unit of ``layer`` normal incoming weights of Euclidean norm ``norm``, and zero bias, in place.

    Args:
        layer: the layer.
        norm: length of each unit's weight vector.
        generator: source of randomness; torch's own, which the caller has seeded, when None.

    Returns:
        The same layer.
    """
    with torch.no_grad():
        _normalize_rows_(layer.weight, norm, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_recurrent_(layer: _Recurrent) -> _Recurrent:
    """Give every gate of a recurrent layer orthogonal weights and zero bias; forget gates start with bias 1; in place.

    Args:
        layer: an LSTM or GRU; draws come from torch's own generator, which the caller has seeded.

    Returns:
        The same layer.
    """
    size = layer.hidden_size
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if parameter.ndim == 2:
                for gate in torch.split(parameter, size):
                    nn.init.orthogonal_(gate)
            else:
                parameter.zero_()
                if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):
                    parameter[size : 2 * size] = 1.0  # torch's order of gates: input, forget, cell, output
    return layer


def make_module_init_normc(std: float = 1.0) -> Callable[[nn.Module], None]:
    """Return a function for ``module.apply`` that gives every unit incoming weights of Euclidean norm ``std``.

    Linear, convolutional and recurrent layers are changed, others are left alone; biases become 0.

    Args:
        std: length of each unit's weight vector.
    """

    def initialize(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            initialize_normalized_columns_(module, std)
        elif isinstance(module, nn.RNNBase):
            with torch.no_grad():
                for parameter in module.parameters():
                    if parameter.ndim == 2:
                        _normalize_rows_(parameter, std, None)
                    else:
                        parameter.zero_()

    return initialize


def compute_sigmoid_bias(probability: float) -> float:
    """Return the bias with which a sigmoid begins at a probability between 0 and 1."""
    return math.log(probability / (1.0 - probability))


def _normalize_rows_(weight: torch.Tensor, norm: float, generator: torch.Generator | None) -> None:
    """Draw normal weights [n_out, ...] whose rows have the given length."""
    weight.normal_(generator=generator)
    lengths = weight.flatten(1).norm(dim=1)
    weight.mul_((norm / lengths).view(-1, *[1] * (weight.ndim - 1)))
