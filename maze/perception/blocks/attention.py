"""Attention: what is put out is a mean of values, weighted by how well their keys answer a query.

Source: Vaswani et al., Attention is all you need, 2017; Zhang et al., Self-attention generative adversarial networks,
2019 (attention between the places of an image).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks.base import Block, Keys, Shapes, floating
from maze.perception.blocks.convolution import scaled_image
from maze.perception.blocks.parameters import check_count, check_parameters
from maze.perception.weight_init import initialize_orthogonal_

__all__ = ["MultiHeadAttentionBlock", "SelfAttentionConvBlock", "SelfAttentionSeqBlock"]

_MASKED_SCORE = -1e9


class MultiHeadAttentionBlock(Block):
    """Attention of several heads; where the mask leaves no element, all count alike.

    Args:
        in_keys: query, key, value and, where elements may be padding, a mask: 0 (or False) where one is.
        out_keys: the result ``(T, n)``; a second key gets the weights, averaged over the heads, ``(T, S)``.
        in_shapes: ``(T, n)``, ``(S, k)``, ``(S, v)`` and ``(S,)``.
        num_heads: number of heads; divides n.
        dropout: fraction of the weights that are left out while training.
        bias: give the projections a bias.

    Raises:
        InvalidSpecificationError: where shapes or the number of heads do not fit.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=(3, 4))
        query, key, value, *masks = self.in_shapes
        if any(len(shape) != 2 for shape in (query, key, value)) or key[0] != value[0]:
            raise InvalidSpecificationError(
                f"{type(self).__name__}: query, key and value have the shapes {query}, {key} and {value}; expected are "
                "(T, n), (S, k) and (S, v)."
            )
        _check_mask(self, masks, key[0])
        self.attention = _attention(self, query[1], num_heads, dropout, bias, key[1], value[1])

    def compute(self, *values: Tensor) -> Sequence[Tensor]:
        """Return [B, T, n], and weights [B, T, S] where they are asked for."""
        return _attend(self, self.attention, values)


class SelfAttentionSeqBlock(Block):
    """Attention of the elements of a sequence to each other.

    Args:
        in_keys: the sequence and, where elements may be padding, a mask: 0 (or False) where one is.
        out_keys: the result ``(T, n)``; a second key gets the weights ``(T, T)``.
        in_shapes: ``(T, n)`` and ``(T,)``.
        num_heads: number of heads; divides n.
        dropout: fraction of the weights that are left out while training.
        bias: give the projections a bias.
        add_input_to_output: add the sequence to the result.

    Raises:
        InvalidSpecificationError: where shapes or the number of heads do not fit.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_input_to_output: bool = True,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_in=(1, 2))
        sequence, *masks = self.in_shapes
        if len(sequence) != 2:
            raise InvalidSpecificationError(
                f"SelfAttentionSeqBlock: {self.in_keys[0]!r} has the shape {sequence}; expected is (steps, features)."
            )
        _check_mask(self, masks, sequence[0])
        self.attention = _attention(self, sequence[1], num_heads, dropout, bias, sequence[1], sequence[1])
        self.add_input_to_output = add_input_to_output

    def compute(self, *values: Tensor) -> Sequence[Tensor]:
        """Return [B, T, n], and weights [B, T, T] where they are asked for."""
        sequence = floating(values[0])
        result, *weights = _attend(self, self.attention, (sequence, sequence, sequence, *values[1:]))
        return [result + sequence if self.add_input_to_output else result, *weights]


class SelfAttentionConvBlock(Block):
    """Attention of the places of an image to each other.

    Args:
        in_keys: the one key that is read.
        out_keys: the result ``(C, H, W)``; a second key gets the weights ``(H * W, H * W)``.
        in_shapes: ``(C, H, W)``.
        embed_dim: width of queries and keys; None for an eighth of the channels.
        add_input_to_output: put out the image plus the result times a learned factor, which is 0 at first.
        bias: give the projections a bias.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        embed_dim: int | None = None,
        add_input_to_output: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes)
        if len(self.in_shape) != 3:
            raise InvalidSpecificationError(
                f"SelfAttentionConvBlock: {self.in_keys[0]!r} has the shape {self.in_shape}; expected is (channels, "
                "height, width)."
            )
        channels = self.in_shape[0]
        width = max(1, channels // 8) if embed_dim is None else check_count("embed_dim", embed_dim)
        self.query = _projection(channels, width, bias)
        self.key = _projection(channels, width, bias)
        self.value = _projection(channels, channels, bias)
        self.gain = nn.Parameter(torch.zeros(())) if add_input_to_output else None

    def compute(self, *values: Tensor) -> Sequence[Tensor]:
        """Return [B, C, H, W], and weights [B, H * W, H * W] where they are asked for."""
        image = scaled_image(values[0])
        query, key, value = (layer(image).flatten(2) for layer in (self.query, self.key, self.value))  # [B, n, H * W]
        weights = (query.transpose(1, 2) @ key / math.sqrt(query.shape[1])).softmax(-1)
        result = (value @ weights.transpose(1, 2)).view_as(image)
        if self.gain is not None:
            result = image + self.gain * result
        return [result, weights][: len(self.out_keys)]


def _projection(n_in: int, n_out: int, bias: bool) -> nn.Conv2d:
    """Return a linear map of the channels at every place."""
    layer = nn.Conv2d(n_in, n_out, 1, bias=bias)
    initialize_orthogonal_(layer, 1.0)
    return layer


def _check_mask(block: Block, masks: Sequence[tuple[int, ...]], n_elements: int) -> None:
    """Compare the shape of a mask with the number of elements."""
    for mask in masks:
        if mask != (n_elements,):
            raise InvalidSpecificationError(
                f"{type(block).__name__}: the mask {block.in_keys[-1]!r} has the shape {mask}; expected is "
                f"{(n_elements,)}."
            )


def _attention(
    block: Block, width: int, num_heads: int, dropout: float, bias: bool, key_width: int, value_width: int
) -> nn.MultiheadAttention:
    """Return torch's attention layer."""
    check_parameters(num_heads=num_heads, dropout=dropout, bias=bias)
    if width % num_heads:
        raise InvalidSpecificationError(
            f"{type(block).__name__}: num_heads: {num_heads!r} does not divide the {width} features of "
            f"{block.in_keys[0]!r}."
        )
    return nn.MultiheadAttention(width, num_heads, dropout, bias, kdim=key_width, vdim=value_width, batch_first=True)


def _attend(block: Block, attention: nn.MultiheadAttention, values: Sequence[Tensor]) -> list[Tensor]:
    """Return the result and, where the block puts them out, the weights."""
    query, key, value = (floating(item) for item in values[:3])
    mask = None  # of finite scores: with infinite ones, a row without any element would become nan
    if len(values) > 3 and len(query):  # torch refuses masks of empty batches
        mask = torch.zeros_like(values[3], dtype=query.dtype).masked_fill(values[3] == 0, _MASKED_SCORE)
    wanted = len(block.out_keys) > 1
    result, weights = attention(query, key, value, key_padding_mask=mask, need_weights=wanted)
    return [result, weights] if wanted else [result]
