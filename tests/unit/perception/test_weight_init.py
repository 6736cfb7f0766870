"""Initial weights have the promised geometry and come from the promised generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from maze.perception.weight_init import (
    compute_sigmoid_bias,
    gain_of,
    initialize_normalized_columns_,
    initialize_orthogonal_,
    initialize_recurrent_,
    make_module_init_normc,
)


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


def test_convolutions_are_orthogonal_by_output_channel() -> None:
    layer = initialize_orthogonal_(nn.Conv2d(2, 3, 4), 2.0, generator())
    rows = layer.weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, 4.0 * torch.eye(3), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("layer_class", [nn.LSTM, nn.GRU])
def test_every_gate_is_orthogonal_and_forget_gates_are_open(layer_class) -> None:
    layer = initialize_recurrent_(layer_class(4, 4, num_layers=2))
    for parameter in layer.parameters():
        if parameter.ndim == 2:
            for gate in parameter.detach().split(4):
                torch.testing.assert_close(gate @ gate.T, torch.eye(4), atol=1e-5, rtol=0.0)
    forget = [0.0] * 4 + ([1.0] * 4 if layer_class is nn.LSTM else [0.0] * 4)
    for index in range(2):
        total = getattr(layer, f"bias_ih_l{index}") + getattr(layer, f"bias_hh_l{index}")
        assert total.tolist() == forget + [0.0] * (len(total) - 8)


def test_normalized_columns_for_whole_modules() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)).apply(
        make_module_init_normc(0.5)
    )
    for layer in (module[0], module[3]):
        torch.testing.assert_close(layer.weight.flatten(1).norm(dim=1), torch.full((len(layer.weight),), 0.5))
        assert not layer.bias.any()


def test_a_sigmoid_can_begin_at_a_probability() -> None:
    assert torch.tensor(compute_sigmoid_bias(0.2)).sigmoid().item() == pytest.approx(0.2)
