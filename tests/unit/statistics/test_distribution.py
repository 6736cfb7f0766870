"""Values are counted by category or in bins, and samples of them stay small."""

from __future__ import annotations

import numpy as np

from maze.statistics import ValueSample, distribution_of


def test_whole_numbers_are_counted_by_category() -> None:
    spread = distribution_of(np.array([2, 4, 4, 2, 2]))
    assert spread.to_json() == {"categories": [2, 3, 4], "counts": [3, 0, 2]}
    assert spread.edges.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert spread.shares.tolist() == [0.6, 0.0, 0.4]
    assert (spread.total, spread.total_squares, spread.minimum, spread.maximum) == (14.0, 44.0, 2.0, 4.0)
    assert distribution_of(np.array([True, False, True])).to_json() == {"categories": [0, 1], "counts": [1, 2]}


def test_other_numbers_are_counted_in_thirty_bins() -> None:
    spread = distribution_of(np.array([0.0, 0.05, 3.0, np.nan, np.inf], np.float32))
    assert spread.n_values == 3
    assert (spread.counts[0], spread.counts[-1], len(spread.edges)) == (2, 1, 31)
    same = distribution_of(np.full(4, 2.5))
    assert same.to_json() == {"edges": [2.0, 3.0], "counts": [4]}
    assert distribution_of(np.array([np.nan])).n_values == 0


def test_a_sample_keeps_everything_first_and_then_every_second() -> None:
    sample = ValueSample(max_values=6)
    for step in range(3):
        sample.add(np.array([step, 10 + step]))
    assert sample.drain() is not None
    assert sample.drain() is None
    for step in range(20):
        sample.add(np.array([step, 100 + step]))
    values = sample.drain()
    assert values is not None
    steps = values.reshape(-1, 2)[:, 0].tolist()
    assert steps == [0, 8, 16], "every eighth step: evenly over the whole epoch"
    assert (values.reshape(-1, 2)[:, 1] - 100).tolist() == steps


def test_a_sample_goes_on_from_its_state_and_copies_what_passes_by() -> None:
    buffer = np.zeros(2)
    one, other = ValueSample(6), ValueSample(6)
    for step in range(11):
        buffer[:] = step
        one.add(buffer)
        if step == 4:
            other.load_state_dict(one.state_dict())
        if step > 4:
            other.add(buffer)
    kept, again = one.drain(), other.drain()
    assert kept is not None
    assert again is not None
    assert kept.tolist() == again.tolist() == [0.0, 0.0, 4.0, 4.0, 8.0, 8.0]


def test_of_large_arrays_the_same_elements_are_kept_each_time() -> None:
    sample = ValueSample()
    image = np.arange(10_000).reshape(100, 100)
    sample.add(image)
    sample.add(image + 10_000)
    values = sample.drain()
    assert values is not None
    assert values.shape == (8192,)
    assert (values[4096:] - 10_000).tolist() == values[:4096].tolist()
