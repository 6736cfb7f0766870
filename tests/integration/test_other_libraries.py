"""An environment of maze, with wrappers, passes gymnasium's checks and trains under Stable-Baselines3."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

from gymnasium.utils.env_checker import check_env

from maze import GymMazeEnv, MazeEnv, NoDictSpacesWrapper, as_gymnasium
from maze.env import ObservationClippingWrapper, RewardScalingWrapper

SCRIPT = """
import json
import numpy as np
from stable_baselines3 import PPO
from maze import as_gymnasium
from tests.integration.test_other_libraries import make_env

env = as_gymnasium(make_env())
model = PPO("MlpPolicy", env, n_steps=64, batch_size=64, n_epochs=2, seed=0, device="cpu")
before = [parameter.detach().clone() for parameter in model.policy.parameters()]
model.learn(256)
moved = any(not (old == new).all() for old, new in zip(before, model.policy.parameters(), strict=True))
observation, _ = env.reset(seed=3)
rewards, largest, ended = [], 0.0, False
while not ended:
    action, _ = model.predict(np.asarray(observation), deterministic=True)
    observation, reward, terminated, truncated, _ = env.step(action)
    rewards.append(float(reward))
    largest = max(largest, float(np.abs(observation).max()))
    ended = terminated or truncated
print(json.dumps({"moved": moved, "rewards": rewards, "largest": largest}))
"""


def make_env() -> MazeEnv:
    """Return CartPole with clipped observations and half rewards, in spaces that other libraries know."""
    env = ObservationClippingWrapper.wrap(GymMazeEnv("CartPole-v1"), min_val=-2.0, max_val=2.0)
    return NoDictSpacesWrapper.wrap(RewardScalingWrapper.wrap(env, scale=0.5))


def test_gymnasiums_checker_is_satisfied() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about what gymnasium's own CartPole does as well
        check_env(as_gymnasium(make_env()), skip_render_check=True)


def test_stable_baselines_trains_in_it() -> None:
    root = Path(__file__).parents[2]  # a process of its own: the library seeds global generators
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["moved"]
    assert set(told["rewards"]) == {0.5}
    assert len(told["rewards"]) >= 8
    assert told["largest"] <= 2.0
