"""Convolutions compute what torch's layers compute, and say early where an image does not fit."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import (
    StridedConvolutionBlock,
    StridedConvolutionDenseBlock,
    VGGConvolutionBlock,
    VGGConvolutionDenseBlock,
    VGGConvolutionGAPBlock,
)


def test_strided_convolution_by_hand() -> None:
    block = StridedConvolutionBlock("x", "y", (1, 3, 3), [1], [2], hidden_strides=[1], non_lin="torch.nn.Identity")
    with torch.no_grad():
        block.layers[0].weight.copy_(torch.tensor([[[[1.0, 0.0], [0.0, -1.0]]]]))
    image = torch.arange(9.0).view(1, 1, 3, 3)
    # every pixel minus the one below to the right, which is 4 more
    assert block({"x": image})["y"].tolist() == [[[[-4.0, -4.0], [-4.0, -4.0]]]]


def test_strided_convolution_is_torchs() -> None:
    block = StridedConvolutionDenseBlock(
        "x",
        "y",
        (2, 11, 9),
        [3, 4],
        [3, (2, 1)],
        hidden_strides=[2, 1],
        hidden_dilations=[1, 2],
        hidden_padding=[1, 0],
        padding_mode="zeros",
        hidden_units=[5],
    )
    image = torch.randn(6, 2, 11, 9)
    first, _, second, _ = block.layers
    value = functional.relu(functional.conv2d(image, first.weight, first.bias, stride=2, padding=1))
    value = functional.relu(functional.conv2d(value, second.weight, second.bias, dilation=2))
    expected = functional.relu(functional.linear(value.flatten(1), block.dense[0].weight, block.dense[0].bias))
    torch.testing.assert_close(block({"x": image})["y"], expected)


def test_vgg_is_torchs() -> None:
    image = torch.randn(2, 3, 8, 10)
    block = VGGConvolutionBlock("x", "y", (3, 8, 10), [4])
    first, _, second, _, _ = block.layers
    value = functional.relu(functional.conv2d(image, first.weight, first.bias, padding=1))
    value = functional.relu(functional.conv2d(value, second.weight, second.bias, padding=1))
    expected = functional.max_pool2d(value, 2)
    torch.testing.assert_close(block({"x": image})["y"], expected)
    pooled = VGGConvolutionGAPBlock("x", "y", (3, 8, 10), [4])
    pooled.load_state_dict(block.state_dict())
    torch.testing.assert_close(pooled({"x": image})["y"], expected.mean((2, 3)))
    dense = VGGConvolutionDenseBlock("x", "y", (3, 8, 10), [4], [7])
    dense.load_state_dict(block.state_dict(), strict=False)
    expected = functional.relu(functional.linear(expected.flatten(1), dense.dense[0].weight, dense.dense[0].bias))
    torch.testing.assert_close(dense({"x": image})["y"], expected)


@pytest.mark.parametrize("block_class", [StridedConvolutionBlock, VGGConvolutionBlock])
def test_bytes_are_scaled_and_floats_are_not(block_class) -> None:
    kernels = {"hidden_kernels": [3]} if block_class is StridedConvolutionBlock else {}
    block = block_class("x", "y", (3, 6, 6), [2], **kernels)
    image = torch.randint(0, 256, (4, 3, 6, 6), dtype=torch.uint8)
    before = image.clone()
    torch.testing.assert_close(block({"x": image})["y"], block({"x": image.float() / 255.0})["y"])
    assert torch.equal(image, before)
    assert not torch.allclose(block({"x": image.float()})["y"], block({"x": image})["y"])


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((96, 96), {}, r"'x' has the shape \(96, 96\); expected is \(channels, height, width\)"),
        ((96, 96, 3), {}, r"\(96, 96, 3\), with the colours last; expected is \(channels, height, width\)"),
        ((3, 6, 6), {}, r"hidden_kernels\[0\] \(8, 8\) is larger than the image, which is \(6, 6\)"),
        ((3, 20, 20), {}, r"hidden_kernels\[1\] \(8, 8\) is larger than the image, which is \(4, 4\)"),
        ((3, 20, 20), {"hidden_strides": [1]}, "hidden_strides: .* has 1 entries; hidden_channels has 2"),
        ((3, 20, 20), {"hidden_kernels": [3, (1, 2, 3)]}, r"\(1, 2, 3\) has 3 numbers; expected are 2"),
        ((3, 20, 20), {"padding_mode": "mirror"}, "padding_mode: 'mirror' is not accepted; .*reflect"),
        ((3, 20, 20), {"convolution_dimension": 4}, "accepted: 1, 2, 3"),
        ((3, 20, 20), {"hidden_channels": [4, 0]}, "hidden_channels"),
    ],
)
def test_what_does_not_fit_is_said_at_construction(shape: tuple[int, ...], arguments: dict, message: str) -> None:
    defaults = {"hidden_channels": [2, 2], "hidden_kernels": [8, 8], "hidden_strides": [4, 1]}
    with pytest.raises(InvalidSpecificationError, match=message):
        StridedConvolutionBlock("x", "y", shape, **{**defaults, **arguments})


def test_too_small_for_vgg() -> None:
    with pytest.raises(InvalidSpecificationError, match="cannot be halved 3 times"):
        VGGConvolutionBlock("x", "y", (3, 7, 20), [2, 2, 2])
