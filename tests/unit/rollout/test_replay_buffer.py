"""Replayed transitions are those that happened, whatever the ring, the ends of episodes and resuming do to them."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv, SyncVectorEnv, make_vector_env
from maze.errors import ArtifactError
from maze.rollout import Collector, ReplayBuffer, Rollout
from maze.state_files import read_state, write_state
from tests.scripted import Bright, ConstantPolicy, counting
from tests.unit.trainers.test_base import same


def collector(n_envs: int, n_steps: int, lengths: Sequence[int] | None = None, **settings: Any) -> Collector:
    """CountingEnv observes [episode, step] and pays the step, so that every transition tells where it is from."""
    env = SyncVectorEnv([counting(lengths, **settings) for _ in range(n_envs)])
    return Collector(env, ConstantPolicy(1), n_steps, np.random.default_rng(0), list(range(n_envs)))


def buffer_of(source: Collector, capacity: int, spare_steps: int = 0) -> ReplayBuffer:
    env = source.env
    return ReplayBuffer(env.observation_space, env.action_space, env.n_envs, capacity, spare_steps)


def everything(buffer: ReplayBuffer) -> list[tuple[float, ...]]:
    """Return all transitions in order: observation, reward, terminated, next observation unless terminated."""
    batch = buffer.take(np.arange(len(buffer)))
    return [
        (*observation, reward, terminated, *(() if terminated else after))
        for observation, reward, terminated, after in zip(
            batch.observation["observation"].tolist(),
            batch.reward.tolist(),
            batch.terminated.tolist(),
            batch.next_observation["observation"].tolist(),
            strict=True,
        )
    ]


class Naive:
    """Keeps every transition with its own next observation."""

    def __init__(self, n_envs: int) -> None:
        self.n_envs = n_envs
        self.rows: list[tuple[float, ...]] = []

    def extend(self, rollout: Rollout) -> None:
        observation = rollout.observation["observation"].tolist()
        cut = {int(index): row for row, index in enumerate(rollout.truncated_index)}
        for t in range(len(rollout.reward)):
            for n in range(self.n_envs):
                after = observation[t + 1][n]
                if t * self.n_envs + n in cut:
                    after = rollout.truncated_observation["observation"][cut[t * self.n_envs + n]].tolist()
                terminated = bool(rollout.terminated[t, n])
                reward = float(rollout.reward[t, n])
                self.rows.append((*observation[t][n], reward, terminated, *(() if terminated else after)))

    def last(self, n: int) -> list[tuple[float, ...]]:
        return self.rows[-n:]


@pytest.mark.parametrize(("n_envs", "n_steps", "capacity"), [(1, 1, 7), (3, 4, 30), (2, 5, 11), (2, 40, 12), (4, 1, 4)])
@pytest.mark.parametrize("ends", [{"truncates": True, "terminates": False}, {}])
def test_transitions_are_those_that_happened(n_envs: int, n_steps: int, capacity: int, ends: Any) -> None:
    source, naive = collector(n_envs, n_steps, **ends), Naive(n_envs)
    buffer = buffer_of(source, capacity, spare_steps=3)
    kept = -(-capacity // n_envs) * n_envs
    for _ in range(60 // n_steps + 2):
        rollout = source.collect()
        naive.extend(rollout)
        buffer.extend(rollout)
        assert len(buffer) == min(len(naive.rows), kept)
        assert everything(buffer) == naive.last(len(buffer))


def test_truncated_steps_lead_to_the_true_last_observation_and_terminated_ones_nowhere() -> None:
    source = collector(1, 3, [3], truncates=True, terminates=False)
    buffer = buffer_of(source, 10)
    buffer.extend(source.collect())
    batch = buffer.take(np.arange(3))
    assert batch.next_observation["observation"].tolist() == [[0, 1], [0, 2], [0, 3]]  # not [1, 0], which comes next
    assert not batch.terminated.any()
    source = collector(1, 3, [3])
    buffer = buffer_of(source, 10)
    buffer.extend(source.collect())
    assert buffer.take(np.arange(3)).terminated.tolist() == [False, False, True]


def test_dtypes_stay_and_observations_are_stored_once() -> None:
    image = spaces.Dict(image=spaces.Box(0, 255, (8, 8), np.uint8), speed=spaces.Box(-1, 1, (2,), np.float32))
    action = spaces.Dict(turn=spaces.Discrete(3), push=spaces.Box(-1, 1, (1,), np.float32))
    buffer = ReplayBuffer(image, action, n_envs=4, capacity=1000)
    stored = buffer._observation["image"]
    assert stored.dtype == np.uint8
    assert stored.shape == (251, 4, 8, 8)
    assert buffer._action["turn"].dtype == np.int64


MEMORY = """
import resource
import numpy as np
from gymnasium import spaces
from maze.rollout import ReplayBuffer

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
space = spaces.Dict(observation=spaces.Box(-1, 1, (24,), np.float32))
buffer = ReplayBuffer(space, spaces.Dict(action=spaces.Box(-1, 1, (4,), np.float32)), 1, 1_000_000, 5000)
print(buffer.capacity, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_million_image_transitions_take_no_memory_before_they_happen() -> None:
    # In a process of its own: one that has freed memory before is given that again, and has to clear it.
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    capacity, grown = map(int, done.stdout.split())
    assert capacity == 1_000_000
    assert grown < 20_000  # kB, of 120 MB


def test_draws_are_even_and_follow_the_generator() -> None:
    source = collector(2, 10)
    buffer = buffer_of(source, 20)
    buffer.extend(source.collect())
    drawn = [buffer.sample(4000, np.random.default_rng(5)) for _ in range(2)]
    assert drawn[0].reward.tobytes() == drawn[1].reward.tobytes()
    index = np.random.default_rng(5).integers(0, 20, 4000)
    assert (np.bincount(index, minlength=20) > 140).all()
    assert drawn[0].reward.tolist() == buffer.take(index).reward.tolist()


def test_what_is_drawn_is_the_callers_own() -> None:
    source = collector(1, 4, [2], truncates=True, terminates=False)
    buffer = buffer_of(source, 4)
    buffer.extend(source.collect())
    before = everything(buffer)
    batch = buffer.take(np.arange(4))
    for array in (*batch.observation.values(), *batch.next_observation.values(), batch.reward, batch.terminated):
        array.fill(1)
    assert everything(buffer) == before


@pytest.mark.parametrize("n_rollouts", [0, 1, 3, 9])
def test_a_state_gives_the_same_buffer_again(n_rollouts: int, tmp_path: Path) -> None:
    source = collector(2, 3, truncates=True, terminates=False)
    buffer = buffer_of(source, 20, spare_steps=2)
    for _ in range(n_rollouts):
        buffer.extend(source.collect())
    write_state(tmp_path / "state.npz", {"replay": buffer.state_dict()})
    write_state(tmp_path / "whole.npz", {"replay": buffer.whole(buffer.mark())})
    assert (tmp_path / "state.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    other = buffer_of(source, 20, spare_steps=2)
    other.load_state_dict(read_state(tmp_path / "state.npz")["replay"])
    for _ in range(9):
        assert everything(other) == everything(buffer)
        rollout = source.collect()
        buffer.extend(rollout)
        other.extend(rollout)
    assert str(other.state_dict()) == str(buffer.state_dict())


def test_a_state_holds_what_is_filled_and_no_more() -> None:
    source = collector(2, 3)
    buffer = buffer_of(source, 1_000_000)
    buffer.extend(source.collect())
    state = buffer.state_dict()
    assert state["observation"]["observation"].shape == (4, 2, 2)
    assert state["reward"].shape == (3, 2)
    with pytest.raises(ArtifactError, match=r"rewards of the shape \(3, 2\); accepted are up to 2 rows of 2"):
        buffer_of(source, 4).load_state_dict(state)


@pytest.mark.parametrize("n_rollouts", [20, 30])
def test_writing_a_filled_buffer_takes_next_to_no_memory(n_rollouts: int, tmp_path: Path) -> None:
    env = SyncVectorEnv([GymMazeEnv(Bright())])
    source = Collector(env, ConstantPolicy(1), 200, np.random.default_rng(0), [0])
    buffer = buffer_of(source, 4000)  # 36 MB of images
    for _ in range(n_rollouts):  # after 30, half of the rows lie at either end of the ring
        buffer.extend(source.collect())
    tracemalloc.start()
    try:
        write_state(tmp_path / "state.npz", {"replay": buffer.whole(buffer.mark())})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = (tmp_path / "state.npz").stat().st_size
    assert size > 4000 * 60 * 50 * 3
    assert peak < 0.02 * size
    state = read_state(tmp_path / "state.npz")["replay"]
    assert same(state, buffer.state_dict())


@pytest.mark.parametrize("full", [False, True])
def test_the_buffer_goes_back_to_a_mark(full: bool, tmp_path: Path) -> None:
    source = collector(2, 3, truncates=True, terminates=False)
    buffer = buffer_of(source, 12 if full else 100, spare_steps=9)
    for _ in range(5):
        buffer.extend(source.collect())
    before, state, mark = everything(buffer), buffer.state_dict(), buffer.mark()
    later = [source.collect() for _ in range(3)]
    copies = [str(buffer.state_dict())]
    for rollout in later[:1]:  # the arrays of all three are one and the same
        for _ in range(3):
            buffer.extend(rollout)
    write_state(tmp_path / "state.npz", buffer.whole(mark))
    assert str(read_state(tmp_path / "state.npz")) == str(state) == copies[0]
    buffer.go_back(mark)
    assert everything(buffer) == before
    assert str(buffer.state_dict()) == str(state)


def test_too_many_steps_cannot_be_taken_back() -> None:
    source = collector(1, 3)
    buffer = buffer_of(source, 6, spare_steps=3)
    for _ in range(3):
        buffer.extend(source.collect())
    mark = buffer.mark()
    for _ in range(2):
        buffer.extend(source.collect())
    with pytest.raises(ArtifactError, match="6 steps were added"):
        buffer.go_back(mark)


def test_episodes_that_begin_anew_end_where_they_were() -> None:
    source = collector(2, 2, [50])
    buffer = buffer_of(source, 20)
    buffer.extend(source.collect())
    buffer.begin({"observation": np.array([[9, 0], [0, 2]], np.float32)})  # the second goes on
    assert everything(buffer)[2:] == [(0, 1, 2, False, 0, 2)] * 2
    buffer.extend(source.collect())
    assert everything(buffer)[4] == (9, 0, 3, False, 0, 3)


def test_native_environments_side_by_side() -> None:
    env = make_vector_env(lambda: counting([2, 3]), 3)
    source = Collector(env, ConstantPolicy(), 1, np.random.default_rng(0), [1, 2, 3])
    buffer = ReplayBuffer(env.observation_space, env.action_space, 3, 9)
    for _ in range(4):
        buffer.extend(source.collect())
    assert len(buffer) == 9
    assert [row[:2] for row in everything(buffer)] == [(0, 1)] * 3 + [(1, 0)] * 3 + [(1, 1)] * 3
