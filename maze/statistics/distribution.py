"""How values are spread: what a plot of actions or observations needs, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maze.types import Array

__all__ = ["Distribution", "distribution_of"]

N_BINS = 30
MAX_CATEGORIES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Counts of values, by category or in bins of equal width.

    Attributes:
        counts: int64 [B].
        edges: bounds of the bins, float64 [B + 1]; of categories, which are whole numbers, the halves between them.
        categories: the whole numbers that are counted, int64 [B]; None where values are continuous.
        total: sum of all values.
        total_squares: sum of their squares.
        minimum: smallest value.
        maximum: largest value.
    """

    counts: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]
    categories: npt.NDArray[np.int64] | None
    total: float
    total_squares: float
    minimum: float
    maximum: float

    @property
    def n_values(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Share of the values in each category or bin, [B]."""
        return self.counts / max(self.n_values, 1)

    def to_json(self) -> dict[str, list[float] | list[int]]:
        """Return counts with ``categories`` or ``edges``, in plain containers."""
        if self.categories is not None:
            return {"categories": self.categories.tolist(), "counts": self.counts.tolist()}
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}


def distribution_of(values: Array) -> Distribution:
    """Count values: whole numbers and truth values by category, others in bins between the smallest and the largest.

    Declare it as a statistic: ``define_epoch_stats(distribution_of, output_name="distribution")``.

    Args:
        values: [E], E >= 1; those that are not finite are left out.

    Returns:
        How often which values came, and their mean and spread.
    """
    flat = np.ravel(values)
    is_discrete = flat.dtype.kind in "biu"
    numbers = flat.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return Distribution(np.zeros(1, np.int64), np.array([0.0, 1.0]), None, 0.0, 0.0, float("nan"), float("nan"))
    low, high = float(numbers.min()), float(numbers.max())
    sums = (float(numbers.sum()), float(np.square(numbers).sum()), low, high)
    if is_discrete and high - low < MAX_CATEGORIES:
        first = int(low)
        counts = np.bincount(flat.astype(np.int64) - first)
        edges = np.arange(len(counts) + 1) + (first - 0.5)
        return Distribution(counts.astype(np.int64), edges.astype(np.float64), np.arange(len(counts)) + first, *sums)
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # bins of no width
        return Distribution(np.array([len(numbers)]), np.array([low - 0.5, high + 0.5]), None, *sums)
    counts, edges = np.histogram(numbers, bins=N_BINS, range=(low, high))
    return Distribution(counts.astype(np.int64), edges.astype(np.float64), None, *sums)
