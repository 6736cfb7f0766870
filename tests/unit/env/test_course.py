"""Time limits, random beginnings and skipped steps, on an environment that counts."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv, RandomResetWrapper, StepSkipWrapper, TimeLimitWrapper, VectorStep, make_vector_env
from maze.env.sampling import ActionSampler
from maze.errors import InvalidSpecificationError
from maze.seeding import numpy_generator
from tests.scripted import counting

ZEROS = {"action": np.zeros(2, np.int64)}


def seen(step: VectorStep) -> tuple[Any, ...]:
    """Return observation, reward and ends of two environments as lists."""
    return (
        step.observation["observation"].tolist(),
        step.reward.tolist(),
        step.terminated.tolist(),
        step.truncated.tolist(),
    )


def test_a_time_limit_truncates_and_the_next_episode_begins_in_the_same_step() -> None:
    env = TimeLimitWrapper.wrap(counting([5]), max_episode_steps=2)
    env.reset()
    assert env.step({"action": 0})[1:3] == (1.0, False)
    observation, reward, done, info = env.step({"action": 0})
    assert (observation["observation"].tolist(), reward, done) == ([0.0, 2.0], 2.0, True)
    assert (info["terminated"], info["truncated"]) == (False, True)
    # there it stays
    observation, reward, done, info = env.step({"action": 0})
    assert (observation["observation"].tolist(), reward, done) == ([0.0, 2.0], 0.0, True)
    assert info == {"terminated": False, "truncated": True}
    assert env.reset()["observation"].tolist() == [1.0, 0.0]
    assert env.step({"action": 0})[2] is False


def test_a_time_limit_on_a_batch_with_ends_of_its_own() -> None:
    lengths = iter([[2, 9], [9, 3]])
    vector = make_vector_env(lambda: TimeLimitWrapper.wrap(counting(next(lengths)), max_episode_steps=3), 2)
    assert vector.reset([0, 1])["observation"].tolist() == [[0, 0], [0, 0]]
    no = [False, False]
    assert seen(vector.step(ZEROS)) == ([[0, 1], [0, 1]], [1, 1], no, no)
    step = vector.step(ZEROS)  # the first environment ends by itself
    assert seen(step) == ([[1, 0], [0, 2]], [2, 2], [True, False], no)
    assert step.final_observation is not None
    assert step.final_observation["observation"][0].tolist() == [0, 2]
    step = vector.step(ZEROS)  # the second one is cut off
    assert seen(step) == ([[1, 1], [1, 0]], [1, 3], no, [False, True])
    assert step.final_observation is not None
    assert step.final_observation["observation"][1].tolist() == [0, 3]
    assert seen(vector.step(ZEROS)) == ([[1, 2], [1, 1]], [2, 1], no, no)
    step = vector.step(ZEROS)  # the limit counts from the first one's own beginning
    assert seen(step) == ([[2, 0], [1, 2]], [3, 2], no, [True, False])
    step = vector.step(ZEROS)  # the second one terminates in the limit's very step, and is not truncated
    assert seen(step) == ([[2, 1], [2, 0]], [1, 3], [False, True], no)


def test_no_time_limit() -> None:
    env = TimeLimitWrapper.wrap(counting([4]), max_episode_steps=0)
    env.reset()
    assert [env.step({"action": 0})[2] for _ in range(4)] == [False, False, False, True]


@pytest.mark.parametrize(("skipped", "first"), [(0, [0, 0]), (3, [0, 3]), (4, [1, 0]), (6, [1, 2]), (9, [2, 1])])
def test_a_random_reset_begins_after_so_many_steps(skipped: int, first: list[int]) -> None:
    arguments = {"min_skip_steps": skipped, "max_skip_steps": skipped}
    env = RandomResetWrapper.wrap(counting([4]), **arguments)
    assert env.reset()["observation"].tolist() == first
    assert env.step({"action": 0})[1] == first[1] + 1  # rewards of what was skipped are dropped
    vector = make_vector_env(lambda: RandomResetWrapper.wrap(counting([4]), **arguments), 2)
    assert vector.reset([0, 1])["observation"].tolist() == [first, first]


def test_random_resets_take_their_number_from_the_environments_own_seed() -> None:
    vector = make_vector_env(lambda: RandomResetWrapper.wrap(counting([50]), min_skip_steps=1, max_skip_steps=9), 3)
    rngs = [numpy_generator(seed, "random_reset") for seed in (11, 12, 11)]
    numbers = [rng.integers(1, 9, endpoint=True) for rng in rngs]
    assert vector.reset([11, 12, 11])["observation"][:, 1].tolist() == numbers
    for rng, number in zip(rngs, numbers, strict=True):  # the random actions come from the same generator
        for _ in range(number):
            ActionSampler(vector.action_space).draw_one(rng, {})
    assert vector.reset()["observation"][:, 1].tolist() == [rng.integers(1, 9, endpoint=True) for rng in rngs]


def test_skipped_steps_add_up_and_stop_at_the_end() -> None:
    env = StepSkipWrapper.wrap(counting([5]), n_steps=3)
    env.reset()
    observation, reward, done, _ = env.step({"action": 0})
    assert (observation["observation"].tolist(), reward, done) == ([0, 3], 1 + 2 + 3, False)
    observation, reward, done, info = env.step({"action": 0})
    assert (observation["observation"].tolist(), reward, done, info["terminated"]) == ([0, 5], 4 + 5, True, True)

    lengths = iter([[5, 9], [9]])
    vector = make_vector_env(lambda: StepSkipWrapper.wrap(counting(next(lengths)), n_steps=3), 2)
    vector.reset([0, 1])
    vector.step(ZEROS)
    step = vector.step(ZEROS)
    assert seen(step) == ([[1, 0], [0, 6]], [9, 15], [True, False], [False, False])
    assert step.final_observation is not None
    assert step.final_observation["observation"][0].tolist() == [0, 5]
    assert seen(vector.step(ZEROS))[1] == [6, 24]


class Echo(gymnasium.Env[Any, Any]):
    """Pays its action; the first element of a box, the number of a choice."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = spaces.Discrete(1)
        self.action_space = space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        return 0, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        return 0, float(np.ravel(action)[0]), False, False, {}


