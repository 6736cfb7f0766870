"""Every algorithm solves every probe: each isolates one thing that an algorithm must get right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import GymMazeEnv, RunContext, make_vector_env
from maze.rollout import TrajectoryRecorder, play_episodes, write_rollout
from tests.probes import PROBES, Probe

DISCOUNT = 0.9
VALUES = {"algorithm.gamma": DISCOUNT, "algorithm.gae_lambda": 0.95}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "a2c": {"algorithm.n_rollout_steps": 8, "algorithm.epoch_length": 400, "algorithm.lr": 0.01, **VALUES},
    "bc": {"algorithm.epoch_length": 40, "algorithm.lr": 0.01},
    "es": {"algorithm.epoch_length": 40},
    "impala": {"algorithm.n_rollout_steps": 8, "algorithm.epoch_length": 400, "algorithm.lr": 0.01, **VALUES},
    "ppo": {"algorithm.n_rollout_steps": 16, "algorithm.epoch_length": 60, "algorithm.lr": 0.01, **VALUES},
}
WITHOUT_VALUES = ("bc", "es")


class Best:
    """Acts as well as one can in a probe, and always does 0 where actions do not matter."""

    def __init__(self, probe: type[Probe]) -> None:
        self.probe = probe

    def act(self, observation: Mapping[str, Any], rng: Any, deterministic: bool = False) -> dict[str, Any]:
        seen = observation["observation"][:, 0].tolist()
        return {"action": np.array([self.probe.best_action(value) or 0 for value in seen], np.int64)}


def demonstrations(probe: type[Probe], directory: Path) -> str:
    """Write forty episodes of somebody who knows the probe, as a rollout does."""
    recorder, env = TrajectoryRecorder(), make_vector_env(lambda: GymMazeEnv(probe()), 2)
    episodes = play_episodes(Best(probe), env, list(range(40)), np.random.default_rng(0), observers=[recorder])
    write_rollout(directory, episodes, recorder.steps(), None, env.statistics_state())
    env.close()
    return str(directory)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__name__)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_probe_is_solved(algorithm: str, probe: type[Probe], tmp_path: Path) -> None:
    shown = {"algorithm.demonstrations": demonstrations(probe, tmp_path / "shown")} if algorithm == "bc" else {}
    rc = RunContext(
        env=lambda: GymMazeEnv(probe()),
        algorithm=algorithm,
        run_dir=tmp_path / "run",
        overrides={
            **ALGORITHMS[algorithm],
            "algorithm.rollout_evaluator": None,
            "algorithm.patience": None,
            "algorithm.n_epochs": 1,
            "tracking.mode": "off",
            **shown,
        },
        seed=3,
        silent=True,
    )
    rc.train()
    for value in probe.observations:
        if algorithm not in WITHOUT_VALUES:
            assert rc.model.critic is not None
            observation = {"observation": np.full((1, 1), value, np.float32)}
            predicted = float(rc.model.critic.predict(observation)[0])
            assert predicted == pytest.approx(probe.true_value(value, DISCOUNT), abs=0.15)
        best = probe.best_action(value)
        if best is not None:
            action = rc.compute_action({"observation": np.full(1, value, np.float32)}, deterministic=True)
            assert int(action["action"]) == best
