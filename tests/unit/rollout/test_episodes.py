"""Whole episodes: exactly as many as there are seeds, each counted once, whoever finishes first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze import GymMazeEnv, make_vector_env
from maze.env import SyncVectorEnv, VectorStep
from maze.rollout import Episodes, play_episodes
from maze.seeding import derive_seed
from tests.scripted import ConstantPolicy, counting


def play(env: Any, seeds: list[int], **settings: Any) -> Episodes:
    return play_episodes(ConstantPolicy(), env, seeds, np.random.default_rng(0), **settings)


def random_lengths(n_envs: int) -> SyncVectorEnv:
    """Environments whose episodes last as long as their seed says."""
    return SyncVectorEnv([counting() for _ in range(n_envs)])


@pytest.mark.parametrize("n_envs", [1, 2, 3, 7, 10])
def test_exactly_as_many_episodes_as_seeds_and_the_same_whatever_the_width(n_envs: int) -> None:
    seeds = [derive_seed(4, "test", index) for index in range(7)]
    expected = play(random_lengths(1), seeds)
    episodes = play(random_lengths(n_envs), seeds)
    assert len(episodes) == 7
    assert episodes.lengths.tolist() == expected.lengths.tolist()
    assert episodes.returns.tolist() == [length * (length + 1) / 2 for length in expected.lengths]
    assert episodes.seeds.tolist() == seeds
    assert len(set(expected.lengths.tolist())) > 2


def test_early_finishers_are_not_counted_twice() -> None:
    # While the second environment plays its 9 steps, the first begins four more episodes that nobody asked for.
    env = SyncVectorEnv([counting([2]), counting([9])])
    episodes = play(env, [0, 0])
    assert episodes.lengths.tolist() == [2, 9]
    assert episodes.returns.tolist() == [3.0, 45.0]
    assert episodes.mean_return == 24.0
    assert episodes.statistics["mean_length"] == 5.5
    assert episodes.statistics["n_episodes"] == 2


def test_ends_are_told_apart() -> None:
    env = SyncVectorEnv([counting([2]), counting([3], terminates=False, truncates=True)])
    episodes = play(env, [0, 0])
    assert episodes.terminated.tolist() == [True, False]
    assert episodes.truncated.tolist() == [False, True]


def test_max_episode_steps_cuts_and_marks_as_truncated() -> None:
    env = SyncVectorEnv([counting([2, 2]), counting([3, 3]), counting([5, 5])])
    episodes = play(env, [0, 0, 0, 0], max_episode_steps=3)
    assert episodes.lengths.tolist() == [2, 3, 3, 2]
    assert episodes.returns.tolist() == [3.0, 6.0, 6.0, 3.0]
    assert episodes.terminated.tolist() == [True, True, False, True]
    assert episodes.truncated.tolist() == [False, False, True, False]


def test_observers_see_the_cut_in_the_step_itself() -> None:
    seen: list[tuple[list[int], list[bool], Any]] = []

    def watch(episode: Any, observation: Any, action: Any, step: VectorStep, active: Any) -> None:
        final = None if step.final_observation is None else step.final_observation["observation"].tolist()
        seen.append((episode[active].tolist(), step.truncated.tolist(), final))

    env = SyncVectorEnv([counting([2]), counting([5])])
    play(env, [0, 0], max_episode_steps=3, observers=[watch])
    assert [episodes for episodes, _, _ in seen] == [[0, 1], [0, 1], [1]]
    assert seen[-1][1][1] is True
    assert seen[-1][2][1] == [0.0, 3.0]  # the observation of the third step, which no reset has replaced


def test_a_deterministic_policy_gives_the_same_on_native_environments_of_any_width() -> None:
    seeds = list(range(20, 25))
    results = [play(make_vector_env(lambda: GymMazeEnv("CartPole-v1"), n), seeds) for n in (1, 2, 5)]
    assert results[0].returns.tolist() == results[1].returns.tolist() == results[2].returns.tolist()


def test_batches_are_joined_in_order() -> None:
    parts = [play(random_lengths(1), [seed]) for seed in (3, 1, 2)]
    joined = Episodes.concatenate(parts)
    assert joined.seeds.tolist() == [3, 1, 2]
    assert joined.returns.tolist() == [part.returns[0] for part in parts]
