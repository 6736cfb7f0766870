"""Blocks without layers of their own: joining, cutting, repeating, comparing and masking tensors, and any function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from maze.config.instantiate import resolve_target
from maze.errors import InvalidSpecificationError, MazeError, suggest
from maze.perception.blocks.base import Block, Keys, Shape, Shapes, floating

__all__ = [
    "MASKED_LOGIT",
    "ActionMaskingBlock",
    "ConcatenationBlock",
    "CorrelationBlock",
    "FunctionalBlock",
    "MultiIndexSlicingBlock",
    "RepeatToMatchBlock",
    "SliceBlock",
    "TorchModelBlock",
]

MASKED_LOGIT = -1e9
"""Logit of an impossible action: probability 0 in float32, and yet finite in every formula, also divided by a small
temperature."""


class ConcatenationBlock(Block):
    """Puts several inputs behind each other, as float32.

    Args:
        in_keys: keys that are read, in the order of concatenation.
        out_keys: the one key that is put out.
        in_shapes: shape of each input; equal but for the axis of concatenation.
        concat_dim: the axis, counted without batch axes.

    Raises:
        InvalidSpecificationError: where the shapes do not go together.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, concat_dim: int = -1) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=None)
        self.concat_dim = _batched_axis(self, concat_dim, self.in_shape)
        first = self._rest(self.in_shape)
        for key, shape in zip(self.in_keys, self.in_shapes, strict=True):
            if len(shape) != len(self.in_shape) or self._rest(shape) != first:
                raise InvalidSpecificationError(
                    f"ConcatenationBlock: {key!r} has the shape {shape}, which does not go together with "
                    f"{self.in_keys[0]!r} of the shape {self.in_shape} along the axis {concat_dim}."
                )

    def _rest(self, shape: Shape) -> Shape:
        """Return the sizes of all axes but the one of concatenation."""
        return shape[: self.concat_dim - 1] + shape[self.concat_dim :]

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, ...] from inputs [B, ...]."""
        if len(values) == 1:
            return floating(values[0])
        return torch.cat([floating(value) for value in values], self.concat_dim)


class FunctionalBlock(Block):
    """Applies a function of tensors.

    Args:
        in_keys: keys that are read; the function's positional arguments.
        out_keys: keys that are put out.
        in_shapes: shape of each input.
        func: a function of tensors [B, ...] that returns one for each of ``out_keys``; or its dotted path, such as
            ``torch.nn.functional.normalize``.

    Raises:
        InvalidSpecificationError: where it is no function.
    """

    def __init__(
        self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, func: str | Callable[..., Tensor | Sequence[Tensor]]
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=None)
        self.func = resolve_target(func, "func") if isinstance(func, str) else func
        if not callable(self.func):
            raise InvalidSpecificationError(
                f"func: {func!r} is not accepted; accepted: a function, or its dotted path."
            )

    def compute(self, *values: Tensor) -> Tensor | Sequence[Tensor]:
        """Return what the function returns."""
        result: Tensor | Sequence[Tensor] = self.func(*values)
        return result


class SliceBlock(Block):
    """Cuts a range out of one axis.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input.
        slice_dim: the axis, counted without batch axes.
        slice_start: first index of the range; None for the beginning.
        slice_stop: index after the last one; None for the end.
        slice_step: distance of the indices.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        slice_dim: int = -1,
        slice_start: int | None = None,
        slice_stop: int | None = None,
        slice_step: int = 1,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes)
        self.slice_dim = _batched_axis(self, slice_dim, self.in_shape)
        self._slice = slice(slice_start, slice_stop, slice_step)
        if slice_step < 1 or not range(*self._slice.indices(self.in_shape[self.slice_dim - 1])):
            raise InvalidSpecificationError(
                f"SliceBlock: {self._slice} of the axis {slice_dim} of {self.in_keys[0]!r}, which has the shape "
                f"{self.in_shape}, leaves nothing."
            )

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, ...] from [B, ...]."""
        return values[0][(slice(None),) * self.slice_dim + (self._slice,)]


class MultiIndexSlicingBlock(Block):
    """Picks entries of one axis by their indices.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: shape of the input.
        select_dim: the axis, counted without batch axes.
        select_idxs: the indices, in the order in which they come out; one number takes the axis away.

    Raises:
        InvalidSpecificationError: where an index lies outside.
    """

    def __init__(
        self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, select_dim: int, select_idxs: int | Sequence[int]
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes)
        self.select_dim = _batched_axis(self, select_dim, self.in_shape)
        size = self.in_shape[self.select_dim - 1]
        indices = [select_idxs] if isinstance(select_idxs, int) else list(select_idxs)
        for index in indices:
            if not isinstance(index, int) or not -size <= index < size:
                raise InvalidSpecificationError(
                    f"select_idxs: {index!r} lies outside the axis {select_dim} of {self.in_keys[0]!r}, which has the "
                    f"shape {self.in_shape}; accepted: {-size} to {size - 1}."
                )
        self._index: int | list[int] = select_idxs if isinstance(select_idxs, int) else indices

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, ...] from [B, ...]."""
        return values[0][(slice(None),) * self.select_dim + (self._index,)]


