"""Blocks promise shapes; this holds them to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import (
    ConcatenationBlock,
    DenseBlock,
    FlattenBlock,
    LinearOutputBlock,
    resolve_non_linearity,
)


@pytest.mark.parametrize(
    ("block", "n"),
    [
        (DenseBlock((2, 3), [5, 4], "torch.nn.ReLU"), 4),
        (DenseBlock((2, 3), []), 6),
        (FlattenBlock((2, 3)), 6),
        (LinearOutputBlock((2, 3), 7), 7),
    ],
    ids=["dense", "empty", "flatten", "linear"],
)
def test_out_shape_is_what_comes_out(block: nn.Module, n: int) -> None:
    value = torch.arange(12).view(2, 2, 3)  # integers, as images are
    assert block.out_shape == (n,)
    assert block(value).shape == (2, n)
    flat = value.float().flatten(1)
    for module in block.dense_modules():
        flat = module(flat)
    torch.testing.assert_close(block(value), flat)


def test_scalars_become_one_feature() -> None:
    assert FlattenBlock(())(torch.tensor([3, 4])).tolist() == [[3.0], [4.0]]


def test_concatenation_keeps_the_order() -> None:
    block = ConcatenationBlock([(2,), (1, 1)])
    assert block.out_shape == (3,)
    assert block([torch.tensor([[1.0, 2.0]]), torch.tensor([[[3.0]]])]).tolist() == [[1.0, 2.0, 3.0]]


def test_non_linearities_are_dotted_paths_or_classes() -> None:
    assert resolve_non_linearity("torch.nn.SELU") is nn.SELU
    assert resolve_non_linearity(nn.Tanh) is nn.Tanh
    for wrong in ("torch.nn.Tahn", "maze.errors.suggest", 3):
        with pytest.raises(InvalidSpecificationError, match="non_lin"):
            resolve_non_linearity(wrong)


@pytest.mark.parametrize("hidden_units", [[0], [2.5], ["64"]])
def test_wrong_widths_are_errors(hidden_units: list) -> None:
    with pytest.raises(InvalidSpecificationError, match="hidden_units"):
        DenseBlock((2,), hidden_units)


@pytest.mark.parametrize("units", [None, 5, "64", [True], [[4]], [1.5], [0]])
def test_widths_that_are_none_are_refused(units: object) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^hidden_units: .*accepted: .*whole numbers above 0"):
        DenseBlock((2,), units)  # type: ignore[arg-type]


def test_widths_of_numpy_are_plain() -> None:
    assert [type(width) for width in DenseBlock((2,), np.array([3, 4])).hidden_units] == [int, int]  # type: ignore[arg-type]
