"""Networks for observations that fit into one vector: flatten, concatenate, dense layers, linear heads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from maze.agents.dense_plan import DensePlan
from maze.agents.keyed_modules import KeyedModules
from maze.perception.blocks.base import NonLinearity, concatenate_flat, resolve_non_linearity
from maze.perception.blocks.dense import dense_layers
from maze.perception.blocks.parameters import check_weight_init, check_widths
from maze.perception.weight_init import (
    POLICY_HEAD_GAIN,
    VALUE_HEAD_GAIN,
    OrthogonalLinear,
    make_module_init_normc,
)

__all__ = ["FlattenConcatPolicyNet", "FlattenConcatStateActionValueNet", "FlattenConcatStateValueNet"]


class _FlattenConcatNet(nn.Module):
    """Dense layers on the flattened, concatenated observations, and linear heads.

    Attributes:
        obs_shapes: shape of one observation by key.
        hidden_units: width of each hidden layer.
        non_lin: class of the non-linearity.
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        head_shapes: Mapping[str, Sequence[int]],
        non_lin: NonLinearity,
        hidden_units: Sequence[int],
        head_gain: float,
        generator: torch.Generator | None,
        weight_init: str,
    ) -> None:
        super().__init__()
        self.obs_shapes = {key: tuple(shape) for key, shape in obs_shapes.items()}
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.non_lin = resolve_non_linearity(non_lin)
        self._keys = tuple(self.obs_shapes)
        self._head_shapes = {name: tuple(shape) for name, shape in head_shapes.items()}
        width = sum(math.prod(shape) for shape in self.obs_shapes.values())
        self.trunk = dense_layers(width, self.hidden_units, self.non_lin, generator)
        features = self.hidden_units[-1] if self.hidden_units else width
        self.heads = KeyedModules(
            {
                name: OrthogonalLinear(features, math.prod(shape), head_gain, generator)
                for name, shape in self._head_shapes.items()
            }
        )
        if check_weight_init(weight_init) == "normc":
            self.trunk.apply(make_module_init_normc(1.0))
            self.heads.apply(make_module_init_normc(head_gain))

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the heads' outputs [B, *shape] for observations [B, ...] by key."""
        features = self.trunk(concatenate_flat(observation, self._keys))
        outputs = {}
        for name, head in self.heads.items():
            shape = self._head_shapes[name]
            outputs[name] = head(features) if len(shape) == 1 else head(features).unflatten(-1, shape)
        return outputs

    def dense_plan(self) -> DensePlan | None:
        """Return how the network computes, None where an output is more than a vector."""
        if any(len(shape) != 1 for shape in self._head_shapes.values()):
            return None
        return DensePlan(self._keys, tuple(self.trunk), {name: (head,) for name, head in self.heads.items()})


class FlattenConcatPolicyNet(_FlattenConcatNet):
    """A policy network with one linear head per action head; the heads' initial weights are small.

    Args:
        obs_shapes: shape of one observation by key.
        action_logits_shapes: shape of the logits by action head.
        non_lin: non-linearity after each hidden layer.
        hidden_units: width of each hidden layer.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
        weight_init: ``orthogonal``, or ``normc`` (drawn from torch's own generator).
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        action_logits_shapes: Mapping[str, Sequence[int]],
        non_lin: NonLinearity = "torch.nn.Tanh",
        hidden_units: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
        weight_init: str = "orthogonal",
    ) -> None:
        super().__init__(
            obs_shapes, action_logits_shapes, non_lin, hidden_units, POLICY_HEAD_GAIN, generator, weight_init
        )


class FlattenConcatStateValueNet(_FlattenConcatNet):
    """A critic network with the one output ``value``, [B, 1].

    Args:
        obs_shapes: shape of one observation by key.
        non_lin: non-linearity after each hidden layer.
        hidden_units: width of each hidden layer.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
        weight_init: ``orthogonal``, or ``normc`` (drawn from torch's own generator).
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        non_lin: NonLinearity = "torch.nn.Tanh",
        hidden_units: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
        weight_init: str = "orthogonal",
    ) -> None:
        super().__init__(obs_shapes, {"value": (1,)}, non_lin, hidden_units, VALUE_HEAD_GAIN, generator, weight_init)


class FlattenConcatStateActionValueNet(_FlattenConcatNet):
    """A network of a state-action critic: observations, and actions where they are inputs, in one vector.

    Args:
        obs_shapes: shape of one input by key: observations, and actions by head where they are inputs.
        output_shapes: shape of each output by key: ``q_value``, or by discrete action head the number of actions.
        non_lin: non-linearity after each hidden layer.
        hidden_units: width of each hidden layer.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
        weight_init: ``orthogonal``, or ``normc`` (drawn from torch's own generator).
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        output_shapes: Mapping[str, Sequence[int]],
        non_lin: NonLinearity = "torch.nn.Tanh",
        hidden_units: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
        weight_init: str = "orthogonal",
    ) -> None:
        super().__init__(obs_shapes, output_shapes, non_lin, hidden_units, VALUE_HEAD_GAIN, generator, weight_init)