class RepeatToMatchBlock(Block):
    """Repeats the first input along an axis until that axis is as long as the second input's.

    Args:
        in_keys: what is repeated, and what it is to match.
        out_keys: the one key that is put out.
        in_shapes: shapes of both; where the first has one axis less, or size 1 there, the axis is put in or stretched.
        repeat_at_idx: the axis in the second input, counted without batch axes.

    Raises:
        InvalidSpecificationError: where the first input cannot be repeated so.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, repeat_at_idx: int) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=2)
        source, target = self.in_shapes
        self.repeat_at_idx = _batched_axis(self, repeat_at_idx, target)
        axis = self.repeat_at_idx - 1
        self._put_in = len(source) == len(target) - 1
        if not self._put_in and (len(source) != len(target) or source[axis] != 1):
            raise InvalidSpecificationError(
                f"RepeatToMatchBlock: {self.in_keys[0]!r} of the shape {source} cannot be repeated along the axis "
                f"{repeat_at_idx} of {target}; expected is one axis less, or size 1 there."
            )
        self._times = target[axis]

    def compute(self, *values: Tensor) -> Tensor:
        """Return the first input with the second one's size along the axis."""
        value = values[0].unsqueeze(self.repeat_at_idx) if self._put_in else values[0]
        sizes = [-1] * value.ndim
        sizes[self.repeat_at_idx] = self._times
        return value.expand(sizes)


class CorrelationBlock(Block):
    """Multiplies two inputs, element by element, and sums over the last axis where told: their inner product.

    Args:
        in_keys: the two keys that are read.
        out_keys: the one key that is put out.
        in_shapes: shapes of both; they have to go together as torch's rules of broadcasting say.
        reduce: sum over the last axis, which then has size 1.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, reduce: bool = True) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=2)
        self.reduce = reduce
        try:
            torch.broadcast_shapes(*self.in_shapes)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise InvalidSpecificationError(
                f"CorrelationBlock: {self.in_keys[0]!r} has the shape {self.in_shapes[0]}, {self.in_keys[1]!r} has "
                f"{self.in_shapes[1]}; they cannot be multiplied."
            ) from error
        if len(self.in_shapes[0]) != len(self.in_shapes[1]):
            raise InvalidSpecificationError(
                f"CorrelationBlock: {self.in_shapes[0]} and {self.in_shapes[1]} differ in their number of axes; put "
                "in axes of size 1, for example with RepeatToMatchBlock."
            )

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, ...] from two inputs [B, ...]."""
        product = floating(values[0]) * floating(values[1])
        return product.sum(-1, keepdim=True) if self.reduce else product


class ActionMaskingBlock(Block):
    """Makes impossible actions impossible: their logits become ``MASKED_LOGIT``, so that they are never sampled.

    Where nothing is possible, all actions are equally likely.

    Args:
        in_keys: logits, and the mask: 0 (or False) where an action is impossible.
        out_keys: the one key that is put out.
        in_shapes: shapes of both, which are equal.

    Raises:
        InvalidSpecificationError: where the shapes differ.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=2)
        if self.in_shapes[0] != self.in_shapes[1]:
            raise InvalidSpecificationError(
                f"ActionMaskingBlock: the mask {self.in_keys[1]!r} has the shape {self.in_shapes[1]}; expected is "
                f"{self.in_shapes[0]}, the shape of {self.in_keys[0]!r}."
            )

    def compute(self, *values: Tensor) -> Tensor:
        """Return logits [B, ...] from logits and mask [B, ...]."""
        logits, mask = values
        return logits.masked_fill(mask == 0, MASKED_LOGIT)


class TorchModelBlock(Block):
    """Makes a block of any module that maps a dictionary of tensors to a dictionary of tensors.

    Args:
        in_keys: keys that are read.
        out_keys: keys that are put out.
        in_shapes: shape of each input.
        net: the module; called with tensors [B, ...] by ``in_keys``.

    Raises:
        InvalidSpecificationError: where it is no module.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, net: nn.Module) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=None)
        if not isinstance(net, nn.Module):
            raise InvalidSpecificationError(f"net: {net!r} is not accepted; accepted: a torch.nn.Module.")
        self.net = net

    def compute(self, *values: Tensor) -> list[Tensor]:
        """Return what the module puts out."""
        outputs: Any = self.net(dict(zip(self.in_keys, values, strict=True)))
        name = type(self.net).__name__
        if not isinstance(outputs, Mapping):
            raise MazeError(f"TorchModelBlock: {name} returned a {type(outputs).__name__}; expected is a dictionary.")
        for key in self.out_keys:
            if key not in outputs:
                raise MazeError(f"TorchModelBlock: {name} put out no {key!r}; {suggest(key, outputs)}")
        return [outputs[key] for key in self.out_keys]


def _batched_axis(block: Block, axis: int, shape: Shape) -> int:
    """Return the axis of [B, *shape] that is the axis of ``shape``."""
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise InvalidSpecificationError(
            f"{type(block).__name__}: there is no axis {axis!r} in the shape {shape}; accepted: {-len(shape)} to "
            f"{len(shape) - 1}."
        )
    return axis % len(shape) + 1
