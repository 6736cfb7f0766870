"""Dense layers: on the last axis, on everything flattened, and the linear layer at the end of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from maze.perception.blocks.base import (
    Block,
    Keys,
    NonLinearity,
    Shapes,
    flatten_batch,
    resolve_non_linearity,
)
from maze.perception.blocks.parameters import check_count, check_parameters, check_widths
from maze.perception.weight_init import OrthogonalLinear, gain_of

__all__ = ["DenseBlock", "FlattenBlock", "FlattenDenseBlock", "LinearOutputBlock", "dense_layers"]


class DenseBlock(Block):
    """Fully connected layers on the last axis, each followed by a non-linearity, with orthogonal weights.

    Axes in front of the last one are treated like batch axes: ``(T, n)`` becomes ``(T, hidden_units[-1])``. See
    ``FlattenDenseBlock`` for layers on all axes at once.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input; ``()`` is one feature.
        hidden_units: width of each layer; none leaves the input as it is.
        non_lin: the non-linearity after each layer.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_units: Sequence[int],
        non_lin: NonLinearity = "torch.nn.Tanh",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_axes=1)
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.non_lin = resolve_non_linearity(non_lin)
        in_features = self.in_shape[-1] if self.in_shape else 1
        self.layers = dense_layers(in_features, self.hidden_units, self.non_lin, generator)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_units[-1]] from [B, n]."""
        result: Tensor = self.layers(flatten_batch(values[0]))
        return result

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """See the base class."""
        return tuple(self.layers) if len(self.in_shape) <= 1 else None


class FlattenBlock(Block):
    """Turns an input, or its last axes, into one vector of float32.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input.
        num_flatten_dims: how many of the last axes become one; None takes all.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, num_flatten_dims: int | None = None) -> None:
        check_parameters(num_flatten_dims=num_flatten_dims)
        super().__init__(in_keys, out_keys, in_shapes, n_axes=num_flatten_dims)
        self.num_flatten_dims = num_flatten_dims

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, n] from [B, ...]."""
        return flatten_batch(values[0])

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """See the base class."""
        return () if self._own_axes == [len(self.in_shape)] else None


class FlattenDenseBlock(Block):
    """Flattens its input, or its last axes, then applies dense layers.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input.
        hidden_units: width of each layer.
        non_lin: the non-linearity after each layer.
        num_flatten_dims: how many of the last axes become one; None takes all.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_units: Sequence[int],
        non_lin: NonLinearity = "torch.nn.Tanh",
        num_flatten_dims: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        check_parameters(num_flatten_dims=num_flatten_dims)
        super().__init__(in_keys, out_keys, in_shapes, n_axes=num_flatten_dims)
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.non_lin = resolve_non_linearity(non_lin)
        n_axes = self._own_axes[0]
        in_features = math.prod(self.in_shape[len(self.in_shape) - n_axes :])
        self.layers = dense_layers(in_features, self.hidden_units, self.non_lin, generator)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_units[-1]] from [B, ...]."""
        result: Tensor = self.layers(flatten_batch(values[0]))
        return result

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """See the base class."""
        return tuple(self.layers) if self._own_axes == [len(self.in_shape)] else None


class LinearOutputBlock(Block):
    """One linear layer on the last axis, the last of a network.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input.
        output_units: number of outputs.
        gain: scale of the orthogonal weights; small for policies, see ``POLICY_HEAD_GAIN``.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        output_units: int,
        gain: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_axes=1)
        self.output_units = check_count("output_units", output_units)
        self.layer = OrthogonalLinear(self.in_shape[-1] if self.in_shape else 1, output_units, gain, generator)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, output_units] from [B, n]."""
        result: Tensor = self.layer(flatten_batch(values[0]))
        return result

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """See the base class."""
        return (self.layer,) if len(self.in_shape) <= 1 else None


def dense_layers(
    in_features: int, hidden_units: Sequence[int], non_lin: type[nn.Module], generator: torch.Generator | None = None
) -> nn.Sequential:
    """Return linear layers with orthogonal weights, each followed by a non-linearity.

    Raises:
        InvalidSpecificationError: where a width is not a whole number above 0.
    """
    modules: list[nn.Module] = []
    for n_in, n_out in pairwise((in_features, *check_widths("hidden_units", hidden_units))):
        modules += [OrthogonalLinear(n_in, n_out, gain_of(non_lin), generator), non_lin()]
    return nn.Sequential(*modules)
