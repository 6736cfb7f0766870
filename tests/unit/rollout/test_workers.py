"""Workers give the same results here and in processes of their own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from maze.errors import InvalidSpecificationError, MazeError
from maze.rollout import LocalWorkers, ProcessWorkers, Workers
from tests.elsewhere import Adder, OddError


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessWorkers]:
    workers = ProcessWorkers(Adder, 2)
    yield workers
    workers.close()


@pytest.fixture(params=["here", "elsewhere"])
def workers(request: pytest.FixtureRequest) -> Workers:
    return LocalWorkers(Adder, 2) if request.param == "here" else request.getfixturevalue("elsewhere")


def test_each_does_what_it_is_asked_in_its_order(workers: Workers) -> None:
    workers.call("forget", [(), ()])
    for number in (1.0, 2.0, 3.0):
        workers.submit(0, "add", [number])
    workers.submit(1, "add", np.ones(3))
    assert workers.receive(1) == (1, 3.0)
    assert [workers.receive(0) for _ in range(3)] == [(0, 1.0), (0, 3.0), (0, 6.0)]
    assert workers.call("add", [([1.0],), ([2.0],)]) == [7.0, 5.0]
    with pytest.raises(MazeError, match="asked for nothing"):
        workers.receive(0)
    with pytest.raises(MazeError, match="asked for nothing"):
        workers.receive()


def test_arrays_come_back_whole(workers: Workers) -> None:
    arrays = {"weights": np.arange(300_000, dtype=np.float32), "mask": np.eye(3, dtype=np.int8), "n": np.array([2.5])}
    results = workers.call("twice", [(arrays,), (arrays,)])
    for result in results:
        for key, value in arrays.items():
            assert result[key].dtype == value.dtype
            assert (result[key] == 2 * value).all()
            result[key][...] = 0


def test_who_is_ready_first_is_received_first(elsewhere: ProcessWorkers) -> None:
    elsewhere.submit(0, "rest", 0.5)
    elsewhere.submit(1, "rest", 0.0)
    elsewhere.submit(1, "add", [0.0])
    assert [elsewhere.receive()[0] for _ in range(3)] == [1, 1, 0]


def test_nobody_waits_for_a_worker_to_take_what_it_is_asked(elsewhere: ProcessWorkers) -> None:
    big = {"weights": np.zeros(1_000_000)}
    for _ in range(3):
        elsewhere.submit(0, "twice", big)
    assert [elsewhere.receive(0)[1]["weights"].sum() for _ in range(3)] == [0.0] * 3


def test_workers_are_processes_without_torch(elsewhere: ProcessWorkers) -> None:
    (first, second) = elsewhere.call("where", [(), ()])
    assert (first[0], second[0]) == (0, 1)
    assert len({first[1], second[1], os.getpid()}) == 3
    assert not first[2]


def test_errors_arrive_and_stop_nobody(elsewhere: ProcessWorkers) -> None:
    elsewhere.submit(0, "fail", "odd")
    elsewhere.submit(0, "rest", 0.0)
    with pytest.raises(OddError, match="odd 7") as caught:
        elsewhere.receive(0)
    assert "worker process 0" in caught.value.__notes__[0]
    assert elsewhere.receive(0) == (0, 0.0)
    with pytest.raises(OddError):
        elsewhere.call("fail", [("odd",), ("held",)])
    with pytest.raises(AttributeError, match="nothing_such"):
        elsewhere.call("nothing_such", [(), ()])
    assert elsewhere.call("rest", [(0.0,), (0.0,)]) == [0.0, 0.0]


def test_the_death_of_a_worker_is_told_and_others_take_their_places() -> None:
    workers = ProcessWorkers(Adder, 2)
    workers.call("add", [([1.0],), ([2.0],)])
    workers.submit(1, "rest", 30.0)
    workers.submit(0, "fail", "kill")
    began = time.monotonic()
    with pytest.raises(MazeError, match=r"worker process 0, pid \d+, was killed by signal 9 \(SIGKILL\)"):
        workers.receive()
    assert time.monotonic() - began < 5
    assert workers.call("add", [([1.0],), ([2.0],)]) == [1.0, 2.0], "made anew"
    workers.close()
    with pytest.raises(MazeError, match="closed already"):
        workers.submit(0, "add", [1.0])


def test_what_was_asked_before_an_interruption_is_forgotten() -> None:
    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    workers = ProcessWorkers(Adder, 1)
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        workers.submit(0, "rest", 30.0)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            workers.receive()
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert workers.call("add", [([4.0],)]) == [4.0]
    workers.close()


def test_a_worker_that_cannot_be_made_or_handed_over_is_an_error() -> None:
    def broken(index: int) -> Any:
        raise OddError(index, where="making")

    lock = threading.Lock()

    def locked(index: int) -> Callable[[], Any]:
        return lock.locked

    with pytest.raises(OddError, match="odd 0 in making"):
        ProcessWorkers(broken, 2)
    with pytest.raises(InvalidSpecificationError, match="locked cannot be handed to another process"):
        ProcessWorkers(locked, 2)
