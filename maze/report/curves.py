"""Learning curves: read one per seed, put them on common steps, write the result for ``dvc plots``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError, suggest

__all__ = ["Curve", "CurveSummary", "read_curve", "summarise_curves", "write_table"]


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


def write_table(path: Path, columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]) -> None:
    """Write equally long columns as CSV, numbers in their shortest exact form, so that equal data gives equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
