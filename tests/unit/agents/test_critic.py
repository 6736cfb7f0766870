"""Values as tensors and as arrays are the same numbers."""

from __future__ import annotations

import numpy as np
import torch

from maze.agents.critic import TorchStateCritic
from maze.perception.models.built_in.flatten_concat import FlattenConcatStateValueNet


def test_values_of_tensors_and_arrays_agree() -> None:
    network = FlattenConcatStateValueNet({"observation": (3,)}, generator=torch.Generator().manual_seed(0))
    critic = TorchStateCritic({0: network})
    observation = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    value = critic.value({"observation": torch.from_numpy(observation)})
    assert value.shape == (5,)
    assert value.requires_grad
    np.testing.assert_allclose(
        critic.predict({"observation": observation}), value.detach().numpy(), rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(critic({"observation": torch.from_numpy(observation)}), value)
