"""Recurrent blocks compute what torch's layers compute."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import GRUBlock, GRULastStepBlock, LSTMBlock, LSTMLastStepBlock


def test_a_gru_step_by_hand() -> None:
    block = GRUBlock("x", "y", (2, 1), 1)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        block.layer.weight_ih_l0.copy_(torch.tensor([[0.0], [0.0], [1.0]]))  # gates: reset, update, new
    steps = block({"x": torch.tensor([[1.0], [2.0]])})["y"]
    # update gate sigmoid(0) = 1/2: h1 = tanh(1) / 2; h2 = tanh(2) / 2 + h1 / 2
    first = 0.7615942 / 2
    torch.testing.assert_close(steps, torch.tensor([[first], [0.9640276 / 2 + first / 2]]))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("steps_class", "last_class", "layer_class"),
    [(LSTMBlock, LSTMLastStepBlock, nn.LSTM), (GRUBlock, GRULastStepBlock, nn.GRU)],
)
def test_steps_and_last_step_are_torchs(steps_class, last_class, layer_class, bidirectional: bool) -> None:
    arguments = {"hidden_size": 4, "num_layers": 2, "bidirectional": bidirectional}
    block, last = (kind("x", "y", (5, 3), **arguments) for kind in (steps_class, last_class))
    last.load_state_dict(block.state_dict())
    layer = layer_class(3, 4, 2, batch_first=True, bidirectional=bidirectional)
    layer.load_state_dict(block.layer.state_dict())
    value = torch.randn(6, 5, 3)
    expected, state = layer(value)
    torch.testing.assert_close(block({"x": value})["y"], expected)
    final = state[0] if layer_class is nn.LSTM else state  # [layers * directions, B, 4], the last layer's at the end
    final = torch.cat([final[-2], final[-1]], -1) if bidirectional else final[-1]
    torch.testing.assert_close(last({"x": value})["y"], final)


def test_a_non_linearity_on_the_output() -> None:
    plain, bent = (LSTMBlock("x", "y", (5, 3), 4, non_lin=non_lin) for non_lin in (None, "torch.nn.ReLU"))
    bent.load_state_dict(plain.state_dict())
    value = torch.randn(2, 5, 3)
    torch.testing.assert_close(bent({"x": value})["y"], plain({"x": value})["y"].relu())


def test_a_single_observation_is_no_sequence() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'x' has the shape \(4,\); expected is \(steps, features\)"):
        LSTMLastStepBlock("x", "y", (4,), 8)
