"""What wrappers around a vector environment count is part of its state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze.env import GymMazeEnv, MazeEnv, VectorEnv, Wrapper, make_vector_env


def frames(vector: VectorEnv, n_steps: int, seed: int = 0) -> list[bytes]:
    """Return the observations and rewards that random steps gave."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(n_steps):
        step = vector.step({"action": rng.integers(0, 2, vector.n_envs)})
        result.append(step.observation["observation"].tobytes() + step.reward.tobytes())
    return result


class Tally(Wrapper):
    """Pays the number of the step since the wrapper was made; says nothing of its own state."""

    def __init__(self, env: MazeEnv, extra: Any = None) -> None:
        super().__init__(env)
        self.count = 0
        self.extra = extra

    def reward(self, reward: Any) -> Any:
        return np.full_like(reward, self.count)

    def episode_step(self, reward: Any, done: Any) -> None:
        self.count += 1


@pytest.mark.parametrize("native", [True, False])
def test_what_a_batched_wrapper_counts_goes_on(native: bool) -> None:
    vector, other = (make_vector_env(lambda: Tally(GymMazeEnv("CartPole-v1")), 2, native=native) for _ in range(2))
    vector.reset([1, 2])
    frames(vector, 30)
    state = vector.state_dict()
    assert not vector.begins_anew(state)
    other.load_state_dict(state)
    assert frames(vector, 40, seed=1) == frames(other, 40, seed=1)


def test_a_batched_wrapper_that_cannot_be_saved_has_its_episodes_begin_anew() -> None:
    def factory() -> MazeEnv:
        return Tally(GymMazeEnv("CartPole-v1"), extra=object())

    vector = make_vector_env(factory, 2)
    vector.reset([1, 2])
    frames(vector, 30)
    state = vector.state_dict()
    assert vector.begins_anew(state)
    resumed = []
    for _ in range(2):
        other = make_vector_env(factory, 2)
        other.load_state_dict(state)
        assert (np.abs(other.observation["observation"]) <= 0.05).all()
        assert other.observation["observation"].tobytes() != vector.observation["observation"].tobytes()
        resumed.append(frames(other, 20))
    assert resumed[0] == resumed[1]
