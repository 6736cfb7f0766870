"""Events that every environment has."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from maze.statistics.event_decorators import define_episode_stats, define_epoch_stats, define_stats_grouping

__all__ = ["BaseEnvEvents"]


class BaseEnvEvents(ABC):
    """What happens in every environment."""

    @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
    @define_epoch_stats(np.std, input_name="sum", output_name="std")
    @define_epoch_stats(np.min, input_name="sum", output_name="min")
    @define_epoch_stats(np.max, input_name="sum", output_name="max")
    @define_epoch_stats(np.mean, input_name="count", output_name="mean_step_count")
    @define_epoch_stats(np.median, input_name="count", output_name="median_step_count")
    @define_epoch_stats(np.sum, input_name="count", output_name="total_step_count")
    @define_epoch_stats(len, input_name="count", output_name="episode_count")
    @define_epoch_stats(len, input_name="count", output_name="total_episode_count", cumulative=True)
    @define_episode_stats(np.sum, output_name="sum")
    @define_episode_stats(len, output_name="count")
    @abstractmethod
    def reward(self, value: float) -> None:
        """Tell the reward of one step."""

    @define_epoch_stats(np.mean, input_name="value", output_name="mean")
    @define_epoch_stats(np.std, input_name="value", output_name="std")
    @define_epoch_stats(np.min, input_name="value", output_name="min")
    @define_epoch_stats(np.max, input_name="value", output_name="max")
    @define_episode_stats(np.mean, input_name="value", output_name="value")
    @define_stats_grouping("name")
    @abstractmethod
    def kpi(self, name: str, value: float) -> None:
        """Tell one key performance indicator of an episode, at its end."""
