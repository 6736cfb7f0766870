"""Environments in worker processes equal those of this process to the last bit, and nothing is left of them."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from maze.env import (
    GymMazeEnv,
    MazeEnv,
    ProcessVectorEnv,
    StatefulVectorEnv,
    VectorEnv,
    WrappedVectorEnv,
    Wrapper,
    make_vector_env,
)
from maze.env.sampling import ActionSampler
from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import EpochStatistics
from maze.types import Array
from tests.elsewhere import (
    COURSE,
    STATISTICS,
    Failing,
    Looped,
    OddError,
    Rich,
    Speaking,
    Unsaveable,
    acrobot,
    failing,
    normalize,
    walk,
    wrapped,
)

CASES: dict[str, Callable[[], MazeEnv]] = {
    "every kind of space": wrapped(Rich, Looped),
    "events": wrapped(walk, *STATISTICS),
    "course on whole batches": wrapped(acrobot, *COURSE, *STATISTICS),
    "all on the slow path": wrapped(acrobot, *COURSE, *STATISTICS, Looped),
    "some on the slow path": wrapped(acrobot, *STATISTICS, Looped, *COURSE, *STATISTICS),
    "unsaveable": wrapped(Unsaveable, Looped),
}


def plain(value: Any) -> Any:
    """Return nested state in a form that can be compared."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return value


def actions(vector: VectorEnv, rng: np.random.Generator) -> dict[str, Array]:
    drawn = [ActionSampler(vector.action_space).draw_one(rng, {}) for _ in range(vector.n_envs)]
    return {key: np.stack([action[key] for action in drawn]) for key in drawn[0]}


def play(vector: VectorEnv, n_steps: int, seed: int = 0) -> list[Any]:
    """Return everything that random steps gave, of all environments and of some."""
    rng, result = np.random.default_rng(seed), []
    for t in range(n_steps):
        step = vector.step(actions(vector, rng))
        done = step.terminated | step.truncated
        final = None if step.final_observation is None else {k: v[done] for k, v in step.final_observation.items()}
        result.append(plain([step.observation, step.reward, step.terminated, step.truncated, final]))
        if t % 5 == 4:
            rows = rng.random(vector.n_envs) < 0.6
            part = vector.step_rows(actions(vector, rng), rows)
            ended = part.terminated | part.truncated
            result.append(plain([part.observation, part.reward, part.terminated, part.truncated]))
            result.append(plain(vector.reset_rows(ended | (rng.random(vector.n_envs) < 0.1))))
        if t % 10 == 9:
            vector.update_statistics()
            result.append(plain(vector.statistics_state()))
    told = vector.drain_event_stats()
    result.append(plain([told.episodes, told.values]))
    result.append(EpochStatistics().reduce(told))
    return result


@pytest.fixture
def made() -> Iterator[Callable[..., Any]]:
    """Makes vector environments that are closed in the end."""
    all_made: list[VectorEnv] = []

    def make(factory: Callable[[], MazeEnv], n_envs: int = 2, n_processes: int = 2, **options: Any) -> Any:
        all_made.append(make_vector_env(factory, n_envs, native=False, n_processes=n_processes, **options))
        return all_made[-1]

    yield make
    for vector in all_made:
        vector.close()


def innermost(vector: Any) -> ProcessVectorEnv:
    while not isinstance(vector, ProcessVectorEnv):
        vector = vector.env
    return vector


