"""Is one better than the other? Probabilities and differences with honest intervals.

Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (2021): the probability
of improvement is the mean over tasks of the Mann-Whitney statistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError
from maze.report.intervals import Interval, bootstrap_interval, check_resampling
from maze.seeding import numpy_generator

__all__ = ["Improvement", "PairedDifference", "paired_difference", "probability_of_improvement"]

_MOST_PAIRS = 20_000_000
"""Comparisons of two scores at a time, so that resampling long lists needs little memory."""


@dataclass(frozen=True, slots=True)
class Improvement:
    """How likely a score of one is above a score of the other.

    Attributes:
        probability: 0.5 where neither is better; a tie counts half.
        interval: its bounds; None where scatter cannot be known because one has fewer than two scores of a task.
    """

    probability: float
    interval: Interval | None

    @property
    def is_supported(self) -> bool:
        """Whether the interval excludes that the other one is as good or better."""
        return self.interval is not None and self.interval.low > 0.5


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much better one was than the other at the same episodes.

    Attributes:
        mean: of the differences.
        interval: its bounds; None where there are fewer than two pairs.
        n_pairs: how many there are.
    """

    mean: float
    interval: Interval | None
    n_pairs: int

    @property
    def is_supported(self) -> bool:
        """Whether the interval excludes that the first one is no better."""
        return self.interval is not None and self.interval.low > 0.0


def probability_of_improvement(
    scores: Sequence[npt.ArrayLike],
    others: Sequence[npt.ArrayLike],
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Improvement:
    """Return how likely a run of the first is better than a run of the second, on a task drawn at random.

    Args:
        scores: for each task the scores of the first one's runs.
        others: the same of the second one, tasks in the same order; it may have another number of runs.
        confidence: of the interval, in (0, 1).
        n_resamples: runs of both are redrawn so often within their tasks, independently of each other.
        seed: of the redrawing.

    Raises:
        ArtifactError: the tasks are not the same number, one has no scores, or a setting is out of range.
    """
    check_resampling(confidence, n_resamples)
    first, second = ([np.asarray(task, dtype=np.float64).ravel() for task in side] for side in (scores, others))
    if not first or len(first) != len(second) or any(len(task) == 0 for task in (*first, *second)):
        raise ArtifactError(
            f"scores of {[len(task) for task in first]} and {[len(task) for task in second]} runs by task cannot be "
            "compared; give at least one score of each for every task."
        )
    chances = [float(_chance(a[None], b[None])[0]) for a, b in zip(first, second, strict=True)]
    interval = None
    if min(len(task) for task in (*first, *second)) > 1:
        rng = numpy_generator(seed, "improvement")
        estimates = np.mean([_redrawn(a, b, n_resamples, rng) for a, b in zip(first, second, strict=True)], axis=0)
        tail = (1.0 - confidence) / 2.0
        low, high = np.quantile(estimates, [tail, 1.0 - tail])
        interval = Interval(float(low), float(high), confidence)
    return Improvement(float(np.mean(chances)), interval)


def paired_difference(
    scores: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> PairedDifference:
    """Return the mean of ``scores - others``, where both were measured at the same episodes, with its interval.

    Pairs make small differences visible that unpaired scores hide behind how much episodes differ from each other.

    Args:
        scores: [E], for example returns.
        others: [E], of the same episodes in the same order.
        confidence: of the percentile-bootstrap interval.
        n_resamples: pairs are redrawn so often.
        seed: of the redrawing.

    Raises:
        ArtifactError: the two are no pairs.
    """
    first, second = (np.asarray(side, dtype=np.float64).ravel() for side in (scores, others))
    if len(first) != len(second) or not len(first):
        raise ArtifactError(f"{len(first)} and {len(second)} scores are no pairs; play the same episodes with both.")
    differences = first - second
    interval = bootstrap_interval([differences], _mean, confidence=confidence, n_resamples=n_resamples, seed=seed)
    return PairedDifference(float(differences.mean()), interval, len(differences))


def _mean(values: npt.NDArray[np.float64]) -> Any:
    return values.mean(axis=-1)


def _redrawn(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], n_resamples: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the chance that the first is better for each redrawn set of scores, [n_resamples]."""
    block = max(1, _MOST_PAIRS // (len(first) * len(second)))
    parts = []
    for begin in range(0, n_resamples, block):
        n_rows = min(block, n_resamples - begin)
        a, b = (side[rng.integers(len(side), size=(n_rows, len(side)))] for side in (first, second))
        parts.append(_chance(a, b))
    return np.concatenate(parts)


def _chance(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how often scores [R, A] are above scores [R, B], ties counting half, [R]."""
    above = (first[:, :, None] > second[:, None, :]).mean(axis=(1, 2))
    ties = (first[:, :, None] == second[:, None, :]).mean(axis=(1, 2))
    return np.asarray(above + 0.5 * ties)
