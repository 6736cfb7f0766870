"""Learning curves: read one per seed, put them on common steps, write the result for ``dvc plots``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError, suggest
from maze.report.intervals import interquartile_mean
from maze.seeding import numpy_generator

__all__ = ["Curve", "CurveBand", "CurveSummary", "band_of_curves", "read_curve", "summarise_curves", "write_table"]

_MOST_POINTS = 200
"""Points of a band: a picture has no room for more."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One seed's progress.

    Args:
        steps: environment steps, increasing, float64 [P].
        values: what was measured there, float64 [P].
    """

    steps: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """Progress of all seeds on common steps.

    Args:
        steps: environment steps, increasing, float64 [P].
        mean: over the seeds that have begun, float64 [P].
        low: the worst seed, float64 [P].
        high: the best seed, float64 [P].
        n_seeds: how many seeds were still training, int64 [P].
    """

    steps: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    n_seeds: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Progress of several seeds, and how well it is known.

    Args:
        steps: environment steps, increasing, float64 [P].
        middle: interquartile mean over seeds, float64 [P].
        low: lower bound of its interval, float64 [P]; ``middle`` where there is one seed.
        high: upper bound, float64 [P].
    """

    steps: npt.NDArray[np.float64]
    middle: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def read_curve(path: Path | str, *, x: str = "step", y: str = "return") -> Curve:
    """Read one column of a ``curve.csv`` against its steps; rows where it was not measured are left out.

    Raises:
        ArtifactError: when the file cannot be read, has no such column, or holds something that is not a number.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: the learning curve cannot be read ({error}); train this seed first.") from error
    for name in (x, y):
        if name not in columns:
            raise ArtifactError(f"{path}: no column {name!r}; {suggest(name, columns)}")
    try:
        points = {float(row[x]): float(row[y]) for row in rows if row[y]}  # a repeated step keeps its last row
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{path}: columns {x!r} and {y!r} must hold numbers alone ({error}).") from error
    ordered = sorted((step, value) for step, value in points.items() if np.isfinite(value))
    table = np.array(ordered, dtype=np.float64).reshape(-1, 2)
    return Curve(steps=table[:, 0], values=table[:, 1])


def summarise_curves(curves: Mapping[int, Curve]) -> CurveSummary:
    """Return mean and range over seeds at every step that any of them reported.

    Between its own points a seed is interpolated linearly. A seed that stopped early, as solved ones do, stays at its
    last value; before its first point it does not count. Seeds without points are left out.
    """
    known = [curve for curve in curves.values() if len(curve.steps)]
    if not known:
        empty = np.zeros(0)
        return CurveSummary(empty, empty, empty, empty, np.zeros(0, dtype=np.int64))
    steps = np.unique(np.concatenate([curve.steps for curve in known]))
    rows = [np.interp(steps, curve.steps, curve.values, left=np.nan) for curve in known]
    values = np.stack(rows)  # [S, P]; every column has a number, because each step comes from some seed
    running = np.stack([(steps >= curve.steps[0]) & (steps <= curve.steps[-1]) for curve in known])
    return CurveSummary(
        steps=steps,
        mean=np.nanmean(values, axis=0),
        low=np.nanmin(values, axis=0),
        high=np.nanmax(values, axis=0),
        n_seeds=running.sum(axis=0, dtype=np.int64),
    )


def band_of_curves(
    curves: Sequence[Curve], *, confidence: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> CurveBand:
    """Return the interquartile mean over seeds with its bootstrap interval at every step, from where all have begun.

    Whole curves are redrawn, so that the band tells what other seeds could have given. A seed that stopped early stays
    at its last value.

    Args:
        curves: one for each seed, each with at least one point.
        confidence: of the interval at each step.
        n_resamples: seeds are redrawn so often.
        seed: of the redrawing.

    Raises:
        ArtifactError: there is no curve with points.
    """
    known = [curve for curve in curves if len(curve.steps)]
    if not known:
        raise ArtifactError("There is no learning curve with points to draw a band of; train at least one seed.")
    first = max(curve.steps[0] for curve in known)
    last = max(curve.steps[-1] for curve in known)
    steps = np.unique(np.concatenate([curve.steps for curve in known]))
    steps = steps[steps >= first]
    if len(steps) > _MOST_POINTS:
        steps = np.linspace(first, last, _MOST_POINTS)
    values = np.stack([np.interp(steps, curve.steps, curve.values) for curve in known])  # [S, P]
    middle = np.asarray(interquartile_mean(values.T))
    if len(known) < 2:
        return CurveBand(steps, middle, middle, middle)
    drawn = numpy_generator(seed, "band").integers(len(known), size=(n_resamples, len(known)))
    estimates = interquartile_mean(values[drawn].transpose(0, 2, 1))  # [R, P]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(estimates, [tail, 1.0 - tail], axis=0)
    return CurveBand(steps, middle, low, high)


def write_table(path: Path, columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]) -> None:
    """Write equally long columns as CSV, numbers in their shortest exact form, so that equal data gives equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