def process_ids(vector: Any) -> list[int]:
    return [member.process.pid for member in innermost(vector)._group.members]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_everything_equals_one_process(name: str, made: Any) -> None:
    sync, elsewhere = (made(CASES[name], 5, n_processes) for n_processes in (0, 2))
    assert type(elsewhere) in (ProcessVectorEnv, StatefulVectorEnv, WrappedVectorEnv)
    for vector in (sync, elsewhere):
        vector.training = True
    assert plain(elsewhere.reset([3, 1, 4, 1, 5])) == plain(sync.reset([3, 1, 4, 1, 5]))
    assert play(elsewhere, 37) == play(sync, 37)
    state = sync.state_dict()
    assert plain(elsewhere.state_dict()) == plain(state)
    assert elsewhere.exact_resume is sync.exact_resume is (name != "unsaveable")
    assert play(elsewhere, 13, seed=1) == play(sync, 13, seed=1)
    for vector in (sync, elsewhere):  # each goes on from the state of the other one
        vector.load_state_dict(state)
    assert plain(elsewhere.statistics_state()) == plain(sync.statistics_state())
    assert plain(elsewhere.observation) == plain(sync.observation)
    assert play(elsewhere, 13, seed=1) == play(sync, 13, seed=1)
    statistics = {key: value + 1 for key, value in sync.statistics_state().items()}
    for vector in (sync, elsewhere):
        vector.load_statistics(statistics)
        vector.training = False
    assert plain(elsewhere.reset()) == plain(sync.reset())
    assert play(elsewhere, 7, seed=2) == play(sync, 7, seed=2)


def test_statistics_of_many_steps_are_summed_in_one_order(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maze.env.gathering.BLOCK", 8)  # in this process, where statistics are made
    vectors = [made(CASES["all on the slow path"], 3, n_processes) for n_processes in (0, 2)]
    results = []
    for vector in vectors:
        vector.training = True
        vector.reset([0, 1, 2])
        rng = np.random.default_rng(0)
        for _ in range(30):
            vector.step(actions(vector, rng))
        vector.update_statistics()
        results.append(plain(vector.statistics_state()))
    assert results[0] == results[1]


def test_actions_of_other_kinds_are_refused_as_in_one_process(made: Any) -> None:
    sync, elsewhere = made(acrobot, 3, 0), made(acrobot, 3)
    for action in (
        {"action": np.zeros(3, np.int64)},  # before the first reset
        {"actoin": np.zeros(3, np.int64)},
        {"action": np.zeros(2, np.int64)},
        {"action": np.full(3, 0.5)},
        {"action": np.full(3, 7)},
        {},
    ):
        messages = []
        for vector in (sync, elsewhere):
            with pytest.raises(EnvError) as caught:
                vector.step(action)
            messages.append(str(caught.value))
            vector.reset([1, 2, 3])
        assert messages[0] == messages[1]
    small = {"action": np.array([0, 1, 2], np.int8)}
    assert plain(elsewhere.step(small).observation) == plain(sync.step(small).observation)
    with pytest.raises(EnvError, match="3 environments"):
        elsewhere.reset([1])


def test_worker_processes_are_small_and_as_many_as_are_of_use(made: Any) -> None:
    vector = made(failing(""), 3, 7)
    observation = vector.reset([0, 1, 2])["observation"]
    assert sorted(observation[:, 0]) == sorted(process_ids(vector))
    assert not observation[:, 1].any(), "torch was imported"
    assert os.getpid() not in observation[:, 0]


def test_what_an_environment_raises_arrives_as_it_is(made: Any) -> None:
    vector = made(failing("odd"), 4)
    vector.reset([0, 1, 2, 3])
    with pytest.raises(OddError, match="odd 7 in here") as caught:
        vector.step({"action": np.array([0, 0, 0, 1])})
    assert caught.value.code == 7
    (note,) = caught.value.__notes__
    assert "worker process 1 (environments 2 to 3)" in note
    assert "in fail\n" in note
    vector.step({"action": np.zeros(4, np.int64)})
    unusual = made(failing("held"))
    unusual.reset([0, 1])
    with pytest.raises(Exception, match=r"HeldError: holds a lock"):
        unusual.step({"action": np.ones(2, np.int64)})


@pytest.mark.parametrize(
    ("what", "told"),
    [("kill", r"was killed by signal 9 \(SIGKILL\)"), ("exit", "ended with exit code 3")],
)
def test_the_death_of_a_worker_is_told_and_the_state_before_it_is_not_lost(what: str, told: str, made: Any) -> None:
    factory = wrapped(partial(Failing, what), normalize, Looped)
    vector = made(factory)
    vector.training = True
    vector.reset([5, 6])
    vector.step({"action": np.zeros(2, np.int64)})
    vector.update_statistics()
    state, statistics = vector.state_dict(), vector.statistics_state()
    began = time.monotonic()
    with pytest.raises(EnvError, match=rf"^worker process 1 \(environments 1 to 1\), pid \d+, {told}.*n_processes"):
        vector.step({"action": np.array([0, 1])})
    assert time.monotonic() - began < 5
    with pytest.raises(EnvError, match="before reset"):
        vector.step({"action": np.zeros(2, np.int64)})
    vector.load_statistics(statistics)
    vector.load_state_dict(state)
    assert vector.training
    assert plain(vector.state_dict()["seeds"]) == plain(state["seeds"])
    vector.step({"action": np.zeros(2, np.int64)})


def test_a_step_that_is_broken_off_is_forgotten(made: Any) -> None:
    class Impatience(Exception):  # noqa: N818
        pass

    def handler(number: int, frame: object) -> None:
        raise Impatience

    vector = made(failing("sleep"))
    vector.reset([0, 1])
    before = process_ids(vector)
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Impatience):
            vector.step({"action": np.array([0, 1])})
        vector.reset([0, 1])
        vector.step({"action": np.zeros(2, np.int64)})
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert not set(process_ids(vector)) & set(before)
    assert not any(map(is_running, before))


