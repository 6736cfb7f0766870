"""Values of actions, by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from maze.agents.state_action_critic import TorchStateActionCritic, action_input_shapes, encode_actions
from maze.errors import MazeError


class Formula(nn.Module):
    """Computes its outputs by a formula with one weight."""

    def __init__(self, weight: float, formula: Callable[[Tensor, dict[str, Tensor]], dict[str, Tensor]]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.formula = formula

    def forward(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.formula(self.weight, values)


def discrete() -> TorchStateActionCritic:
    space = spaces.Dict(move=spaces.Discrete(3, start=-1), fire=spaces.Discrete(2))

    def formula(weight: Tensor, values: dict[str, Tensor]) -> dict[str, Tensor]:
        ones = torch.ones(len(values["observation"]), 1)
        return {
            "move": weight * ones * torch.tensor([1.0, 2.0, 3.0]),
            "fire": weight * ones * torch.tensor([0.0, 10.0]),
        }

    return TorchStateActionCritic({0: [Formula(1.0, formula), Formula(2.0, formula)]}, {0: space})


def test_discrete_heads_have_a_value_for_every_action() -> None:
    critic = discrete()
    observation = {"observation": torch.zeros(2, 4)}
    values = critic.values_of_all_actions(observation)
    assert values["move"].shape == (2, 2, 3)  # networks, batch, actions
    action = {"move": torch.tensor([-1, 1]), "fire": torch.tensor([1, 0])}
    # first row: 1 + 10, second row: 3 + 0; the second network says twice as much
    assert critic.value(observation, action).tolist() == [[11.0, 3.0], [22.0, 6.0]]


def test_targets_follow_slowly_and_never_learn() -> None:
    critic = discrete()
    observation, action = {"observation": torch.zeros(1, 4)}, {"move": torch.tensor([0]), "fire": torch.tensor([1])}
    with torch.no_grad():
        critic.networks[0][0].weight.fill_(3.0)
    assert critic.value(observation, action).tolist() == [[36.0], [24.0]]
    assert critic.value(observation, action, target=True).tolist() == [[12.0], [24.0]]
    critic.update_targets(0.25)  # the weight goes from 1 to 1 + (3 - 1) / 4
    assert critic.value(observation, action, target=True).tolist() == [[18.0], [24.0]]
    critic.value(observation, action).sum().backward()
    assert not any(parameter.requires_grad for parameter in critic.target_networks.parameters())
    critic.update_targets(1.0)
    assert critic.value(observation, action, target=True).tolist() == [[36.0], [24.0]]


def test_other_actions_are_inputs() -> None:
    space = spaces.Dict(
        steer=spaces.Box(-1, 1, (2,), np.float32), gear=spaces.Discrete(3, start=1), keys=spaces.MultiDiscrete([2, 3])
    )
    assert action_input_shapes(space) == {"steer": (2,), "gear": (3,), "keys": (5,)}
    action = {
        "steer": torch.tensor([[0.5, -0.5]]),
        "gear": torch.tensor([3]),
        "keys": torch.tensor([[1, 2]]),
    }
    encoded = encode_actions(space, action)
    assert {head: value.tolist() for head, value in encoded.items()} == {
        "steer": [[0.5, -0.5]],
        "gear": [[0.0, 0.0, 1.0]],
        "keys": [[0.0, 1.0, 0.0, 0.0, 1.0]],
    }

    def formula(weight: Tensor, values: dict[str, Tensor]) -> dict[str, Tensor]:
        total = values["observation"].sum(-1) + values["steer"].sum(-1) + values["gear"][:, 2] + values["keys"].sum(-1)
        return {"q_value": (weight * total).unsqueeze(-1)}

    critic = TorchStateActionCritic({0: [Formula(1.0, formula), Formula(2.0, formula)]}, {0: space})
    assert critic.value({"observation": torch.ones(1, 4)}, action).tolist() == [[7.0], [14.0]]
    with pytest.raises(MazeError, match="is not discrete"):
        critic.values_of_all_actions({"observation": torch.ones(1, 4)})


def test_unsupported_actions_name_the_head_and_the_remedy() -> None:
    with pytest.raises(MazeError, match=r"The action 'word' has the space Text.*Flatten it in an ActionWrapper"):
        action_input_shapes(spaces.Dict(word=spaces.Text(3)))
