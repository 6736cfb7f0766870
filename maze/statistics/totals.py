"""What a run has counted from its first epoch on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["EpisodeTotals"]

_PATHS = ("train", "eval")


class EpisodeTotals:
    """Counts the episodes of a run from its first epoch on, by what they are of: ``train`` or ``eval``.

    Args:
        epochs: numbers of the epochs that are done, by the run's own names.
    """

    def __init__(self, epochs: Iterable[Mapping[str, Any]] = ()) -> None:
        self._totals = dict.fromkeys(_PATHS, 0.0)
        for metrics in epochs:
            self.add(metrics)

    def add(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """Count the episodes of one more epoch, and return the totals, such as ``train/total_episodes``."""
        counted = {path: metrics.get(f"{path}/n_episodes") for path in _PATHS}
        for path, number in counted.items():
            self._totals[path] += float(number or 0)
        return {f"{path}/total_episodes": self._totals[path] for path, number in counted.items() if number is not None}