def test_workers_leave_signals_to_their_owner(made: Any) -> None:
    vector = made(failing(""))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for pid in process_ids(vector):
            os.kill(pid, number)
        vector.reset([0, 1])
    vector.step({"action": np.zeros(2, np.int64)})


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


def test_nothing_is_left_behind() -> None:
    factory = wrapped(acrobot, Looped)
    gc.collect()
    before, threads = open_files(), threading.active_count()
    closed = make_vector_env(factory, 4, n_processes=2)
    forgotten = make_vector_env(factory, 4, n_processes=2)
    observation = closed.reset([0, 1, 2, 3])["observation"]
    ids = [*process_ids(closed), *process_ids(forgotten)]
    assert all(map(is_running, ids))
    closed.close()
    closed.close()
    with pytest.raises(EnvError, match="closed already"):
        closed.reset()
    assert np.isfinite(observation).all(), "what was observed stays readable"
    del closed, forgotten, observation
    gc.collect()
    assert not any(map(is_running, ids))
    assert (open_files(), threading.active_count()) == (before, threads)


def test_prints_can_be_silenced(capfd: pytest.CaptureFixture[str], made: Any) -> None:
    for silent in (True, False):
        made(wrapped(lambda: Speaking(gymnasium.make("Acrobot-v1"))), silent=silent).reset([0, 1])
        out, err = capfd.readouterr()
        assert ("begins" in out, "complains" in err) == (not silent, not silent)


class Counting(Wrapper):
    """Has statistics that are of one process."""

    def share_statistics(self, other: Any) -> None:
        pass

    def reset(self) -> Any:
        return super().reset()


def test_wrong_use_is_explained() -> None:
    lock = threading.Lock()

    def locked() -> MazeEnv:
        assert lock
        return acrobot()

    with pytest.raises(InvalidSpecificationError, match=r"locked cannot be handed to another process \(TypeError"):
        make_vector_env(locked, 2, n_processes=2)
    with pytest.raises(InvalidSpecificationError, match=r"Counting has statistics .* take_gathered and add_gathered"):
        make_vector_env(wrapped(acrobot, Counting), 2, n_processes=2)
    with pytest.raises(InvalidSpecificationError, match="n_processes is -1"):
        make_vector_env(acrobot, 2, n_processes=-1)

    owner = os.getpid()

    def other() -> MazeEnv:
        return acrobot() if os.getpid() == owner else GymMazeEnv("CartPole-v1")

    def another() -> MazeEnv:
        return acrobot() if os.getpid() == owner else Looped(acrobot())

    def broken() -> MazeEnv:
        return acrobot() if os.getpid() == owner else GymMazeEnv("Acrobat-v1")

    with pytest.raises(EnvError, match="different spaces"):
        make_vector_env(other, 2, n_processes=2)
    with pytest.raises(EnvError, match="made different environments"):
        make_vector_env(another, 2, n_processes=2)
    with pytest.raises(InvalidSpecificationError, match="did you mean"):
        make_vector_env(broken, 2, n_processes=2)
