"""Networks that draw from torch's global generator, as dropout does, belong to the run's seed like everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from maze import RunContext
from maze.agents.networks import draws_globally
from maze.seeding import TorchDraws
from tests.scripted import tiny_context, weights_of


class Forgetful(nn.Module):
    """A policy network with dropout."""

    def __init__(
        self, obs_shapes: dict[str, tuple[int, ...]], action_logits_shapes: dict[str, tuple[int, ...]]
    ) -> None:
        super().__init__()
        self.obs_shapes = obs_shapes
        n_inputs, n_outputs = obs_shapes["observation"][0], action_logits_shapes["action"][0]
        self.layers = nn.Sequential(nn.Linear(n_inputs, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, n_outputs))

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"action": self.layers(observation["observation"])}


NETWORK = {
    "_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer",
    "networks": [{"_target_": f"{__name__}.Forgetful"}],
}


ALGORITHMS = pytest.mark.parametrize("algorithm", ["ppo", "impala"])


def context(run_dir: Path, algorithm: str, **arguments: Any) -> RunContext:
    overrides = {"model.policy": NETWORK, "allowed_modules": [__name__]}
    return tiny_context(run_dir, overrides, algorithm=algorithm, **arguments)


@ALGORITHMS
def test_dropout_follows_the_runs_seed_and_nothing_else(algorithm: str, tmp_path: Path) -> None:
    first, second = context(tmp_path / "first", algorithm), context(tmp_path / "second", algorithm)
    first.train(2)
    with torch.random.fork_rng(devices=[]):
        torch.rand(1)  # somebody else draws, too
        second.train(2)
    assert weights_of(first).tobytes() == weights_of(second).tobytes()


@ALGORITHMS
def test_dropout_goes_on_where_it_was_after_resuming(algorithm: str, tmp_path: Path) -> None:
    whole = context(tmp_path / "whole", algorithm)
    whole.train(2)
    context(tmp_path / "half", algorithm).train(1)
    half = context(tmp_path / "half", algorithm, resume=True)
    half.train(1)
    assert weights_of(half).tobytes() == weights_of(whole).tobytes()


@pytest.mark.parametrize(
    ("module", "draws"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.Tanh()), False),
        (nn.Dropout(0.1), True),
        (nn.LSTM(2, 2, num_layers=2, dropout=0.2), True),
        (nn.LSTM(2, 2), False),
        (nn.Sequential(Forgetful({"observation": (2,)}, {"action": (2,)})), True),
    ],
)
def test_who_may_draw(module: nn.Module, draws: bool) -> None:
    assert draws_globally(module) is draws


def test_a_stream_flows_on_and_leaves_the_global_generator_alone() -> None:
    before = torch.default_generator.get_state()
    stream = TorchDraws(7)
    with stream.flowing():
        first = torch.rand(2)
    with stream.flowing():
        second = torch.rand(2)
    assert torch.equal(torch.default_generator.get_state(), before)
    assert torch.equal(torch.cat([first, second]), torch.rand(4, generator=torch.Generator().manual_seed(7)))
