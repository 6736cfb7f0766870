"""Key performance indicators: what an episode is judged by, besides its return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from maze.statistics.events import EpisodeEvents

__all__ = ["KpiCalculator"]


class KpiCalculator(ABC):
    """Makes indicators of an episode when it ends; each becomes an event ``BaseEnvEvents.kpi``."""

    @abstractmethod
    def calculate_kpis(self, episode_event_log: EpisodeEvents, last_maze_state: Any) -> dict[str, float]:
        """Return the indicators by name.

        Args:
            episode_event_log: everything that happened in the episode.
            last_maze_state: the state in which it ended.
        """