@pytest.mark.parametrize(
    ("space", "action", "arguments", "reward"),
    [
        (spaces.Discrete(5), 4, {}, 12.0),
        (spaces.Discrete(5), 4, {"skip_mode": "noop"}, 4.0),
        (spaces.Discrete(5, start=2), 6, {"skip_mode": "noop"}, 6.0 + 2 + 2),
        (spaces.Discrete(5), 4, {"skip_mode": "noop", "noop_action": {"action": 1}}, 4.0 + 1 + 1),
        (spaces.Box(0.5, 3.0, (2,)), np.array([2.0, 1.0], np.float32), {"skip_mode": "noop"}, 2.0 + 0.5 + 0.5),
        (spaces.MultiDiscrete([3, 3]), np.array([2, 0]), {"skip_mode": "noop"}, 2.0),
        (spaces.MultiBinary(2), np.array([1, 0]), {}, 3.0),
    ],
)
def test_what_happens_in_skipped_steps(space: Any, action: Any, arguments: dict, reward: float) -> None:
    env = StepSkipWrapper.wrap(GymMazeEnv(Echo(space)), n_steps=3, **arguments)
    env.reset()
    assert env.step({"action": action})[1] == reward


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda env: TimeLimitWrapper.wrap(env, max_episode_steps=-1), "max_episode_steps: -1"),
        (lambda env: TimeLimitWrapper.wrap(env, max_episode_steps=2.5), "max_episode_steps: 2.5"),
        (lambda env: RandomResetWrapper.wrap(env, min_skip_steps=3, max_skip_steps=2), "max_skip_steps: 2"),
        (lambda env: StepSkipWrapper.wrap(env, n_steps=0), "n_steps: 0"),
        (lambda env: StepSkipWrapper.wrap(env, n_steps=2, skip_mode="stick"), "did you mean 'sticky'"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        make(counting([3]))


@pytest.mark.parametrize("noop_action", [{"action": 2}, {"actoin": 0}])
def test_wrong_noop_actions(noop_action: dict) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^noop_action: .*(not in its space|exactly the heads)"):
        StepSkipWrapper.wrap(counting([3]), n_steps=2, skip_mode="noop", noop_action=noop_action)
