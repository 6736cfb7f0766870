"""Pooling by hand."""

from __future__ import annotations

import pytest
import torch

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import GlobalAveragePoolingBlock, MaskedGlobalPoolingBlock


def test_the_mean_of_each_channel() -> None:
    image = torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]])  # [C, H, W]
    assert GlobalAveragePoolingBlock("x", "y", (2, 2, 2))({"x": image})["y"].tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("pooling_func", "expected"),
    [("mean", [[2.0, -3.0], [0.0, 0.0]]), ("sum", [[4.0, -6.0], [0.0, 0.0]]), ("max", [[3.0, -2.0], [0.0, 0.0]])],
)
def test_only_real_elements_count(pooling_func: str, expected: list) -> None:
    elements = torch.tensor([[[1.0, -2.0], [3.0, -4.0], [99.0, 99.0]]]).expand(2, -1, -1)  # [B, N, n]
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    block = MaskedGlobalPoolingBlock(["x", "mask"], "y", [(3, 2), (3,)], pooling_func)
    assert block({"x": elements, "mask": mask})["y"].tolist() == expected


def test_padding_may_hold_anything() -> None:
    elements = torch.tensor([[1.0], [float("nan")]])
    block = MaskedGlobalPoolingBlock(["x", "mask"], "y", [(2, 1), (2,)])
    assert block({"x": elements, "mask": torch.tensor([True, False])})["y"].tolist() == [1.0]


def test_errors() -> None:
    with pytest.raises(InvalidSpecificationError, match="did you mean 'mean'"):
        MaskedGlobalPoolingBlock(["x", "mask"], "y", [(2, 1), (2,)], "men")
    with pytest.raises(InvalidSpecificationError, match=r"the mask 'mask' has the shape \(3,\); expected is \(2,\)"):
        MaskedGlobalPoolingBlock(["x", "mask"], "y", [(2, 1), (3,)])
    with pytest.raises(InvalidSpecificationError, match=r"expected is \(channels, places"):
        GlobalAveragePoolingBlock("x", "y", (2,))
