"""A first picture that has to be remembered: networks with memory solve it from pixels, others stay at chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import RunContext

SMALL = {"wrappers.0.pre_processor_mapping.1.config.target_size": [24, 24]}
VALUES = {
    "algorithm.n_epochs": 8,
    "algorithm.n_rollout_steps": 16,
    "algorithm.lr": 0.003,
    "algorithm.gamma": 0.9,
    "algorithm.entropy_coef": 0.01,
    "algorithm.rollout_evaluator.n_episodes": 32,
    "runner.concurrency": 16,
    "tracking.mode": "off",
}
UPDATES = {"ppo": 4, "a2c": 20}
"""Updates in each epoch, of which A2C's are smaller."""


class Remember(gymnasium.Env[Any, Any]):
    """Shows black or white, then grey twice, and pays 1 if the last action says which it was: chance is one half."""

    observation_space = spaces.Box(0, 255, (30, 20, 3), np.uint8)
    action_space = spaces.Discrete(2)
    is_white, time = False, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.is_white, self.time = bool(self.np_random.integers(2)), 0
        return self.picture(255 * self.is_white), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        is_over = self.time == 3
        return self.picture(128), float(is_over and int(action) == self.is_white), is_over, False, {}

    @staticmethod
    def picture(brightness: int) -> np.ndarray:
        return np.full((30, 20, 3), brightness, np.uint8)


def trained(tmp_path: Path, algorithm: str, wrappers: str, model: str, **values: Any) -> RunContext:
    overrides = {**VALUES, **SMALL, "algorithm.epoch_length": UPDATES[algorithm], **values}
    return RunContext(
        env=Remember,
        algorithm=algorithm,
        wrappers=wrappers,
        model=model,
        overrides=overrides,
        run_dir=tmp_path / "run",
        seed=1,
        silent=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
@pytest.mark.parametrize(
    ("wrappers", "model"), [("pixel_obs", "pixel_obs_recurrent"), ("pixel_obs_rnn", "pixel_obs_rnn")]
)
def test_what_was_seen_is_remembered(wrappers: str, model: str, algorithm: str, tmp_path: Path) -> None:
    with trained(tmp_path, algorithm, wrappers, model) as rc:
        assert rc.train().best_return >= 0.95
        assert rc.evaluate(n_episodes=100, deterministic=True).mean_return >= 0.95
    with RunContext.load(tmp_path / "run", allow_code=True, silent=True) as loaded:
        env = loaded.env_factory()
        for _ in range(10):
            observation, done, reward = env.reset(), False, 0.0
            loaded.begin_episode()
            while not done:
                action = loaded.compute_action(observation, deterministic=True)
                observation, reward, done, _ = env.step(action)
            assert reward == 1.0


@pytest.mark.slow
def test_without_memory_it_is_guessed(tmp_path: Path) -> None:
    with trained(tmp_path, "ppo", "pixel_obs", "pixel_obs") as rc:
        rc.train()
        assert 0.3 < rc.evaluate(n_episodes=100, deterministic=True).mean_return < 0.7
