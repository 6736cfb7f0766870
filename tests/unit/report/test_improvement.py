"""Probabilities of improvement by hand and beside rliable's, and differences of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from maze.errors import ArtifactError
from maze.report import bootstrap_interval, interquartile_mean, paired_difference, probability_of_improvement


def scores(n_runs: int, a: int, b: int) -> list[list[float]]:
    """Return scores without any order to them, by task and run."""
    return [[float((a * i * i + 13 * t + b * i * t + 5 * i) % 101) for i in range(n_runs)] for t in range(3)]


FIRST, SECOND = scores(10, 7, 5), scores(6, 11, 3)
for ours, theirs in zip(FIRST, SECOND, strict=True):
    theirs[2] = ours[2]  # ties

# rliable 1.2.0 with numpy 2.4.6, scipy 1.17.1, arch 7.2.0, pandas 2.3.3 (pip install rliable==1.2.0 "pandas<3"), where
# x and y are FIRST and SECOND transposed to [runs, tasks] and both intervals come from
# library.get_interval_estimates({...}, ..., random_state=numpy.random.RandomState(0)):
IQM = {"first": 48.3125, "second": 37.7}  # metrics.aggregate_iqm
IQM_INTERVALS = {"first": (34.3125, 62.1875), "second": (26.7, 53.1)}  # reps=50000; seed 1 gives 34.1875 to 62.25, ...
IMPROVEMENT = 0.5694444444444445  # metrics.probability_of_improvement(x, y)
IMPROVEMENT_INTERVAL = (0.39444444444444443, 0.7361111111111112)  # reps=5000; seed 1 gives 0.397222 to 0.736181


def test_interquartile_means_equal_those_of_rliable() -> None:
    assert interquartile_mean(np.concatenate(FIRST)) == pytest.approx(IQM["first"], abs=1e-12)
    # rliable cuts the same number of scores at both ends, as this does: 4 of 18
    assert interquartile_mean(np.concatenate(SECOND)) == pytest.approx(IQM["second"], abs=1e-12)


@pytest.mark.parametrize(("name", "given"), [("first", FIRST), ("second", SECOND)])
def test_stratified_intervals_equal_those_of_rliable_up_to_the_draw(name: str, given: list[list[float]]) -> None:
    interval = bootstrap_interval(given, n_resamples=50000)
    assert interval is not None
    assert interval[:2] == pytest.approx(IQM_INTERVALS[name], abs=0.4)


def test_probability_equals_that_of_rliable() -> None:
    found = probability_of_improvement(FIRST, SECOND, n_resamples=5000)
    assert found.probability == pytest.approx(IMPROVEMENT, abs=1e-12)
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx(IMPROVEMENT_INTERVAL, abs=0.01)
    assert not found.is_supported
    assert probability_of_improvement(SECOND, FIRST).probability == pytest.approx(1 - IMPROVEMENT, abs=1e-12)


def test_probability_by_hand() -> None:
    # 3 beats both 1 and 2; 1 ties with 1 and loses to 2: (1 + 1 + 0.5 + 0) / 4
    assert probability_of_improvement([[3.0, 1.0]], [[1.0, 2.0]]).probability == 0.625
    # every task weighs the same, whatever its number of runs
    found = probability_of_improvement([[3.0], [0.0, 0.0]], [[1.0, 2.0], [1.0, 1.0, 1.0]])
    assert found.probability == 0.5
    assert found.interval is None


def test_equal_scores_are_no_improvement() -> None:
    found = probability_of_improvement([[500.0] * 5], [[500.0] * 7])
    assert found.probability == 0.5
    assert found.interval == (0.5, 0.5, 0.95)
    assert not found.is_supported


def test_clear_improvement_is_supported() -> None:
    found = probability_of_improvement([[11.0, 12.0, 13.0]], [[1.0, 2.0, 3.0]])
    assert found.interval == (1.0, 1.0, 0.95)
    assert found.is_supported


def test_long_lists_are_compared_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.5, 1, 40), rng.normal(0, 1, 30)
    whole = probability_of_improvement([first], [second], n_resamples=1)
    monkeypatch.setattr("maze.report.improvement._MOST_PAIRS", 1200 * 7)
    found = probability_of_improvement([first], [second], n_resamples=100)
    assert found.probability == whole.probability
    assert found.interval is not None
    assert found.interval.low < found.probability < found.interval.high


@pytest.mark.parametrize(("first", "second"), [([], []), ([[1.0]], [[1.0], [2.0]]), ([[]], [[1.0]])])
def test_what_cannot_be_compared_is_an_error(first: list[list[float]], second: list[list[float]]) -> None:
    with pytest.raises(ArtifactError, match="cannot be compared"):
        probability_of_improvement(first, second)


def test_pairs_show_what_unpaired_scores_hide() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 100, 50)
    better = difficulty + 1 + rng.normal(0, 0.5, 50)
    found = paired_difference(better, difficulty)
    assert found.n_pairs == 50
    assert found.mean == pytest.approx((better - difficulty).mean())
    assert found.is_supported
    assert not probability_of_improvement([better], [difficulty]).is_supported


def test_differences_without_scatter() -> None:
    same = paired_difference([500.0, 500.0], [500.0, 500.0])
    assert (same.mean, same.interval, same.is_supported) == (0.0, (0.0, 0.0, 0.95), False)
    assert paired_difference([2.0, 3.0], [1.0, 2.0]).is_supported
    assert paired_difference([2.0], [1.0]).interval is None
    assert not paired_difference([2.0], [1.0]).is_supported


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([], [])])
def test_what_is_no_pair_is_an_error(first: list[float], second: list[float]) -> None:
    with pytest.raises(ArtifactError, match="no pairs"):
        paired_difference(first, second)
