"""What a search says about its trials while they run, and whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maze.api.tuning.trials import SeedResult
from maze.config import RunConfig

__all__ = ["StudyListener", "TrialEnd"]


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended.

    Attributes:
        number: from 0.
        state: ``complete``, ``pruned`` or ``failed``.
        values: of the configuration, by what varies.
        score: mean return over all seeds; None unless complete.
        seeds: result of every agent.
        reason: why it failed.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    score: float | None = None
    seeds: Mapping[int, SeedResult] = field(default_factory=dict)
    reason: str = ""


class StudyListener:
    """Is told about trials while they run; every method does nothing here."""

    def on_begin(self, number: int, config: RunConfig) -> None:
        """Take note of a trial that begins, or goes on."""

    def on_seed(self, number: int, seed: int, result: SeedResult) -> None:
        """Take note of an agent that is complete, or was stopped."""

    def on_end(self, trial: TrialEnd) -> None:
        """Take note of a trial that has ended."""
