"""Recorded trajectories come back as they were played, and only where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze import (
    ArtifactError,
    GymMazeEnv,
    InvalidSpecificationError,
    ObservationNormalizationWrapper,
    RunContext,
    load_trajectories,
)
from maze.env import SyncVectorEnv, make_vector_env
from maze.rollout import TrajectoryRecorder, play_episodes, write_rollout
from tests.scripted import ConstantPolicy, counting


def write(directory: Path, statistics: dict[str, Any] | None = None) -> Path:
    """Three episodes: two of three steps that terminate, one of two steps that is truncated."""
    recorder = TrajectoryRecorder()
    env = SyncVectorEnv([counting([3]), counting([2], terminates=False, truncates=True)])
    episodes = play_episodes(ConstantPolicy(1), env, [7, 8, 9], np.random.default_rng(0), observers=[recorder])
    write_rollout(directory, episodes, recorder.steps(), None, statistics)
    return directory


def spaces_of_counting() -> tuple[spaces.Dict, spaces.Dict]:
    env = counting([3])
    return env.observation_space, env.action_space


def test_steps_come_back_with_their_episodes(tmp_path: Path) -> None:
    dataset = load_trajectories(write(tmp_path))
    assert (len(dataset), dataset.n_steps, dataset.n_episodes) == (8, 8, 3)
    assert dataset.starts.tolist() == [0, 3, 5]
    assert dataset.lengths.tolist() == [3, 2, 3]
    assert dataset.episode.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert dataset.returns.tolist() == [6, 3, 6]
    assert dataset.action["action"].tolist() == [1] * 8
    assert dataset.observation["observation"][:, 1].tolist() == [0, 1, 2, 0, 1, 0, 1, 2]
    assert dataset.next_observation["observation"][:, 1].tolist() == [1, 2, 3, 1, 2, 1, 2, 3]
    assert dataset.terminated.nonzero()[0].tolist() == [2, 7]
    assert dataset.truncated.nonzero()[0].tolist() == [4]
    assert dataset.statistics == {}


@pytest.mark.parametrize("place", ["steps.npz", ".", "..", "../.."])
def test_a_file_a_rollout_a_run_and_a_directory_of_rollouts_name_the_same(tmp_path: Path, place: str) -> None:
    directory = write(tmp_path / "seeds" / "run" / "rollout")
    source = (directory / place).resolve()
    if place == "../..":
        source = write(tmp_path / "rollouts" / "0").parent
    assert len(load_trajectories(source)) == 8
    assert len(load_trajectories(str(source))) == 8


def test_several_rollouts_are_one_after_the_other(tmp_path: Path) -> None:
    sources = [write(tmp_path / "a"), str(write(tmp_path / "b"))]
    dataset = load_trajectories(sources)
    assert dataset.starts.tolist() == [0, 3, 5, 8, 11, 13]
    assert dataset.lengths.tolist() == [3, 2, 3] * 2
    assert dataset.observation["observation"].shape[0] == 16


def test_episodes_are_selected_whole(tmp_path: Path) -> None:
    chosen = load_trajectories(write(tmp_path)).select([2, 1])
    assert chosen.starts.tolist() == [0, 3]
    assert chosen.returns.tolist() == [6, 3]
    assert chosen.next_observation["observation"][:, 1].tolist() == [1, 2, 3, 1, 2]
    assert chosen.terminated.tolist() == [False, False, True, False, False]


def test_missing_and_empty_sources_say_how_to_record(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere: does not exist; .*rollout\(record_trajectory=True\)"):
        load_trajectories(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match=r"holds no recorded steps \(steps.npz\).*record_trajectory=True"):
        load_trajectories(tmp_path)
    with pytest.raises(InvalidSpecificationError, match=r"empty list.*record_trajectory=True"):
        load_trajectories([])
    np.savez(tmp_path / "steps.npz", something=np.zeros(3))
    with pytest.raises(ArtifactError, match=r"'episode' is missing.*record_trajectory=True"):
        load_trajectories(tmp_path)
    (tmp_path / "steps.npz").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"steps.npz: cannot be read as arrays"):
        load_trajectories(tmp_path)


def test_damaged_and_empty_steps_are_refused(tmp_path: Path) -> None:
    with np.load(write(tmp_path) / "steps.npz") as data:
        arrays = dict(data)
    np.savez(tmp_path / "steps.npz", **{name: values[:0] for name, values in arrays.items()})
    with pytest.raises(ArtifactError, match="holds no steps"):
        load_trajectories(tmp_path)
    np.savez(tmp_path / "steps.npz", **{**arrays, "reward": arrays["reward"][:-1]})
    with pytest.raises(ArtifactError, match="'reward' has 7 rows and 'episode' 8"):
        load_trajectories(tmp_path)


def test_a_misfit_names_key_and_shapes(tmp_path: Path) -> None:
    dataset = load_trajectories(write(tmp_path))
    observation, action = spaces_of_counting()
    assert dataset.fitted(observation, action).observation["observation"].dtype == np.float32
    wide = spaces.Dict({"observation": spaces.Box(-1, 1, (7,), np.float32)})
    with pytest.raises(InvalidSpecificationError, match=r"observation 'observation' has the shape \(\d,\);.*\(7,\)"):
        dataset.fitted(wide, action)
    other = spaces.Dict({"observatoin": observation["observation"]})
    with pytest.raises(InvalidSpecificationError, match=r"hold the observation 'observation'.*did you mean"):
        dataset.fitted(other, action)
    more = spaces.Dict({**observation.spaces, "goal": spaces.Box(-1, 1, (2,), np.float32)})
    with pytest.raises(InvalidSpecificationError, match="lack the observation 'goal'"):
        dataset.fitted(more, action)
    with pytest.raises(InvalidSpecificationError, match="action 'action' lies between 1 and 1;"):
        dataset.fitted(observation, spaces.Dict({"action": spaces.Discrete(1)}))
    with pytest.raises(InvalidSpecificationError, match=r"action 'action' has the shape \(\); .*\(1,\)"):
        dataset.fitted(observation, spaces.Dict({"action": spaces.Box(-1, 1, (1,), np.float32)}))
    floating = {**dataset.action, "action": dataset.action["action"] + 0.5}
    object.__setattr__(dataset, "action", floating)
    with pytest.raises(InvalidSpecificationError, match="action 'action' is of float64; the environment has int64"):
        dataset.fitted(observation, action)


def test_rollouts_of_other_environments_or_statistics_are_not_joined(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {"Normal.0.mean": np.zeros(2)})
    assert len(load_trajectories([first, write(tmp_path / "same", {"Normal.0.mean": np.zeros(2)})])) == 16
    with pytest.raises(InvalidSpecificationError, match="normalised by other statistics"):
        load_trajectories([first, write(tmp_path / "b", {"Normal.0.mean": np.ones(2)})])
    with np.load(first / "steps.npz") as data:
        arrays = dict(data)
    (tmp_path / "c").mkdir()
    np.savez(tmp_path / "c" / "steps.npz", **{**arrays, "action.action": np.zeros((8, 2), np.float32)})
    with pytest.raises(InvalidSpecificationError, match=r"its actions are \{'action': \(2,\)\}"):
        load_trajectories([first, tmp_path / "c"])


def test_observations_are_those_that_the_policy_saw_and_their_statistics_are_kept(tmp_path: Path) -> None:
    rc = RunContext(
        env=lambda: GymMazeEnv("CartPole-v1"),
        wrappers=ObservationNormalizationWrapper,
        configuration="test",
        run_dir=tmp_path / "run",
        silent=True,
        seed=0,
        overrides={"tracking.mode": "off"},
    )
    rc.train(1)
    rc.rollout(n_episodes=2, record_trajectory=True)
    dataset = load_trajectories(tmp_path / "run")
    assert dataset.statistics.keys() == rc.trainer.best_state["statistics"].keys()
    for name, values in rc.trainer.best_state["statistics"].items():
        np.testing.assert_array_equal(dataset.statistics[name], values)
    env = make_vector_env(lambda: ObservationNormalizationWrapper(GymMazeEnv("CartPole-v1")), 1)
    env.load_statistics(dataset.statistics)  # a sister environment sees the same
    dataset = dataset.fitted(env.observation_space, env.action_space)
    actions = dataset.action["action"][: dataset.lengths[0]]
    seed = (
        __import__("pyarrow.parquet").parquet.read_table(tmp_path / "run/rollout/episodes.parquet")["seed"][0].as_py()
    )
    observation = env.reset([seed])
    for step, action in enumerate(actions):
        np.testing.assert_array_equal(observation["observation"][0], dataset.observation["observation"][step])
        observation = env.step({"action": np.array([action])}).observation
    env.close()
