"""What happens in the bakery, and which numbers and figures are made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from maze.statistics import define_episode_stats, define_epoch_stats, define_plot, define_stats_grouping

__all__ = ["BakeryEvents"]


def draw_daily_sales(n_items: npt.NDArray[np.int64]) -> Figure:
    """Draw on how many days how many pieces of a product were sold."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    numbers, n_days = np.unique(n_items, return_counts=True)
    axes.bar(numbers, n_days)
    axes.set(xlabel="pieces sold on one day", ylabel="days")
    return figure


class BakeryEvents(ABC):
    """One event for each product and day on which it happens."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_episode_stats(np.sum, input_name="n_items", output_name="total")
    @define_stats_grouping("product")
    @abstractmethod
    def baked(self, product: str, n_items: int) -> None:
        """Tell what came out of the oven."""

    @define_plot(draw_daily_sales, input_name="n_items", output_name="daily")
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
