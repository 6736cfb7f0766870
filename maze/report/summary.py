"""Results over seeds as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError, suggest
from maze.report.intervals import bootstrap_interval, interquartile_mean

__all__ = ["summarise"]

_NEEDED = ("mean_return", "std_return", "mean_length", "n_episodes")


def summarise(per_seed: Mapping[int, Mapping[str, Any]]) -> dict[str, float | None]:
    """Aggregate the evaluation of several seeds; every seed weighs the same.

    Args:
        per_seed: evaluation metrics by seed: ``mean_return``, ``std_return``, ``mean_length``, ``n_episodes``.

    Returns:
        ``mean_return``; ``std_return`` of the episodes of all seeds; ``std_between_seeds`` of the seeds' means (sample
        deviation); ``iqm_return`` of the seeds' means with its 95 % bootstrap interval ``iqm_low``, ``iqm_high``;
        ``mean_length``; ``n_episodes``; ``n_seeds``; ``n_seeds_empty``, seeds that finished no episode and count
        nowhere else. What cannot be known is None: scatter and interval of fewer than two seeds, everything of none.

    Raises:
        ArtifactError: when a seed lacks one of the four metrics.
    """
    for seed, metrics in per_seed.items():
        for name in _NEEDED:
            if name not in metrics:
                raise ArtifactError(f"seed {seed}: no metric {name!r}; {suggest(name, metrics)}")
    finished = [per_seed[seed] for seed in sorted(per_seed) if _is_known(per_seed[seed]["mean_return"])]
    names = ("mean_return", "std_return", "std_between_seeds", "iqm_return", "iqm_low", "iqm_high", "mean_length")
    summary: dict[str, float | None] = dict.fromkeys(names)
    summary["n_episodes"] = sum(int(metrics["n_episodes"]) for metrics in per_seed.values())
    summary["n_seeds"] = len(finished)
    summary["n_seeds_empty"] = len(per_seed) - len(finished)
    if not finished:
        return summary
    means = _column(finished, "mean_return")
    summary["mean_return"] = float(means.mean())
    summary["std_return"] = float(np.sqrt(np.mean(_column(finished, "std_return") ** 2) + means.var()))
    summary["mean_length"] = float(_column(finished, "mean_length").mean())
    summary["iqm_return"] = float(interquartile_mean(means))
    if len(means) > 1:
        summary["std_between_seeds"] = float(means.std(ddof=1))
    interval = bootstrap_interval([means])
    if interval is not None:
        summary["iqm_low"], summary["iqm_high"] = interval.low, interval.high
    return summary


def _is_known(value: float | None) -> bool:
    """Files hold None where nothing was measured, memory holds NaN."""
    return value is not None and not math.isnan(value)


def _column(metrics: list[Mapping[str, Any]], name: str) -> npt.NDArray[np.float64]:
    return np.array([float(entry[name]) for entry in metrics])
