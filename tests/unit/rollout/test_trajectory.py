"""Recorded rollouts: every step in order, in files that anybody can read and that never differ for the same data."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from maze.env import SyncVectorEnv
from maze.rollout import RolloutResult, TrajectoryRecorder, play_episodes, write_rollout
from maze.rollout.trajectory import read_steps
from tests.scripted import ConstantPolicy, counting


def recorded(n_envs: int = 2, **settings: Any) -> tuple[Any, dict[str, Any]]:
    recorder = TrajectoryRecorder()
    env = SyncVectorEnv([counting([3]), counting([2], terminates=False, truncates=True)][:n_envs])
    seeds = [7, 8, 9][: n_envs + 1]
    episodes = play_episodes(ConstantPolicy(1), env, seeds, np.random.default_rng(0), observers=[recorder], **settings)
    return episodes, recorder.steps()


def test_steps_stand_in_the_order_of_episodes_and_time() -> None:
    episodes, steps = recorded()
    assert episodes.lengths.tolist() == [3, 2, 3]
    assert steps["episode"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert steps["reward"].tolist() == [1, 2, 3, 1, 2, 1, 2, 3]
    assert steps["action/action"].tolist() == [1] * 8
    assert steps["observation/observation"][:, 1].tolist() == [0, 1, 2, 0, 1, 0, 1, 2]
    assert steps["terminated"].tolist() == [False, False, True, False, False, False, False, True]
    assert steps["truncated"].tolist() == [False, False, False, False, True, False, False, False]


def test_next_observations_are_those_before_the_reset() -> None:
    _, steps = recorded()
    assert steps["next_observation/observation"][:, 1].tolist() == [1, 2, 3, 1, 2, 1, 2, 3]


def test_episodes_of_equal_length_stand_one_after_the_other() -> None:
    recorder = TrajectoryRecorder()
    env = SyncVectorEnv([counting([3]), counting([3], terminates=False, truncates=True)])
    play_episodes(ConstantPolicy(1), env, [7, 8], np.random.default_rng(0), observers=[recorder])
    steps = recorder.steps()
    assert steps["episode"].tolist() == [0, 0, 0, 1, 1, 1]
    assert steps["reward"].tolist() == [1, 2, 3, 1, 2, 3]
    assert steps["observation/observation"][:, 1].tolist() == [0, 1, 2, 0, 1, 2]
    assert steps["next_observation/observation"][:, 1].tolist() == [1, 2, 3, 1, 2, 3]
    assert steps["terminated"].tolist() == [False, False, True, False, False, False]
    assert steps["truncated"].tolist() == [False, False, False, False, False, True]
    assert list(steps) == [
        "episode",
        "observation/observation",
        "action/action",
        "reward",
        "terminated",
        "truncated",
        "next_observation/observation",
    ]


def test_episodes_that_still_run_are_told_as_far_as_they_are() -> None:
    recorder, env = TrajectoryRecorder(), SyncVectorEnv([counting([3]), counting([1])])
    episode, observation, action = np.arange(2), env.reset([0, 1]), {"action": np.ones(2, np.int64)}
    active = np.ones(2, np.bool_)
    observation = {key: values.copy() for key, values in observation.items()}
    recorder(episode, observation, action, env.step(action), active)
    steps = recorder.steps()
    assert steps["terminated"].tolist() == [False, True]
    assert steps["next_observation/observation"][:, 1].tolist() == [1, 1]


def test_a_cut_by_max_episode_steps_is_marked_in_the_steps() -> None:
    episodes, steps = recorded(max_episode_steps=2)
    assert episodes.truncated.tolist() == [True, True, True]
    assert steps["episode"].tolist() == [0, 0, 1, 1, 2, 2]
    assert steps["truncated"].tolist() == [False, True, False, True, False, True]
    assert not steps["terminated"].any()
    assert steps["next_observation/observation"][:, 1].tolist() == [1, 2, 1, 2, 1, 2]


def test_files_hold_what_was_played(tmp_path: Path) -> None:
    episodes, steps = recorded()
    files = write_rollout(tmp_path, episodes, steps)
    assert {kind: path.name for kind, path in files.items()} == {"episodes": "episodes.parquet", "steps": "steps.npz"}
    table = pq.read_table(files["episodes"]).to_pydict()
    assert table == {
        "episode": [0, 1, 2],
        "seed": [7, 8, 9],
        "return": [6.0, 3.0, 6.0],
        "length": [3, 2, 3],
        "terminated": [True, False, True],
        "truncated": [False, True, False],
    }
    read = read_steps(files["steps"])
    assert list(read) == list(steps)
    for name, values in steps.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype


def test_the_same_data_gives_the_same_bytes_and_no_pickle(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_rollout(tmp_path / folder, *recorded())
    for name in ("episodes.parquet", "steps.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "steps.npz") as archive:
        names = archive.namelist()
    assert sorted(names) == sorted(f"{name.replace('/', '.')}.npy" for name in recorded()[1])
    with np.load(tmp_path / "a" / "steps.npz", allow_pickle=False) as data:
        assert all(data[name].dtype != object for name in data.files)


def test_without_steps_only_the_table_is_written(tmp_path: Path) -> None:
    episodes, _ = recorded()
    assert list(write_rollout(tmp_path / "new", episodes, {})) == ["episodes"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["episodes.parquet"]


def test_a_recorder_that_saw_nothing_has_no_steps() -> None:
    assert TrajectoryRecorder().steps() == {}


def test_the_result_speaks_of_its_episodes() -> None:
    episodes, steps = recorded()
    result = RolloutResult(episodes, steps)
    assert len(result) == 3
    assert result.returns.tolist() == [6.0, 3.0, 6.0]
    assert result.lengths.tolist() == [3, 2, 3]
    assert result.statistics["mean_return"] == 5.0
    assert result.files == {}
