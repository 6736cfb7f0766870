"""Episodes come out with the right return, length, environment and order, however the steps are fed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from maze.errors import EnvError
from maze.statistics import EpisodeTracker, summarise_episodes

# Two environments, five steps.  Environment 0 ends at rows 1 and 4, environment 1 at rows 1 and 2.
REWARDS = np.array([[1, 10], [2, 20], [3, 30], [4, 40], [5, 50]], dtype=np.float32)
DONES = np.array([[0, 0], [1, 1], [0, 1], [0, 0], [1, 0]], dtype=bool)


def test_a_rollout_gives_its_episodes_in_time_order() -> None:
    tracker = EpisodeTracker(2)
    tracker.update(REWARDS, DONES)
    batch = tracker.drain()
    assert batch.returns.tolist() == [3.0, 30.0, 30.0, 12.0]
    assert batch.lengths.tolist() == [2, 2, 1, 3]
    assert batch.env_index.tolist() == [0, 1, 1, 0]
    assert batch.end_step.tolist() == [2, 2, 3, 5]
    assert len(tracker.drain()) == 0


def test_an_episode_is_carried_over_rollouts() -> None:
    tracker = EpisodeTracker(2)
    tracker.update(REWARDS, DONES)
    tracker.drain()
    tracker.update(np.array([[1, 60]], dtype=np.float32), np.array([[False, True]]))
    batch = tracker.drain()
    assert batch.returns.tolist() == [150.0]  # 40 + 50 + 60
    assert batch.lengths.tolist() == [3]
    assert batch.end_step.tolist() == [6]


@pytest.mark.parametrize("cuts", [(), (1,), (2, 3), (1, 2, 3, 4)])
def test_cutting_a_rollout_changes_nothing(cuts: tuple[int, ...]) -> None:
    tracker = EpisodeTracker(2)
    for rewards, dones in zip(np.split(REWARDS, cuts), np.split(DONES, cuts), strict=True):
        tracker.update(rewards, dones)
    assert tracker.drain().returns.tolist() == [3.0, 30.0, 30.0, 12.0]


def test_stepping_equals_updating() -> None:
    rng = np.random.default_rng(3)
    rewards = rng.integers(-5, 6, (300, 7)).astype(np.float32)
    dones = rng.random((300, 7)) < 0.05
    whole, stepped = EpisodeTracker(7), EpisodeTracker(7)
    whole.update(rewards, dones)
    for reward, done in zip(rewards, dones, strict=True):
        stepped.step(reward, done)
    expected, actual = whole.drain(), stepped.drain()
    assert len(expected) == dones.sum()
    for name in ("returns", "lengths", "env_index", "end_step"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name))


def test_infinite_reward_stays_in_its_episode() -> None:
    tracker = EpisodeTracker(1)
    tracker.update(np.array([[np.inf], [1.0], [2.0]]), np.array([[True], [False], [True]]))
    assert tracker.drain().returns.tolist() == [np.inf, 3.0]


def test_tracking_does_not_change_its_input_or_hand_out_live_memory() -> None:
    tracker = EpisodeTracker(2)
    reward, done = np.ones(2, dtype=np.float32), np.array([True, False])
    tracker.step(reward, done)
    reward[:] = 9.0
    first = tracker.drain()
    tracker.step(reward, done)
    assert first.returns.tolist() == [1.0]
    assert tracker.drain().returns.tolist() == [9.0]


def test_state_continues_exactly() -> None:
    tracker = EpisodeTracker(2)
    tracker.update(REWARDS[:3], DONES[:3])
    copy = EpisodeTracker(2)
    copy.load_state_dict(tracker.state_dict())
    for one in (tracker, copy):
        one.update(REWARDS[3:], DONES[3:])
    expected, actual = tracker.drain(), copy.drain()
    for name in ("returns", "lengths", "env_index", "end_step"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name))


def test_reset_forgets_running_episodes() -> None:
    tracker = EpisodeTracker(1)
    tracker.step(np.array([5.0]), np.array([False]))
    tracker.reset()
    tracker.step(np.array([1.0]), np.array([True]))
    batch = tracker.drain()
    assert (batch.returns.tolist(), batch.lengths.tolist()) == ([1.0], [1])


@pytest.mark.parametrize(("rewards", "dones"), [((3, 2), (3, 1)), ((3, 4), (3, 4)), ((2,), (2,))])
def test_wrong_shapes_are_named(rewards: tuple[int, ...], dones: tuple[int, ...]) -> None:
    with pytest.raises(EnvError, match=r"must be \[T, 2\]"):
        EpisodeTracker(2).update(np.zeros(rewards), np.zeros(dones, dtype=bool))


def test_wrong_numbers_of_environments_are_named() -> None:
    with pytest.raises(EnvError, match="n_envs is 0"):
        EpisodeTracker(0)
    with pytest.raises(EnvError, match="3 environments, this tracker follows 2"):
        EpisodeTracker(2).load_state_dict(EpisodeTracker(3).state_dict())


def test_summary_by_hand() -> None:
    summary = summarise_episodes([1.0, 3.0, 8.0], [10, 20, 60])
    assert summary == {
        "mean_return": 4.0,
        "std_return": pytest.approx(np.sqrt(26 / 3)),  # deviations -3, -1, 4
        "min_return": 1.0,
        "max_return": 8.0,
        "mean_length": 30.0,
        "median_length": 20.0,
        "total_length": 90,
        "n_episodes": 3,
    }


def test_summary_of_nothing_is_unknown_not_zero() -> None:
    empty: npt.NDArray[np.float64] = np.zeros(0)
    summary = summarise_episodes(empty, empty)
    assert (summary.pop("n_episodes"), summary.pop("total_length")) == (0, 0)
    assert all(np.isnan(value) for value in summary.values())


def test_summary_needs_one_length_per_return() -> None:
    with pytest.raises(EnvError, match="2 returns and 1 lengths"):
        summarise_episodes([1.0, 2.0], [3])
