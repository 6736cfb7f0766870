"""Dense blocks compute what torch's layers compute, in torch and as a dense plan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import DenseBlock, FlattenBlock, FlattenDenseBlock, LinearOutputBlock


def test_dense_by_hand() -> None:
    block = DenseBlock("x", "y", (2,), [2], "torch.nn.ReLU")
    with torch.no_grad():
        block.layers[0].weight.copy_(torch.tensor([[1.0, 2.0], [-1.0, 0.5]]))
        block.layers[0].bias.copy_(torch.tensor([0.5, 0.0]))
    # [3, 1]: 3 + 2 + 0.5 = 5.5; -3 + 0.5 = -2.5 -> 0
    assert block({"x": torch.tensor([[3.0, 1.0]])})["y"].tolist() == [[5.5, 0.0]]


@pytest.mark.parametrize(
    ("block", "n"),
    [
        (FlattenDenseBlock("x", "y", (2, 3), [5, 4], "torch.nn.ReLU"), 4),
        (FlattenDenseBlock("x", "y", (2, 3), []), 6),
        (FlattenBlock("x", "y", (2, 3)), 6),
        (DenseBlock("x", "y", (6,), [4]), 4),
        (LinearOutputBlock("x", "y", (6,), 7), 7),
    ],
    ids=["flatten dense", "empty", "flatten", "dense", "linear"],
)
def test_dense_modules_compute_the_block_on_flat_inputs(block, n: int) -> None:
    value = torch.arange(12).view(2, *block.in_shape)  # integers, as images are
    assert block.out_shape == (n,)
    flat = value.float().flatten(1)
    for module in block.dense_modules():
        flat = module(flat)
    torch.testing.assert_close(block({"x": value})["y"], flat)


def test_layers_on_rows_are_no_plan() -> None:
    assert DenseBlock("x", "y", (2, 3), [4]).dense_modules() is None
    assert FlattenBlock("x", "y", (2, 3), num_flatten_dims=1).dense_modules() is None


def test_rows_are_treated_alike() -> None:
    block = DenseBlock("x", "y", (3, 2), [4])
    value = torch.randn(5, 3, 2)
    torch.testing.assert_close(block({"x": value})["y"], torch.tanh(nn.functional.linear(value, *block.parameters())))


def test_scalars_become_one_feature() -> None:
    assert FlattenBlock("x", "y", ())({"x": torch.tensor([3, 4])})["y"].tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize("units", [None, 5, "64", [True], [[4]], [1.5], [0], ["64"]])
def test_widths_that_are_none_are_refused(units: object) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^hidden_units: .*accepted: .*whole numbers above 0"):
        DenseBlock("x", "y", (2,), units)  # type: ignore[arg-type]


def test_widths_of_numpy_are_plain() -> None:
    block = DenseBlock("x", "y", (2,), np.array([3, 4]))  # type: ignore[arg-type]
    assert [type(width) for width in block.hidden_units] == [int, int]
