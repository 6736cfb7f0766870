"""Convolutions of images.

Images are ``[C, H, W]``. Images of bytes (uint8) are divided by 255 here, so that they cost a byte per pixel wherever
they are stored and the network still sees values from 0 to 1; images of floats are taken as they are, since whoever
made them floats has scaled them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks.base import Block, Keys, NonLinearity, Shape, Shapes, resolve_non_linearity
from maze.perception.blocks.parameters import check_flag, check_layers, check_length, check_parameters, check_widths
from maze.perception.weight_init import gain_of, initialize_orthogonal_

__all__ = ["StridedConvolutionBlock", "VGGConvolutionBlock", "scaled_image"]

_CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_COLOURS = (1, 3, 4)


class StridedConvolutionBlock(Block):
    """Convolutions that make the image smaller by their strides, each followed by a non-linearity.

    Source: Mnih et al., Human-level control through deep reinforcement learning, 2015.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(C, H, W)``; further axes in front are treated like batch axes.
        hidden_channels: channels of each layer.
        hidden_kernels: size of each layer's kernel, one number or one for each axis.
        convolution_dimension: 1 for series ``(C, L)``, 2 for images, 3 for volumes.
        hidden_strides: stride of each layer; None for 1.
        hidden_dilations: spacing of each layer's kernel; None for 1.
        hidden_padding: margin around each layer's input; None for 0.
        padding_mode: what the margin holds: ``zeros``, ``reflect``, ``replicate`` or ``circular``; None for zeros.
        non_lin: the non-linearity after each layer.

    Raises:
        InvalidSpecificationError: where the lists differ in length, or a kernel does not fit the image.
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
        non_lin: NonLinearity = "torch.nn.ReLU",
    ) -> None:
        check_parameters(convolution_dimension=convolution_dimension, padding_mode=padding_mode)
        super().__init__(in_keys, out_keys, in_shapes, n_axes=convolution_dimension + 1)
        self.hidden_channels = check_widths("hidden_channels", hidden_channels)
        self.non_lin = resolve_non_linearity(non_lin)
        self.convolution_dimension = convolution_dimension
        shape = _image_shape(self, convolution_dimension)
        n_layers = len(self.hidden_channels)
        kernels = _per_layer("hidden_kernels", hidden_kernels, n_layers, convolution_dimension)
        strides = _per_layer("hidden_strides", hidden_strides or [1] * n_layers, n_layers, convolution_dimension)
        dilations = _per_layer("hidden_dilations", hidden_dilations or [1] * n_layers, n_layers, convolution_dimension)
        padding = _per_layer("hidden_padding", hidden_padding or [0] * n_layers, n_layers, convolution_dimension, 0)
        _check_kernels(self, shape, kernels, strides, dilations, padding)
        modules: list[nn.Module] = []
        for index, (n_in, n_out) in enumerate(pairwise((shape[0], *self.hidden_channels))):
            layer = _CONVOLUTIONS[convolution_dimension](
                n_in,
                n_out,
                kernels[index],
                strides[index],
                padding[index],
                dilations[index],
                padding_mode=padding_mode or "zeros",
            )
            modules += [initialize_orthogonal_(layer, gain_of(self.non_lin)), self.non_lin()]
        self.layers = nn.Sequential(*modules)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, C_out, H_out, W_out] from [B, C, H, W]."""
        result: Tensor = self.layers(scaled_image(values[0]))
        return result


class VGGConvolutionBlock(Block):
    """Pairs of 3x3 convolutions, each pair followed by a maximum over 2x2 pixels, which halves the image.

    Source: Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2015.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(C, H, W)``; further axes in front are treated like batch axes.
        hidden_channels: channels of each pair.
        non_lin: the non-linearity after each convolution.
        use_batch_norm_conv: normalise each convolution's output over the batch, before the non-linearity.

    Raises:
        InvalidSpecificationError: where the image is too small to be halved so often.
    """

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_channels: Sequence[int],
        non_lin: NonLinearity = "torch.nn.ReLU",
        use_batch_norm_conv: bool = False,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_axes=3)
        self.hidden_channels = check_widths("hidden_channels", hidden_channels)
        self.non_lin = resolve_non_linearity(non_lin)
        self.use_batch_norm_conv = check_flag("use_batch_norm_conv", use_batch_norm_conv)
        shape = _image_shape(self, 2)
        if min(shape[1:]) < 2 ** len(self.hidden_channels):
            raise InvalidSpecificationError(
                f"{type(self).__name__}: {self.in_keys[0]!r} has the shape {self.in_shape}, which cannot be halved "
                f"{len(self.hidden_channels)} times; give fewer hidden_channels or larger images."
            )
        modules: list[nn.Module] = []
        for n_in, n_out in pairwise((shape[0], *self.hidden_channels)):
            for channels in (n_in, n_out):
                layer = nn.Conv2d(channels, n_out, 3, padding=1)
                modules.append(initialize_orthogonal_(layer, gain_of(self.non_lin)))
                modules += [nn.BatchNorm2d(n_out)] if use_batch_norm_conv else []
                modules.append(self.non_lin())
            modules.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*modules)

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_channels[-1], H // 2^n, W // 2^n] from [B, C, H, W]."""
        result: Tensor = self.layers(scaled_image(values[0]))
        return result


