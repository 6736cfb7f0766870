"""Samples come out by environment and time, however they went in."""

from __future__ import annotations

import numpy as np

from maze.env.gathering import Gathering


def test_batches_and_single_samples_come_out_in_one_order() -> None:
    # at times 0 1 2 environment 0 has 0 1 2 and environment 1 has 10 11 12
    batched = Gathering()
    for time in range(3):
        batched.add(np.array([time, 10 + time]))
    first, second = Gathering(), Gathering()
    second.join(first)
    second.join(first)
    for time in range(3):
        first.add(np.array(time))
        second.add(np.array(10 + time))
    expected = [0, 1, 2, 10, 11, 12]
    assert np.concatenate(batched.take(())).tolist() == expected
    assert np.concatenate(second.take(())).tolist() == expected
    assert (first.take(()), batched.take(()), len(first)) == ([], [], 0)


def test_some_rows_and_copies() -> None:
    gathering, other = Gathering(), Gathering()
    batch = np.array([[0, 0], [10, 10]])
    gathering.add(batch)
    batch[:] = -1
    gathering.add(np.array([[11, 11]]), np.array([1]))
    gathering.add(np.array([[1, 1], [12, 12]]))
    other.load(gathering.state())
    for each in (gathering, other):
        assert np.concatenate(each.take((2,)))[:, 0].tolist() == [0, 1, 10, 11, 12]
    gathering.add(np.zeros((2, 2)))
    gathering.drop()
    assert gathering.take((2,)) == []
