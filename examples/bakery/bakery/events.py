"""What happens in the bakery, and which numbers are made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from maze.statistics import define_episode_stats, define_epoch_stats, define_stats_grouping

__all__ = ["BakeryEvents"]


class BakeryEvents(ABC):
    """One event for each product and day on which it happens."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_episode_stats(np.sum, input_name="n_items", output_name="total")
    @define_stats_grouping("product")
    @abstractmethod
    def baked(self, product: str, n_items: int) -> None:
        """Tell what came out of the oven."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_episode_stats(np.sum, input_name="n_items", output_name="total")
    @define_stats_grouping("product")
    @abstractmethod
    def sold(self, product: str, n_items: int) -> None:
        """Tell what customers took home."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_episode_stats(np.sum, input_name="n_items", output_name="total")
    @define_stats_grouping("product")
    @abstractmethod
    def missed(self, product: str, n_items: int) -> None:
        """Tell what customers asked for in vain."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_episode_stats(np.sum, input_name="n_items", output_name="total")
    @define_stats_grouping("product")
    @abstractmethod
    def wasted(self, product: str, n_items: int) -> None:
        """Tell what was too old to be sold."""
