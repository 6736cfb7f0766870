"""Recorded episodes hold what happened, step by step, and are never overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maze import GymMazeEnv, RunContext, TrajectoryRecordingWrapper


def test_a_file_holds_an_episode_as_it_was(tmp_path: Path) -> None:
    env = TrajectoryRecordingWrapper.wrap(GymMazeEnv("CartPole-v1"), output_dir=tmp_path / "kept")
    env.seed(3)
    observations, rewards, done = [env.reset()["observation"]], [], False
    while not done:
        observation, reward, done, _ = env.step({"action": len(rewards) % 2})
        observations.append(observation["observation"])
        rewards.append(reward)
    (file,) = (tmp_path / "kept").iterdir()
    with np.load(file, allow_pickle=False) as kept:
        assert np.array_equal(kept["observation.observation"], np.stack(observations))
        assert kept["action.action"].tolist() == [step % 2 for step in range(len(rewards))]
        assert kept["reward"].tolist() == rewards
        assert (bool(kept["terminated"]), bool(kept["truncated"])) == (True, False)


def test_episodes_that_were_broken_off_are_kept_and_numbers_go_on(tmp_path: Path) -> None:
    for _ in range(2):
        with TrajectoryRecordingWrapper.wrap(GymMazeEnv("CartPole-v1"), output_dir=tmp_path) as env:
            env.reset()
            env.reset()  # nothing was done: nothing is written
            env.step({"action": 0})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episode-00001.npz", "episode-00002.npz"]
    with np.load(tmp_path / "episode-00002.npz") as kept:
        assert (kept["reward"].shape, bool(kept["terminated"]), bool(kept["truncated"])) == ((1,), False, False)


@pytest.mark.parametrize("n_episodes", [3])
def test_it_is_configured_like_any_wrapper(n_episodes: int, tmp_path: Path) -> None:
    wrappers = {"maze.TrajectoryRecordingWrapper": {"output_dir": str(tmp_path / "kept")}}
    overrides = {"tracking.mode": "off", "runner.concurrency": 1}
    with RunContext(wrappers=wrappers, configuration="test", overrides=overrides, run_dir=tmp_path / "run") as rc:
        env = rc.env_factory()
        for _ in range(n_episodes):
            env.reset()
            env.step({"action": 1})
        env.close()
    assert len(list((tmp_path / "kept").iterdir())) == n_episodes
