"""The events of played episodes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from maze.env import make_vector_env
from maze.rollout import EventRecorder, play_episodes
from tests.scripted import ConstantPolicy, counting


@pytest.mark.parametrize("n_envs", [1, 2, 3])
def test_events_of_three_episodes(n_envs: int) -> None:
    recorder = EventRecorder()
    env = make_vector_env(lambda: counting([2, 3]), n_envs)
    episodes = play_episodes(ConstantPolicy(1), env, [0, 1, 2], np.random.default_rng(0), observers=[recorder])
    end = recorder.log.table("episode_end")
    assert end["episode"].tolist() == [0, 1, 2]
    assert end["return"].tolist() == episodes.returns.tolist()
    assert end["length"].tolist() == episodes.lengths.tolist()
    assert end["step"].tolist() == (episodes.lengths - 1).tolist()
    assert end["terminated"].all()
    assert not end["truncated"].any()
    reward = recorder.log.table("reward")
    assert reward["step"].tolist() == [step for length in episodes.lengths for step in range(length)]
    assert reward["value"].tolist() == [step + 1.0 for length in episodes.lengths for step in range(length)]
    action = recorder.log.table("action")
    assert set(action) == {"episode", "step", "action"}
    assert action["action"].tolist() == [1] * episodes.lengths.sum()


def test_an_episode_that_is_cut_off_was_truncated() -> None:
    recorder = EventRecorder()
    env = make_vector_env(lambda: counting([9]), 1)
    play_episodes(ConstantPolicy(), env, [0], np.random.default_rng(0), max_episode_steps=4, observers=[recorder])
    end = recorder.log.table("episode_end")
    assert (end["step"].tolist(), end["truncated"].tolist(), end["terminated"].tolist()) == ([3], [True], [False])
    assert end["return"].tolist() == [10.0]