def scaled_image(image: Tensor) -> Tensor:
    """Return float32: bytes divided by 255, other numbers as they are."""
    if image.dtype == torch.uint8:
        return image.float().mul_(1.0 / 255.0)
    return image if image.dtype == torch.float32 else image.float()


def _image_shape(block: Block, n_axes: int) -> Shape:
    """Return the last axes (C, H, W) of a block's input."""
    shape = block.in_shape
    subject = f"{type(block).__name__}: {block.in_keys[0]!r} has the shape {shape}"
    if len(shape) < n_axes + 1:
        expected = ("(channels, length)", "(channels, height, width)", "(channels, depth, height, width)")[n_axes - 1]
        raise InvalidSpecificationError(f"{subject}; expected is {expected}.")
    own = shape[len(shape) - n_axes - 1 :]
    if n_axes == 2 and own[-1] in _COLOURS and own[0] not in _COLOURS and own[0] > own[-1]:
        raise InvalidSpecificationError(
            f"{subject}, with the colours last; expected is (channels, height, width). Put the colours first, for "
            "example with the wrappers of wrappers=pixel_obs."
        )
    return own


def _per_layer(
    name: str, values: Sequence[int | Sequence[int]], n_layers: int, n_axes: int, least: int = 1
) -> list[Shape]:
    """Return one number for each layer and axis."""
    checked = check_layers(name, values, least)
    check_length(name, values, n_layers)
    made = [(value,) * n_axes if isinstance(value, int) else value for value in checked]
    for value in made:
        if len(value) != n_axes:
            raise InvalidSpecificationError(f"{name}: {value!r} has {len(value)} numbers; expected are {n_axes}.")
    return made


def _check_kernels(
    block: Block,
    shape: Shape,
    kernels: Sequence[Shape],
    strides: Sequence[Shape],
    dilations: Sequence[Shape],
    padding: Sequence[Shape],
) -> None:
    """Follow the image's size through the layers and name the first kernel that is too large."""
    size = shape[1:]
    for index, kernel in enumerate(kernels):
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations[index], strict=True)]
        padded = [n + 2 * p for n, p in zip(size, padding[index], strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise InvalidSpecificationError(
                f"{type(block).__name__}: hidden_kernels[{index}] {kernel} is larger than the image, which is {size} "
                f"there ({block.in_keys[0]!r} has the shape {block.in_shape}); use smaller kernels or strides."
            )
        size = tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, strides[index], strict=True))
