"""Every algorithm learns on a GPU, acts there, and leaves an agent that acts alike on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maze import RunContext
from maze.state_files import read_state
from tests.remembering import CUSTOM
from tests.scripted import tiny_context
from tests.unit.runner.test_torch_draws import NETWORK, Forgetful

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.filterwarnings("ignore:RNN module weights are not part of single contiguous chunk of memory"),
]

DEVICE = "cuda"
ALGORITHMS: dict[str, dict[str, Any]] = {
    "a2c": {"algorithm": "a2c"},
    "ppo": {"algorithm": "ppo"},
    "recurrent ppo": {"algorithm": "ppo", **CUSTOM["shared GRU"]},
    "impala": {"algorithm": "impala"},
    "sac": {"algorithm": "sac"},
    "sac with boxes": {"algorithm": "sac", "overrides": {"env.name": "Pendulum-v1"}},
    "es": {"algorithm": "es", "overrides": {"algorithm.n_rollouts_per_update": 4, "algorithm.max_steps": 20}},
    "bc": {"algorithm": "bc"},
}


def context(run_dir: Path, name: str, device: str, demonstrations: Path, **further: Any) -> RunContext:
    """Return a context of one of the algorithms on a device."""
    arguments = {**ALGORITHMS[name], **further}
    overrides = {"algorithm.device": device, **arguments.pop("overrides", {})}
    if name != "bc":
        return tiny_context(run_dir, overrides, **arguments)
    overrides |= {"tracking.mode": "off", "algorithm.demonstrations": str(demonstrations)}
    return RunContext(run_dir=run_dir, overrides=overrides, seed=1, silent=True, **arguments)


@pytest.fixture
def demonstrations(tmp_path: Path) -> Path:
    """Return the directory of a rollout whose steps were recorded."""
    rc = tiny_context(tmp_path / "expert")
    rc.train(1)
    rc.rollout(n_episodes=4, record_trajectory=True)
    return tmp_path / "expert"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_it_learns_there_and_acts_alike_on_the_cpu(name: str, demonstrations: Path, tmp_path: Path) -> None:
    rc = context(tmp_path / "run", name, DEVICE, demonstrations)
    before = rc.model.snapshot()["parameters"].cpu()
    rc.train(2)
    assert rc.trainer.model.device.type == DEVICE
    parameters = rc.trainer.model.snapshot()["parameters"].cpu()
    assert parameters.isfinite().all()
    assert not torch.equal(parameters, before)
    observation = rc.env_factory().observation_space.sample()
    action = rc.compute_action(observation, deterministic=True)
    rc.train(1)  # goes on

    loaded = RunContext.load(tmp_path / "run", silent=True, allow_code=True)
    assert loaded.evaluate(n_episodes=1).mean_return is not None
    loaded.train(1)  # from the checkpoint, every tensor of which lies on the CPU

    here = context(tmp_path / "here", name, "cpu", demonstrations, input_dir=tmp_path / "run")
    assert here.model.device.type == "cpu"
    acting = rc.compute_action(observation, deterministic=True)
    for head, value in here.compute_action(observation, deterministic=True).items():
        np.testing.assert_allclose(value, acting[head], rtol=1e-3, atol=1e-4)
        assert value.shape == action[head].shape


def test_a_checkpoint_of_the_gpu_lies_on_the_cpu(demonstrations: Path, tmp_path: Path) -> None:
    context(tmp_path / "run", "sac", DEVICE, demonstrations).train(1)
    state = read_state(tmp_path / "run" / "checkpoint" / "state.npz")["trainer"]
    assert state["model"]["parameters"].device.type == state["noise"].device.type == "cpu"


def test_dropout_follows_the_runs_seed_and_leaves_the_gpus_own_generator_alone(tmp_path: Path) -> None:
    overrides = {"algorithm.device": DEVICE, "model.policy": NETWORK, "allowed_modules": [Forgetful.__module__]}
    first, second = (tiny_context(tmp_path / name, overrides, algorithm="ppo") for name in ("first", "second"))
    first.train(2)
    with torch.random.fork_rng(devices=[0]):
        torch.rand(1, device=DEVICE)  # somebody else draws, too
        state = torch.cuda.get_rng_state()
        second.train(2)
        assert torch.equal(torch.cuda.get_rng_state(), state)
    weights = [rc.trainer.model.snapshot()["parameters"].cpu() for rc in (first, second)]
    assert torch.equal(*weights)
