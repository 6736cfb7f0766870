"""Environments that cannot bear an impossible action: training, playing and loading never choose one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import GymMazeEnv, RunContext, run_rollout

KINDS: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(4),
    "started": spaces.Discrete(4, start=3),
    "choices": spaces.MultiDiscrete([2, 2]),
}


class Guarded(gymnasium.Env[Any, Any]):
    """Two of four entries are possible, others at every step; anything else raises.

    Args:
        kind: of the action space.
        mask: space of the mask.
    """

    def __init__(self, kind: str, mask: spaces.Space[Any]) -> None:
        self.action_space = KINDS[kind]
        self.mask_space = mask
        self.observation_space = spaces.Dict({"observation": spaces.Box(0, 9, (1,), np.float32), "action_mask": mask})
        self.time = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        options = np.atleast_1d(action)
        if isinstance(self.action_space, spaces.Discrete):
            chosen = [int(options[0]) - int(self.action_space.start)]
        else:
            chosen = [int(options[0]), 2 + int(options[1])]
        if not all(self.mask[entry] for entry in chosen):
            raise RuntimeError(f"impossible action {action} under {self.mask}")
        self.time += 1
        return self._observe(), float(chosen[0]), self.time == 6, False, {}

    def _observe(self) -> dict[str, Any]:
        self.mask = np.array([1, 0, 0, 1] if self.time % 2 else [0, 1, 1, 0])
        return {"observation": np.float32([self.time]), "action_mask": self.mask.astype(self.mask_space.dtype)}


MASKS: dict[str, spaces.Space[Any]] = {
    "bits": spaces.MultiBinary(4),
    "bytes": spaces.Box(0, 1, (4,), np.int8),
    "floats": spaces.Box(0.0, 1.0, (4,), np.float32),
}
QUICK = {"algorithm.n_epochs": 1, "algorithm.epoch_length": 3, "algorithm.n_rollout_steps": 8, "tracking.mode": "off"}


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mask", "wrappers", "model"),
    [
        ("bits", None, "flatten_concat"),
        ("bytes", "vector_obs", "vector_obs"),
        ("floats", "vector_obs", "vector_obs"),
    ],
)
def test_nothing_impossible_is_ever_done(
    algorithm: str, kind: str, mask: str, wrappers: str | None, model: str, tmp_path: Path
) -> None:
    critic = "template_state" if model == "vector_obs" else None
    rc = RunContext(
        env=lambda: GymMazeEnv(Guarded(kind, MASKS[mask])),
        algorithm=algorithm,
        wrappers=wrappers,
        model=model,
        critic=critic,
        overrides=QUICK,
        run_dir=tmp_path / "run",
        seed=0,
        silent=True,
    )
    rc.train()
    rc.rollout(n_episodes=3)
    assert rc.evaluate(n_episodes=2).lengths.tolist() == [6, 6]
    with RunContext.load(tmp_path / "run", allow_code=True) as again:
        assert again.evaluate(n_episodes=2).lengths.tolist() == [6, 6]


def test_random_play_obeys_masks_too(tmp_path: Path) -> None:
    def env() -> GymMazeEnv:
        return GymMazeEnv(Guarded("choices", MASKS["bytes"]))

    overrides = {"runner.n_episodes": 5}
    result = run_rollout(env=env, policy="random_policy", overrides=overrides, seed=0, run_dir=tmp_path / "random")
    assert len(result.episodes) == 5
    wrappers = {
        "maze.RandomResetWrapper": {"min_skip_steps": 1, "max_skip_steps": 4},
        "maze.ObservationNormalizationWrapper": {"estimation_samples": 30},
    }
    rc = RunContext(env=env, wrappers=wrappers, overrides=QUICK, run_dir=tmp_path / "run", seed=0, silent=True)
    rc.train()


@pytest.mark.parametrize("kind", KINDS)
def test_skipped_steps_end_where_the_mask_forbids_them(kind: str, tmp_path: Path) -> None:
    rc = RunContext(
        env=lambda: GymMazeEnv(Guarded(kind, MASKS["bits"])),
        wrappers={"maze.StepSkipWrapper": {"n_steps": 2}},
        overrides=QUICK,
        run_dir=tmp_path / "run",
        seed=0,
        silent=True,
    )
    rc.train()
    assert rc.rollout(n_episodes=2).lengths.tolist() == [6, 6]  # what was possible never is in the next step


@pytest.mark.parametrize("kind", ["discrete", "started"])
def test_what_sac_collects_before_it_learns_is_possible_too(kind: str, tmp_path: Path) -> None:
    overrides = {
        "algorithm.n_epochs": 1,
        "algorithm.epoch_length": 3,
        "algorithm.initial_buffer_size": 60,
        "tracking.mode": "off",
    }
    rc = RunContext(
        env=lambda: GymMazeEnv(Guarded(kind, MASKS["floats"])),
        algorithm="sac",
        overrides=overrides,
        run_dir=tmp_path / "run",
        seed=0,
        silent=True,
    )
    rc.train()
    rc.rollout(n_episodes=3, deterministic=False)
