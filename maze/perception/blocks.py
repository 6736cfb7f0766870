"""Building blocks of networks: each knows its input and output shape, without the batch axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from maze.config.instantiate import resolve_target
from maze.errors import InvalidSpecificationError
from maze.perception.weight_init import OrthogonalLinear, gain_of

__all__ = [
    "Block",
    "ConcatenationBlock",
    "DenseBlock",
    "FlattenBlock",
    "LinearOutputBlock",
    "NonLinearity",
    "concatenate_flat",
    "dense_layers",
    "flatten_batch",
    "layer_widths",
    "resolve_non_linearity",
]

NonLinearity: TypeAlias = str | type[nn.Module]
"""A dotted path such as ``torch.nn.Tanh``, or the class itself."""


class Block(nn.Module):
    """Base of all blocks with one input.

    Args:
        in_shape: shape of one input.

    Attributes:
        out_shape: shape of one output.
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]

    def __init__(self, in_shape: Sequence[int]) -> None:
        super().__init__()
        self.in_shape = tuple(int(size) for size in in_shape)
        self.out_shape = self.in_shape

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """Return the modules that compute this block on flat inputs [B, n] one after another, else None."""
        return None


class FlattenBlock(Block):
    """Turns any input into one vector of float32."""

    def __init__(self, in_shape: Sequence[int]) -> None:
        super().__init__(in_shape)
        self.out_shape = (math.prod(self.in_shape),)

    def forward(self, value: Tensor) -> Tensor:
        """Return [B, n] from [B, *in_shape]."""
        return flatten_batch(value)

    def dense_modules(self) -> tuple[nn.Module, ...]:
        """See the base class."""
        return ()


class DenseBlock(Block):
    """Fully connected layers, each followed by a non-linearity, with orthogonal weights.

    Args:
        in_shape: shape of one input; flattened first.
        hidden_units: width of each layer.
        non_lin: the non-linearity after each layer.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        hidden_units: Sequence[int],
        non_lin: NonLinearity = "torch.nn.Tanh",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_shape)
        self.hidden_units = layer_widths(hidden_units)
        self.non_lin = resolve_non_linearity(non_lin)
        in_features = math.prod(self.in_shape)
        self.layers = dense_layers(in_features, self.hidden_units, self.non_lin, generator)
        self.out_shape = (self.hidden_units[-1] if self.hidden_units else in_features,)

    def forward(self, value: Tensor) -> Tensor:
        """Return [B, hidden_units[-1]] from [B, *in_shape]."""
        result: Tensor = self.layers(flatten_batch(value))
        return result

    def dense_modules(self) -> tuple[nn.Module, ...]:
        """See the base class."""
        return tuple(self.layers)


class LinearOutputBlock(Block):
    """One linear layer, the last of a network.

    Args:
        in_shape: shape of one input; flattened first.
        output_units: number of outputs.
        gain: scale of the orthogonal weights.
        generator: source of the initial weights; torch's own, which the caller has seeded, when None.
    """

    def __init__(
        self, in_shape: Sequence[int], output_units: int, gain: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(in_shape)
        self.layer = OrthogonalLinear(math.prod(self.in_shape), output_units, gain, generator)
        self.out_shape = (output_units,)

    def forward(self, value: Tensor) -> Tensor:
        """Return [B, output_units] from [B, *in_shape]."""
        result: Tensor = self.layer(flatten_batch(value))
        return result

    def dense_modules(self) -> tuple[nn.Module, ...]:
        """See the base class."""
        return (self.layer,)


class ConcatenationBlock(nn.Module):
    """Flattens several inputs and puts them behind each other.

    Args:
        in_shapes: shape of one input each, in the order of concatenation.
    """

    def __init__(self, in_shapes: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.in_shapes = [tuple(shape) for shape in in_shapes]
        self.out_shape = (sum(math.prod(shape) for shape in self.in_shapes),)

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """Return [B, n] from inputs [B, ...]."""
        flat = [flatten_batch(value) for value in values]
        return flat[0] if len(flat) == 1 else torch.cat(flat, -1)


def resolve_non_linearity(non_lin: NonLinearity) -> type[nn.Module]:
    """Return the module class of a non-linearity.

    Raises:
        InvalidSpecificationError: where it is no module class.
    """
    found: Any = resolve_target(non_lin, "non_lin") if isinstance(non_lin, str) else non_lin
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    raise InvalidSpecificationError(
        f"non_lin: {non_lin!r} is not a class of modules; accepted: a dotted path or class such as 'torch.nn.Tanh'."
    )


def layer_widths(hidden_units: Sequence[int]) -> list[int]:
    """Return the widths of layers, NumPy's whole numbers as plain ones.

    Raises:
        InvalidSpecificationError: it is no list, or a width is not a whole number above 0.
    """
    if not isinstance(hidden_units, Iterable) or isinstance(hidden_units, (str, bytes)):
        raise InvalidSpecificationError(
            f"hidden_units: {hidden_units!r} is not accepted; accepted: a list of whole numbers above 0, such as [64]."
        )
    widths = list(hidden_units)
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, (int, np.integer)) or width < 1:
            raise InvalidSpecificationError(
                f"hidden_units: {widths!r} has the width {width!r}; accepted: whole numbers above 0."
            )
    return [int(width) for width in widths]


def dense_layers(
    in_features: int, hidden_units: Sequence[int], non_lin: type[nn.Module], generator: torch.Generator | None = None
) -> nn.Sequential:
    """Return linear layers with orthogonal weights, each followed by a non-linearity.

    Raises:
        InvalidSpecificationError: where a width is not a whole number above 0.
    """
    modules: list[nn.Module] = []
    for n_in, n_out in pairwise((in_features, *layer_widths(hidden_units))):
        modules += [OrthogonalLinear(n_in, n_out, gain_of(non_lin), generator), non_lin()]
    return nn.Sequential(*modules)


def flatten_batch(value: Tensor) -> Tensor:
    """Return float32 [B, n] from [B, ...]; no operation where it already is that."""
    if value.dtype != torch.float32:
        value = value.float()
    return value if value.ndim == 2 else value.reshape(value.shape[0], -1)


def concatenate_flat(observation: Mapping[str, Tensor], keys: Sequence[str]) -> Tensor:
    """Return the flattened observations [B, n] in the order of ``keys``."""
    if len(keys) == 1:
        return flatten_batch(observation[keys[0]])
    return torch.cat([flatten_batch(observation[key]) for key in keys], -1)
