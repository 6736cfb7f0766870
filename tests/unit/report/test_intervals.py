"""Averages by hand, and intervals that cover what they claim."""

from __future__ import annotations

import numpy as np
import pytest

from maze.errors import ArtifactError
from maze.report import bootstrap_interval, interquartile_mean


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 9.0], 4.0),  # too few to cut
        ([1.0, 2.0, 4.0, 100.0], 3.0),  # 2 and 4 remain
        ([100.0, 3.0, 1.0, 2.0, 4.0], 3.0),  # 2, 3 and 4 remain
        ([8, 7, 6, 5, 4, 3, 2, 1], 4.5),  # 3, 4, 5 and 6 remain
    ],
)
def test_interquartile_mean_by_hand(values: list[float], expected: float) -> None:
    assert interquartile_mean(values) == pytest.approx(expected)


def test_interquartile_mean_works_along_the_last_axis() -> None:
    np.testing.assert_allclose(interquartile_mean([[1, 2, 4, 100], [5, 5, 5, 5]]), [3.0, 5.0])


@pytest.mark.parametrize("values", [[], 3.0])
def test_interquartile_mean_of_nothing_is_an_error(values: object) -> None:
    with pytest.raises(ArtifactError, match="at least one value"):
        interquartile_mean(values)  # type: ignore[arg-type]


def test_interval_of_one_seed_is_unknown() -> None:
    assert bootstrap_interval([[500.0]]) is None
    assert bootstrap_interval([]) is None
    assert bootstrap_interval([[1.0, 2.0], [3.0]]) is None


def test_interval_of_equal_scores_is_a_point() -> None:
    interval = bootstrap_interval([[500.0, 500.0, 500.0]])
    assert interval == (500.0, 500.0, 0.95)


def test_interval_of_two_scores_by_hand() -> None:
    # Redrawn pairs of 0 and 1 have the means 0, 1/2, 1 with the odds 1/4, 1/2, 1/4: the central 60 % are 0 to 1 and the
    # central 40 % are 1/2 alone.
    assert bootstrap_interval([[0.0, 1.0]], confidence=0.6) == (0.0, 1.0, 0.6)
    assert bootstrap_interval([[0.0, 1.0]], confidence=0.4) == (0.5, 0.5, 0.4)


def test_strata_are_redrawn_apart() -> None:
    # Redrawn together, a mean other than 50 would turn up; apart, each task keeps its place.
    interval = bootstrap_interval([[0.0, 0.0], [100.0, 100.0]], statistic=lambda scores: scores.mean(axis=-1))
    assert interval is not None
    assert (interval.low, interval.high) == (50.0, 50.0)


def test_same_seed_same_interval() -> None:
    scores = [np.random.default_rng(1).normal(size=7)]
    assert bootstrap_interval(scores, seed=5) == bootstrap_interval(scores, seed=5)
    assert bootstrap_interval(scores, seed=5) != bootstrap_interval(scores, seed=6)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        interval = bootstrap_interval([rng.normal(10.0, 2.0, size=20)], confidence=0.9, n_resamples=400, seed=trial)
        assert interval is not None
        hits += interval.low <= 10.0 <= interval.high
    # 270 of 300 expected, standard deviation 5; the percentile bootstrap of 20 scores is a little too narrow.
    assert 245 <= hits <= 285


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_confidence_out_of_range_is_an_error(confidence: float) -> None:
    with pytest.raises(ArtifactError, match="confidence"):
        bootstrap_interval([[1.0, 2.0]], confidence=confidence)


def test_no_resamples_is_an_error() -> None:
    with pytest.raises(ArtifactError, match="n_resamples is 0"):
        bootstrap_interval([[1.0, 2.0]], n_resamples=0)
