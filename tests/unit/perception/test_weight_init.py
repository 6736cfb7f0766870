"""Initial weights have the promised geometry and come from the promised generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from maze.perception.weight_init import gain_of, initialize_normalized_columns_, initialize_orthogonal_


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_orthogonal_weights_scaled_by_the_gain() -> None:
    layer = initialize_orthogonal_(nn.Linear(6, 3), 2.0, generator())
    torch.testing.assert_close(layer.weight @ layer.weight.T, 4.0 * torch.eye(3), atol=1e-5, rtol=0.0)
    assert not layer.bias.any()


def test_normalized_columns_have_the_norm() -> None:
    layer = initialize_normalized_columns_(nn.Linear(6, 3), 0.01, generator())
    torch.testing.assert_close(layer.weight.norm(dim=1), torch.full((3,), 0.01))


@pytest.mark.parametrize("initialize", [initialize_orthogonal_, initialize_normalized_columns_])
def test_equal_generators_give_equal_weights_whatever_torch_draws(initialize) -> None:
    first, second = (initialize(nn.Linear(4, 4), 1.0, generator()) for _ in range(2))
    assert torch.equal(first.weight, second.weight)


def test_gains() -> None:
    assert gain_of(nn.Tanh) == pytest.approx(5 / 3)
    assert gain_of(nn.ReLU) == pytest.approx(2**0.5)
    assert gain_of(nn.Identity) == 1.0
