"""Running statistics of one array-valued quantity and the normalisation by them.

What is gathered and what is in use are kept apart: `add` changes the gathered statistics alone, `publish` puts them in
use, so that the normalisation stays the same throughout a rollout.
Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983), for the merge of moments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from gymnasium import spaces

from maze.errors import ArtifactError, InvalidSpecificationError
from maze.types import FLOAT, Array

__all__ = ["STRATEGIES", "ClipRange", "MeanZeroStdOne", "RangeZeroOne", "RunningStatistics"]

ClipRange: TypeAlias = tuple[np.float32, np.float32] | None
CHUNK_ELEMENTS = 4_000_000
"""Largest number of values that are turned into float64 at once."""
SMALLEST_SCALE = 1e-4
"""A quantity that varies less than this is shifted but not scaled, since it is constant up to rounding."""


class RunningStatistics(ABC):
    """Gathers statistics over samples and normalises by the published ones.

    Args:
        shape: shape of one sample.
        clip_range: bounds of the normalised values.
        axis: axes of ``[sample, *shape]`` that share their statistics; None for all. The sample axis is always shared.
    """

    names: tuple[str, ...]
    known_names: tuple[str, str]

    def __init__(self, shape: tuple[int, ...], clip_range: ClipRange, axis: int | Sequence[int] | None) -> None:
        self.shape = shape
        self.clip_range = clip_range
        self._bounds = None if clip_range is None else np.array(clip_range, dtype=FLOAT).reshape(2, *[1] * len(shape))
        self._axes = _normal_axes(axis, len(shape))
        self._kept = tuple(1 if position + 1 in self._axes else size for position, size in enumerate(shape))
        self._gathered = self.initial()
        self._published = self.initial()
        self._shift, self._factor = self.shift_and_factor()

    def initial(self) -> dict[str, Array]:
        """Return the statistics of no samples at all."""
        return {"count": np.zeros(()), **{name: np.zeros(self._kept) for name in self.names}}

    @abstractmethod
    def merge(self, samples: Array, values_per_statistic: int) -> None:
        """Merge float64 samples ``[M, *shape]`` into the gathered statistics."""

    @abstractmethod
    def merge_state(self, other: Mapping[str, Array]) -> None:
        """Merge what was gathered elsewhere, as `state` returns it, into the gathered statistics."""

    @abstractmethod
    def from_known(self, first: Array, second: Array) -> dict[str, Array]:
        """Return the statistics that stand for two known values, those of `known_names`."""

    @abstractmethod
    def shift_and_factor(self) -> tuple[Array, Array]:
        """Return float32 arrays, such that ``(x - shift) * factor`` is normalised by the published statistics."""

    def add(self, batches: Iterable[Array]) -> None:
        """Merge batches ``[..., *shape]`` into the gathered statistics, in a few large pieces."""
        parts = [batch.reshape(-1, *self.shape) for batch in batches]
        if not parts:
            return
        samples = np.concatenate(parts)
        size = max(1, samples[0].size)
        rows = max(1, CHUNK_ELEMENTS // size)
        for start in range(0, len(samples), rows):
            chunk = samples[start : start + rows].astype(np.float64)
            self.merge(chunk, chunk.size // max(1, int(np.prod(self._kept))))

    def publish(self) -> None:
        """Use the gathered statistics from now on."""
        self._published = {name: value.copy() for name, value in self._gathered.items()}
        self._shift, self._factor = self.shift_and_factor()

    def clear(self) -> None:
        """Forget all samples; the published statistics stay in use."""
        self._gathered = self.initial()

    def normalize(self, values: Array) -> Array:
        """Return new float32 values ``[..., *shape]``, normalised and clipped."""
        result: Array = np.empty(values.shape, dtype=FLOAT)
        np.subtract(values, self._shift, result)
        np.multiply(result, self._factor, result)
        if self._bounds is not None:
            np.maximum(result, self._bounds[0], out=result)
            np.minimum(result, self._bounds[1], out=result)
        return result

    def output_space(self) -> spaces.Box:
        """Return the space of normalised values."""
        low, high = self.clip_range if self.clip_range is not None else (FLOAT(-np.inf), FLOAT(np.inf))
        return spaces.Box(low, high, shape=self.shape, dtype=FLOAT)

    def load_known(self, known: Mapping[str, object]) -> None:
        """Use known values from now on.

        Args:
            known: for each of `known_names` a number, or an array that broadcasts to the shape of the statistics.

        Raises:
            InvalidSpecificationError: they have other names or shapes.
        """
        self.check_known(known, "statistics")
        try:
            first, second = (
                np.broadcast_to(np.asarray(known[name], np.float64), self._kept).copy() for name in self.known_names
            )
        except (TypeError, ValueError) as error:
            raise InvalidSpecificationError(f"statistics: {dict(known)!r} has not the shape {self._kept}.") from error
        self.load({"count": np.ones(()), **self.from_known(first, second)})

    @classmethod
    def check_known(cls, known: object, path: str) -> None:
        """Refuse known values that do for observations of no shape.

        Args:
            known: as for `load_known`.
            path: where they stand, for messages.

        Raises:
            InvalidSpecificationError: they have other names, are no numbers, or nothing can be scaled by them.
        """
        names = cls.known_names
        if not isinstance(known, Mapping) or known.keys() != set(names):
            raise InvalidSpecificationError(
                f"{path}: {known!r} is not accepted; accepted: a mapping with {' and '.join(names)}."
            )
        values = []
        for name in names:
            try:
                values.append(np.asarray(known[name], np.float64))
            except (TypeError, ValueError):
                values.append(np.full((), np.nan))
            if not np.isfinite(values[-1]).all():
                raise InvalidSpecificationError(
                    f"{path}.{name}: {known[name]!r} is not accepted; accepted: a number, or an array of numbers."
                )
        cls.check_scale(*values, path=path)

    @classmethod
    @abstractmethod
    def check_scale(cls, *known: Array, path: str) -> None:
        """Refuse two known values, those of `known_names`, by which nothing can be scaled."""

    def state(self) -> dict[str, Array]:
        """Return the published statistics as float64 arrays."""
        return {name: value.copy() for name, value in self._published.items()}

    def load(self, state: Mapping[str, Array]) -> None:
        """Use, and go on gathering from, statistics that `state` returned.

        Raises:
            ArtifactError: their shape is not that of these observations.
        """
        self.load_gathered(state)
        self.publish()

    def gathered_state(self) -> dict[str, Array]:
        """Return the gathered statistics as float64 arrays."""
        return {name: value.copy() for name, value in self._gathered.items()}

    def load_gathered(self, state: Mapping[str, Array]) -> None:
        """Go on gathering from statistics that `gathered_state` returned."""
        expected = self.initial()
        for name, value in expected.items():
            if np.shape(state[name]) != value.shape:
                shape = np.shape(state[name])
                raise ArtifactError(f"The statistic {name!r} has shape {shape}, these observations need {value.shape}.")
        self._gathered = {name: np.array(state[name], dtype=np.float64) for name in expected}


class MeanZeroStdOne(RunningStatistics):
    """Subtracts the mean and divides by the standard deviation."""

    names = ("mean", "squared_deviations")
    known_names = ("mean", "std")

    @classmethod
    def check_scale(cls, *known: Array, path: str) -> None:
        """Refuse standard deviations that are not positive."""
        deviation = known[1]
        if not (deviation > 0.0).all():
            raise InvalidSpecificationError(
                f"{path}.std: {deviation.tolist()} is not accepted; accepted: numbers > 0; give 1 to scale nothing."
            )

    def from_known(self, first: Array, second: Array) -> dict[str, Array]:
        """Return the moments of a count of 1."""
        return {"mean": first, "squared_deviations": np.square(second)}

    def merge(self, samples: Array, values_per_statistic: int) -> None:
        """Merge the moments of float64 samples ``[M, *shape]``."""
        mean = samples.mean(axis=self._axes, keepdims=True)
        squared = np.square(samples - mean).sum(axis=self._axes)
        self._merge_moments(values_per_statistic, mean.reshape(self._kept), squared.reshape(self._kept))

    def merge_state(self, other: Mapping[str, Array]) -> None:
        """Merge moments that were gathered elsewhere."""
        if other["count"] > 0:
            self._merge_moments(other["count"], other["mean"], other["squared_deviations"])

    def _merge_moments(self, count: Array | int, mean: Array, squared: Array) -> None:
        own = self._gathered
        total = own["count"] + count
        delta = mean - own["mean"]
        own["squared_deviations"] += squared + np.square(delta) * (own["count"] * count / total)
        own["mean"] += delta * (count / total)
        own["count"] = np.asarray(total)

    def shift_and_factor(self) -> tuple[Array, Array]:
        """Return mean and inverse standard deviation; 0 and 1 before any data."""
        own = self._published
        if own["count"] == 0:
            return own["mean"].astype(FLOAT), np.ones(self._kept, dtype=FLOAT)
        deviation = np.sqrt(own["squared_deviations"] / own["count"])
        factor = 1.0 / np.where(deviation < SMALLEST_SCALE, 1.0, deviation)
        return own["mean"].astype(FLOAT), factor.astype(FLOAT)


class RangeZeroOne(RunningStatistics):
    """Maps the smallest value seen to 0 and the largest to 1."""

    names = ("minimum", "maximum")
    known_names = ("min", "max")

    @classmethod
    def check_scale(cls, *known: Array, path: str) -> None:
        """Refuse ranges without width; whether shapes fit is found out where that of observations is known."""
        least, most = known
        try:
            is_wide = bool((least < most).all())
        except ValueError:
            return
        if not is_wide:
            raise InvalidSpecificationError(
                f"{path}.min: {least.tolist()} must be smaller than max {most.tolist()}, everywhere."
            )

    def from_known(self, first: Array, second: Array) -> dict[str, Array]:
        """Return the range itself."""
        return {"minimum": first, "maximum": second}

    def merge(self, samples: Array, values_per_statistic: int) -> None:
        """Widen the range to float64 samples ``[M, *shape]``."""
        minimum, maximum = (part.reshape(self._kept) for part in (samples.min(self._axes), samples.max(self._axes)))
        self._widen(values_per_statistic, minimum, maximum)

    def merge_state(self, other: Mapping[str, Array]) -> None:
        """Widen the range to one that was gathered elsewhere."""
        if other["count"] > 0:
            self._widen(other["count"], other["minimum"], other["maximum"])

    def _widen(self, count: Array | int, minimum: Array, maximum: Array) -> None:
        own = self._gathered
        seen = own["count"] > 0
        own["minimum"] = np.minimum(own["minimum"], minimum) if seen else minimum
        own["maximum"] = np.maximum(own["maximum"], maximum) if seen else maximum
        own["count"] = np.asarray(own["count"] + count)

    def shift_and_factor(self) -> tuple[Array, Array]:
        """Return minimum and inverse range; 0 and 1 before any data."""
        own = self._published
        if own["count"] == 0:
            return own["minimum"].astype(FLOAT), np.ones(self._kept, dtype=FLOAT)
        width = own["maximum"] - own["minimum"]
        factor = 1.0 / np.where(width < SMALLEST_SCALE, 1.0, width)
        return own["minimum"].astype(FLOAT), factor.astype(FLOAT)


def _normal_axes(axis: int | Sequence[int] | None, dimensions: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(dimensions + 1))
    axes = {axis} if isinstance(axis, int) else set(axis)
    if not all(isinstance(value, int) and 0 <= value <= dimensions for value in axes):
        raise InvalidSpecificationError(f"axis is {axis!r}; the axes of the stacked samples are 0 to {dimensions}.")
    return tuple(sorted({0, *axes}))


STRATEGIES: dict[str, type[RunningStatistics]] = {
    "mean_zero_std_one": MeanZeroStdOne,
    "range_zero_one": RangeZeroOne,
}
"""Normalisation by its name in configuration."""
