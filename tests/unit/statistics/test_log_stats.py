"""Events declare their statistics; aggregators make them, epoch by epoch, by hand-computed numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest

from maze.errors import InvalidSpecificationError
from maze.statistics import (
    BaseEnvEvents,
    LogStatsAggregator,
    LogStatsKey,
    LogStatsLevel,
    define_episode_stats,
    define_epoch_stats,
)
from maze.statistics.event_statistics import event_statistics

RETURN = LogStatsKey(BaseEnvEvents.reward, "sum")
LENGTH = LogStatsKey(BaseEnvEvents.reward, "count")


def epoch_of(returns: list[float], lengths: list[float]) -> LogStatsAggregator:
    aggregator = LogStatsAggregator(LogStatsLevel.EPOCH)
    aggregator.receive(RETURN, returns)
    aggregator.receive(LENGTH, lengths)
    aggregator.reduce()
    return aggregator


def test_the_statistics_of_an_epoch_by_hand() -> None:
    stats = epoch_of([1.0, 2.0, 6.0], [10, 20, 60]).last_stats
    assert stats is not None
    reward = BaseEnvEvents.reward
    assert stats[(reward, "mean", None)] == 3.0  # type: ignore[index]  (a plain tuple, as users write it)
    assert stats[LogStatsKey(reward, "std")] == pytest.approx((14 / 3) ** 0.5)
    assert {key.output_name: value for key, value in stats.items() if key.output_name != "std"} == {
        "mean": 3.0,
        "min": 1.0,
        "max": 6.0,
        "mean_step_count": 30.0,
        "median_step_count": 20.0,
        "total_step_count": 90.0,
        "episode_count": 3.0,
        "total_episode_count": 3.0,
    }


def test_epochs_begin_anew_but_for_what_is_cumulative() -> None:
    aggregator = epoch_of([1.0, 2.0], [1, 2])
    aggregator.receive(RETURN, [5.0])
    aggregator.receive(LENGTH, [7])
    aggregator.reduce()
    assert aggregator.value(BaseEnvEvents.reward, "mean") == 5.0
    assert aggregator.value(BaseEnvEvents.reward, "episode_count") == 1.0
    assert aggregator.value(BaseEnvEvents.reward, "total_episode_count") == 3.0
    other = LogStatsAggregator(LogStatsLevel.EPOCH)
    other.load_state_dict(aggregator.state_dict())
    other.receive(LENGTH, [1, 1])
    assert other.reduce()[LogStatsKey(BaseEnvEvents.reward, "total_episode_count")] == 5.0


def test_an_epoch_without_episodes_has_no_statistics() -> None:
    aggregator = epoch_of([], [])
    assert aggregator.last_stats == {}
    with pytest.raises(InvalidSpecificationError, match="no epoch statistic 'mean'"):
        aggregator.value(BaseEnvEvents.reward, "mean")


def test_cleared_values_are_not_counted() -> None:
    aggregator = LogStatsAggregator(LogStatsLevel.EPOCH)
    aggregator.receive(RETURN, [100.0])
    aggregator.clear()
    aggregator.receive(RETURN, [2.0])
    aggregator.reduce()
    assert aggregator.value(BaseEnvEvents.reward, "mean") == 2.0
    with pytest.raises(InvalidSpecificationError, match="did you mean 'mean'"):
        aggregator.value(BaseEnvEvents.reward, "meen")


def test_events_of_ones_own() -> None:
    class ShopEvents(ABC):
        @define_epoch_stats(np.max, input_name="sum", output_name="best")
        @define_episode_stats(np.sum, output_name="sum")
        @abstractmethod
        def sold(self, value: float) -> None: ...

    (declared,) = event_statistics(ShopEvents.sold, LogStatsLevel.EPISODE)
    assert declared.output_name == "sum"
    episode = LogStatsAggregator(LogStatsLevel.EPISODE)
    epoch = LogStatsAggregator(LogStatsLevel.EPOCH)
    for values in ([1.0, 2.0], [4.0]):
        episode.receive(LogStatsKey(ShopEvents.sold), values)
        for key, value in episode.reduce().items():
            epoch.receive(key, [value])
    epoch.reduce()
    assert epoch.value(ShopEvents.sold, "best") == 4.0
