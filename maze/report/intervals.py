"""Robust averages over few seeds, with honest intervals.

Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (2021): interquartile
mean and percentile bootstrap, stratified by task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError
from maze.seeding import numpy_generator

__all__ = ["Interval", "Statistic", "bootstrap_interval", "check_resampling", "interquartile_mean"]

Statistic: TypeAlias = Callable[[npt.NDArray[np.float64]], Any]
"""Maps scores [..., M] to one number for each leading index [...]."""


class Interval(NamedTuple):
    """Bounds that cover the statistic with the given confidence."""

    low: float
    high: float
    confidence: float


def interquartile_mean(values: npt.ArrayLike) -> Any:
    """Return the mean of the middle half of the values: as robust as a median, with less scatter.

    The ``floor(M / 4)`` smallest and as many largest values are left out; up to three values, it is the plain mean.

    Args:
        values: [..., M], M >= 1.

    Returns:
        float64 [...], a scalar for a flat list.

    Raises:
        ArtifactError: when there is no value to average.
    """
    scores = np.asarray(values, dtype=np.float64)
    n_values = scores.shape[-1] if scores.ndim else 0
    if n_values == 0:
        raise ArtifactError(
            f"values has shape {scores.shape}; an interquartile mean needs at least one value in a list."
        )
    n_cut = n_values // 4
    ordered = np.sort(scores, axis=-1)
    return ordered[..., n_cut : n_values - n_cut].mean(axis=-1)


def check_resampling(confidence: float, n_resamples: int) -> None:
    """Refuse settings of a bootstrap that mean nothing.

    Raises:
        ArtifactError: one is out of range.
    """
    if not 0.0 < confidence < 1.0:
        raise ArtifactError(f"confidence is {confidence}; it must lie between 0 and 1, for example 0.95.")
    if n_resamples < 1:
        raise ArtifactError(f"n_resamples is {n_resamples}; draw at least once, for example 5000 times.")


def bootstrap_interval(
    strata: Sequence[npt.ArrayLike],
    statistic: Statistic = interquartile_mean,
    *,
    confidence: float = 0.95,
    n_resamples: int = 5000,
    seed: int = 0,
) -> Interval | None:
    """Return a percentile-bootstrap interval of a statistic of independent scores.

    Args:
        strata: for each task the scores of its seeds; seeds are redrawn within their task, then all scores are pooled.
            With one task this is the plain percentile bootstrap.
        statistic: of the pooled scores, over the last axis.
        confidence: in (0, 1).
        n_resamples: how many redrawn sets of scores.
        seed: of the redrawing; the same seed gives the same interval.

    Returns:
        The interval, or None where scatter cannot be known because a task has fewer than two scores.

    Raises:
        ArtifactError: when ``confidence`` or ``n_resamples`` is out of range.
    """
    check_resampling(confidence, n_resamples)
    scores = [np.asarray(stratum, dtype=np.float64).ravel() for stratum in strata]
    if not scores or min(len(stratum) for stratum in scores) < 2:
        return None
    rng = numpy_generator(seed, "bootstrap")
    drawn = [stratum[rng.integers(len(stratum), size=(n_resamples, len(stratum)))] for stratum in scores]
    estimates = statistic(np.concatenate(drawn, axis=1))  # [n_resamples]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(estimates, [tail, 1.0 - tail])
    return Interval(float(low), float(high), confidence)
