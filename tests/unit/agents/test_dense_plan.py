"""The NumPy path computes what torch computes, and follows every change of the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from maze.agents.dense_plan import DensePlan, compile_numpy
from maze.agents.networks import ArrayForward


def arrays(n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 9, (n, 2, 2)).astype(np.uint8),
        "vector": rng.standard_normal((n, 3)).astype(np.float32),
    }


def small_plan(activation: nn.Module) -> tuple[DensePlan, nn.Linear]:
    first = nn.Linear(3, 8)
    return DensePlan(("vector",), (nn.Flatten(), first, activation), {"out": (nn.Linear(8, 2, bias=False),)}), first


@pytest.mark.parametrize(
    "activation",
    [nn.Tanh(), nn.ReLU(), nn.ELU(0.7), nn.SELU(), nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Identity()],
    ids=lambda module: type(module).__name__,
)
def test_every_activation_equals_torch(activation: nn.Module) -> None:
    plan, _ = small_plan(activation)
    observation = {"vector": 5.0 * arrays()["vector"]}
    forward = compile_numpy(plan)
    assert forward is not None
    expected = nn.Sequential(*plan.trunk, *plan.heads["out"])(torch.from_numpy(observation["vector"]))
    np.testing.assert_allclose(forward(observation)["out"], expected.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_branches_inputs_of_other_shapes_and_several_heads() -> None:
    branch, trunk, left, right = nn.Linear(4, 6), nn.Linear(9, 5), nn.Linear(5, 1), nn.Linear(5, 2)
    plan = DensePlan(
        ("image", "vector"), (trunk,), {"left": (nn.Tanh(), left), "right": (right,)}, {"image": (branch, nn.ReLU())}
    )
    forward = compile_numpy(plan)
    observation = arrays()
    image, vector = torch.from_numpy(observation["image"]).float().flatten(1), torch.from_numpy(observation["vector"])
    features = trunk(torch.cat([branch(image).relu(), vector], -1))
    outputs = forward(observation)
    np.testing.assert_allclose(outputs["left"], left(features.tanh()).detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["right"], right(features).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_input_is_never_written_to() -> None:
    observation = arrays()
    before = {key: value.copy() for key, value in observation.items()}
    compile_numpy(DensePlan(("vector",), (nn.Tanh(), nn.Linear(3, 2)), {"out": (nn.Sigmoid(),)}))(observation)
    for key, value in observation.items():
        np.testing.assert_array_equal(value, before[key])


def test_in_place_updates_are_seen_and_new_storage_is_noticed() -> None:
    plan, first = small_plan(nn.Tanh())
    forward = compile_numpy(plan)
    observation = arrays()
    before = forward(observation)["out"]
    with torch.no_grad():
        first.weight.mul_(2.0)
    assert not forward.stale()
    assert not np.allclose(forward(observation)["out"], before)
    first.weight.data = first.weight.data.clone()
    assert forward.stale()


def test_unsupported_modules_are_not_compiled() -> None:
    class Doubled(nn.Linear):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return 2.0 * super().forward(value)

    hooked = nn.Linear(3, 3)
    hooked.register_forward_hook(lambda module, inputs, output: output + 1.0)
    normalized = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    for module in (
        normalized,
        nn.Dropout(),
        nn.LayerNorm(3),
        Doubled(3, 3),
        nn.Linear(3, 3).double(),
        hooked,
        nn.Flatten(0),
    ):
        assert compile_numpy(DensePlan(("vector",), (module,), {"out": ()})) is None


def test_array_forward_runs_other_networks_in_torch_and_restores_their_mode() -> None:
    class WithDropout(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)
            self.dropout = nn.Dropout(0.9)

        def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"out": self.dropout(self.layer(observation["vector"]))}

    network = WithDropout().train()
    observation = arrays()
    observation["vector"].setflags(write=False)
    result = ArrayForward(network)(observation)["out"]
    expected = network.layer(torch.tensor(observation["vector"])).detach().numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert network.training
