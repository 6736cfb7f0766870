"""Convolutions followed by what turns their result into a vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from maze.perception.blocks.base import Keys, NonLinearity, Shape, Shapes, flatten_batch
from maze.perception.blocks.convolution import StridedConvolutionBlock, VGGConvolutionBlock
from maze.perception.blocks.dense import dense_layers
from maze.perception.blocks.parameters import check_widths

__all__ = ["StridedConvolutionDenseBlock", "VGGConvolutionDenseBlock", "VGGConvolutionGAPBlock"]


class StridedConvolutionDenseBlock(StridedConvolutionBlock):
    """Strided convolutions, then dense layers on the flattened result.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(C, H, W)``; further axes in front are treated like batch axes.
        hidden_channels: channels of each convolution.
        hidden_kernels: size of each convolution's kernel.
        convolution_dimension: 1 for series, 2 for images, 3 for volumes.
        hidden_strides: stride of each convolution; None for 1.
        hidden_dilations: spacing of each convolution's kernel; None for 1.
        hidden_padding: margin around each convolution's input; None for 0.
        padding_mode: what the margin holds; None for zeros.
        hidden_units: width of each dense layer; none leaves the flattened result as it is.
        non_lin: the non-linearity after each layer.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_channels: Sequence[int],
        hidden_kernels: Sequence[int | Sequence[int]],
        convolution_dimension: int = 2,
        hidden_strides: Sequence[int | Sequence[int]] | None = None,
        hidden_dilations: Sequence[int | Sequence[int]] | None = None,
        hidden_padding: Sequence[int | Sequence[int]] | None = None,
        padding_mode: str | None = None,
        hidden_units: Sequence[int] = (),
        non_lin: NonLinearity = "torch.nn.ReLU",
    ) -> None:
        super().__init__(
            in_keys,
            out_keys,
            in_shapes,
            hidden_channels,
            hidden_kernels,
            convolution_dimension,
            hidden_strides,
            hidden_dilations,
            hidden_padding,
            padding_mode,
            non_lin,
        )
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.dense = dense_layers(
            _flat_width(self.layers, self.in_shape[-convolution_dimension - 1 :]), self.hidden_units, self.non_lin
        )

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, n] from [B, C, H, W]."""
        result: Tensor = self.dense(flatten_batch(super().compute(*values)))
        return result


class VGGConvolutionDenseBlock(VGGConvolutionBlock):
    """Pairs of 3x3 convolutions with pooling, then dense layers on the flattened result.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(C, H, W)``; further axes in front are treated like batch axes.
        hidden_channels: channels of each pair of convolutions.
        hidden_units: width of each dense layer.
        non_lin: the non-linearity after each layer.
        use_batch_norm_conv: normalise each convolution's output over the batch.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_channels: Sequence[int],
        hidden_units: Sequence[int],
        non_lin: NonLinearity = "torch.nn.ReLU",
        use_batch_norm_conv: bool = False,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, hidden_channels, non_lin, use_batch_norm_conv)
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.dense = dense_layers(_flat_width(self.layers, self.in_shape[-3:]), self.hidden_units, self.non_lin)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_units[-1]] from [B, C, H, W]."""
        result: Tensor = self.dense(flatten_batch(super().compute(*values)))
        return result


class VGGConvolutionGAPBlock(VGGConvolutionBlock):
    """Pairs of 3x3 convolutions with pooling, then the mean of each channel over the whole image.

    Source: Lin et al., Network in network, 2014 (global average pooling).

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(C, H, W)``; further axes in front are treated like batch axes.
        hidden_channels: channels of each pair of convolutions.
        non_lin: the non-linearity after each convolution.
        use_batch_norm_conv: normalise each convolution's output over the batch.
    """

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_channels[-1]] from [B, C, H, W]."""
        return super().compute(*values).mean((-2, -1))


def _flat_width(layers: nn.Sequential, shape: Shape) -> int:
    """Return how many numbers new convolutions put out for one image."""
    layers.eval()
    with torch.no_grad():
        width: int = layers(torch.zeros((1, *shape))).numel()
    layers.train()
    return width
