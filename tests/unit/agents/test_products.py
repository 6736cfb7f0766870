"""Products are the same whoever computes them."""

from __future__ import annotations

import pytest
import torch

from maze.agents import products


@pytest.mark.parametrize("size", [8, 256])
def test_products_are_those_of_torch(size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    left, right, bias = (torch.randn(*shape, generator=generator) for shape in ((size, size), (size, size), (size,)))
    assert products.is_large(left, right) == (size == 256 and torch.backends.mkldnn.is_available())
    torch.testing.assert_close(products.multiply_transposed(left, right), left @ right.T, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(products.multiply_transposed(left.T, right.T), left.T @ right, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(products.affine(left, right, bias), left @ right.T + bias, rtol=1e-4, atol=1e-4)


def test_products_repeat_bit_for_bit() -> None:
    left, right = torch.randn(300, 200), torch.randn(150, 200)
    first = products.multiply_transposed(left, right)
    assert all(torch.equal(products.multiply_transposed(left.clone(), right.clone()), first) for _ in range(5))


def test_only_plain_matrices_of_some_size_on_the_cpu_go_to_one_dnn() -> None:
    large = torch.zeros(256, 256)
    assert not products.is_large(large.double(), large.double())
    assert not products.is_large(large.to("meta"), large.to("meta"))
