"""Collecting: time-major arrays, what was cut off and where, and going on where the last collection ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import EnvError, GymMazeEnv, make_vector_env
from maze.env import ObservationNormalizationWrapper, SyncVectorEnv
from maze.rollout import Collector
from tests.probes import DelayedRewardProbe
from tests.scripted import ConstantPolicy, CountingEnv, counting


def collector_of(env: Any, n_steps: int) -> Collector:
    return Collector(env, ConstantPolicy(), n_steps, np.random.default_rng(0), seeds=list(range(env.n_envs)))


def two_envs() -> SyncVectorEnv:
    return SyncVectorEnv([counting([3]), counting([2], terminates=False, truncates=True)])


def copied(rollout: Any) -> dict[str, Any]:
    return {
        "observation": rollout.observation["observation"].copy(),
        "reward": rollout.reward.copy(),
        "terminated": rollout.terminated.copy(),
        "truncated": rollout.truncated.copy(),
    }


def test_arrays_are_time_major_and_hold_what_happened() -> None:
    rollout = collector_of(two_envs(), 4).collect()
    # environment 0 terminates after 3 steps, environment 1 is cut off after 2; [episode, step] is observed
    first = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]
    second = [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]]
    assert rollout.observation["observation"].tolist() == np.stack([first, second], axis=1).tolist()
    assert rollout.observation["observation"].dtype == np.float32
    assert rollout.reward.tolist() == [[1, 1], [2, 2], [3, 1], [1, 2]]
    assert rollout.reward.dtype == np.float32
    assert rollout.terminated.tolist() == [[False, False], [False, False], [True, False], [False, False]]
    assert rollout.truncated.tolist() == [[False, False], [False, True], [False, False], [False, True]]
    assert rollout.action["action"].shape == (4, 2)
    assert rollout.n_steps == 8


def test_only_truncated_steps_keep_their_last_observation() -> None:
    rollout = collector_of(two_envs(), 4).collect()
    assert rollout.truncated_index.tolist() == [1 * 2 + 1, 3 * 2 + 1]
    assert rollout.truncated_index.dtype == np.int64
    assert rollout.truncated_observation["observation"].tolist() == [[0, 2], [1, 2]]


def test_a_time_limit_cuts_and_a_terminating_step_at_the_limit_is_not_bootstrapped() -> None:
    def limited(limit: int) -> GymMazeEnv:
        return GymMazeEnv(gymnasium.wrappers.TimeLimit(DelayedRewardProbe(), limit))

    # The probe terminates after 2 steps: a limit of 1 cuts before its end, a limit of 2 comes together with it.
    rollout = collector_of(SyncVectorEnv([limited(1), limited(2)]), 2).collect()
    assert rollout.truncated_index.tolist() == [0, 2]
    assert rollout.truncated_observation["observation"].tolist() == [[1.0], [1.0]]
    assert rollout.terminated.tolist() == [[False, False], [False, True]]


def test_both_flags_at_once_count_as_terminated() -> None:
    env = SyncVectorEnv([counting([2], terminates=True, truncates=True)])
    rollout = collector_of(env, 2).collect()
    assert len(rollout.truncated_index) == 0
    assert rollout.truncated_observation == {}
    assert rollout.terminated.tolist() == [[False], [True]]


def test_the_next_collection_goes_on_where_the_last_ended() -> None:
    halves = collector_of(two_envs(), 4)
    first, second = copied(halves.collect()), copied(halves.collect())
    whole = copied(collector_of(two_envs(), 8).collect())
    assert second["observation"][0].tolist() == first["observation"][-1].tolist()
    for name in ("reward", "terminated", "truncated"):
        assert np.concatenate([first[name], second[name]]).tolist() == whole[name].tolist()
    joined = np.concatenate([first["observation"][:-1], second["observation"]])
    assert joined.tolist() == whole["observation"].tolist()


def test_finished_episodes_are_counted_across_collections() -> None:
    collector = collector_of(two_envs(), 2)
    collector.collect()
    collector.collect()
    batch = collector.episodes.drain()
    assert batch.returns.tolist() == [3.0, 6.0, 3.0]  # 1 + 2, then 1 + 2 + 3, then 1 + 2
    assert batch.lengths.tolist() == [2, 3, 2]


def test_flat_views_share_memory_and_keep_the_order() -> None:
    rollout = collector_of(two_envs(), 4).collect()
    flat = rollout.flat_observation(with_last=False)["observation"]
    assert flat.shape == (8, 2)
    assert np.shares_memory(flat, rollout.observation["observation"])
    assert flat[5].tolist() == rollout.observation["observation"][2, 1].tolist()
    assert rollout.flat_observation(with_last=True)["observation"].shape == (10, 2)
    assert rollout.flat_action()["action"].shape == (8,)


def test_statistics_are_merged_after_each_collection_and_not_before() -> None:
    env = make_vector_env(lambda: ObservationNormalizationWrapper.wrap(counting([4])), 1)
    env.training = True
    collector = collector_of(env, 3)
    before = {name: value.copy() for name, value in env.statistics_state().items()}
    collector.collect()
    after = env.statistics_state()
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_a_loaded_state_continues_exactly() -> None:
    def fresh() -> Collector:
        env = make_vector_env(lambda: GymMazeEnv("CartPole-v1"), 3)
        return Collector(env, ConstantPolicy(1), 12, np.random.default_rng(0), seeds=[5, 6, 7])

    original = fresh()
    original.collect()
    state = original.state_dict()
    expected = copied(original.collect())
    resumed = fresh()
    resumed.load_state_dict(state)
    for name, values in copied(resumed.collect()).items():
        np.testing.assert_array_equal(values, expected[name])


def test_a_space_without_a_fixed_shape_is_refused() -> None:
    graph = spaces.Dict({"graph": spaces.Sequence(spaces.Discrete(2))})
    env = SimpleNamespace(n_envs=1, observation_space=graph, action_space=spaces.Dict({}))
    with pytest.raises(EnvError, match=r"'graph'.*fixed shape"):
        collector_of(env, 2)


def test_the_same_seeds_collect_the_same() -> None:
    def rewards(seed: int) -> list[Any]:
        env = SyncVectorEnv([GymMazeEnv(CountingEnv()) for _ in range(2)])
        collector = Collector(env, ConstantPolicy(), 20, np.random.default_rng(0), seeds=[seed, seed + 1])
        return list(collector.collect().reward.ravel())

    assert rewards(1) == rewards(1)
    assert rewards(1) != rewards(3)
