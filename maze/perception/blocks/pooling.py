"""From many vectors to one: means, sums and maxima over places or elements."""

from __future__ import annotations

from torch import Tensor

from maze.errors import InvalidSpecificationError, suggest
from maze.perception.blocks.base import Block, Keys, Shapes, floating

__all__ = ["GlobalAveragePoolingBlock", "MaskedGlobalPoolingBlock"]

_POOLING = ("max", "mean", "sum")


class GlobalAveragePoolingBlock(Block):
    """The mean of each channel over all places: ``(C,)`` from ``(C, H, W)``.

    Source: Lin et al., Network in network, 2014.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: channels first, then at least one axis of places.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes) -> None:
        super().__init__(in_keys, out_keys, in_shapes)
        if len(self.in_shape) < 2:
            raise InvalidSpecificationError(
                f"GlobalAveragePoolingBlock: {self.in_keys[0]!r} has the shape {self.in_shape}; expected is (channels, "
                "places, ...)."
            )

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, C] from [B, C, ...]."""
        return floating(values[0]).flatten(2).mean(-1)


class MaskedGlobalPoolingBlock(Block):
    """Pools over a varying number of elements: those that the mask marks as real. Without any, the result is 0.

    Args:
        in_keys: elements, and their mask: 0 (or False) where an element is only padding.
        out_keys: the one key that is put out.
        in_shapes: ``(N, n)`` and ``(N,)``; further axes in front have to be equal in both.
        pooling_func: ``mean``, ``sum`` or ``max``.
    """

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, pooling_func: str = "mean") -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=2)
        if pooling_func not in _POOLING:
            raise InvalidSpecificationError(f"pooling_func: {pooling_func!r}; {suggest(pooling_func, _POOLING)}")
        elements, mask = self.in_shapes
        if len(elements) < 2 or elements[:-1] != mask:
            raise InvalidSpecificationError(
                f"MaskedGlobalPoolingBlock: the mask {self.in_keys[1]!r} has the shape {mask}; expected is "
                f"{elements[:-1]}, for {self.in_keys[0]!r} of the shape {elements} (elements, features)."
            )
        self.pooling_func = pooling_func

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, n] from elements [B, N, n] and mask [B, N]."""
        elements, real = floating(values[0]), (values[1] != 0).unsqueeze(-1)
        if self.pooling_func == "max":
            lowest = elements.masked_fill(~real, float("-inf")).amax(-2)
            return lowest.masked_fill(~real.any(-2), 0.0)
        total = elements.masked_fill(~real, 0.0).sum(-2)
        return total if self.pooling_func == "sum" else total / real.sum(-2).clamp(min=1)
