"""Acting leaves a network as it was, and looks at it as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from maze.agents.networks import ArrayForward


class Noisy(nn.Module):
    """Leaves half of its input out while it learns; a part of it never learns."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.BatchNorm1d(8).eval()

    def forward(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert not any(module.training for module in self.modules())
        if values["x"].shape[1] != 8:
            raise ValueError(values)
        return {"y": self.frozen(self.dropout(values["x"]))}


def test_acting_restores_the_mode_of_every_part() -> None:
    network = Noisy()
    forward = ArrayForward(network)
    value = np.ones((3, 8), np.float32)
    for _ in range(2):
        np.testing.assert_allclose(forward({"x": value})["y"], value, atol=1e-4)
        assert (network.training, network.dropout.training, network.frozen.training) == (True, True, False)
    with pytest.raises(ValueError, match="x"):
        forward({"x": np.ones((3, 7), np.float32)})
    assert network.dropout.training
    network.eval()
    forward({"x": value})
    assert not network.dropout.training
    assert torch.equal(network.frozen.running_mean, torch.zeros(8))
