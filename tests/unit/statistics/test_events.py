"""Events: topics record calls, subscribers are told, and nobody sees another environment's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import (
    BaseEnvEvents,
    EpisodeEvents,
    EpisodeStatistics,
    EpochStatistics,
    EventCall,
    EventService,
    EventStats,
    LogStatsAggregator,
    LogStatsKey,
    LogStatsLevel,
    Pubsub,
    Subscriber,
    define_episode_stats,
    define_epoch_stats,
    define_stats_grouping,
    define_step_stats,
    statistic_name,
    step_statistics,
)


class ShopEvents(ABC):
    """Sales by shop and product; the statistics of a step are of all shops together."""

    @define_epoch_stats(np.mean, input_name="total", output_name="mean_total")
    @define_epoch_stats(np.max, input_name="total", output_name="best", group_by=())
    @define_episode_stats(np.sum, input_name="in_step", output_name="total")
    @define_episode_stats(np.max, input_name="amount", output_name="largest", group_by="product")
    @define_step_stats(np.sum, input_name="amount", output_name="in_step", group_by="product")
    @define_stats_grouping("shop", "product")
    @abstractmethod
    def sold(self, shop: str, product: str, amount: float) -> None: ...

    @define_epoch_stats(np.sum, input_name="count", output_name="all", cumulative=True)
    @define_episode_stats(len, output_name="count")
    @abstractmethod
    def closed(self) -> None: ...


class Revenue(Subscriber):
    def get_interfaces(self) -> Sequence[type]:
        return [ShopEvents]


def stats_by_name(stats: dict[LogStatsKey, float]) -> dict[str, float]:
    return {statistic_name(key): value for key, value in stats.items()}


def play(topic: ShopEvents, service: EventService) -> EpisodeStatistics:
    """Two steps: breads 1 + 2 and rolls 5, then one bread more."""
    episode = EpisodeStatistics()
    topic.sold("north", "bread", 1.0)
    topic.sold(shop="south", product="bread", amount=2.0)
    topic.sold("north", "rolls", amount=5.0)
    episode.add_step(service.clear_events())
    topic.sold("north", "bread", 1.0)
    topic.closed()
    episode.add_step(service.clear_events())
    return episode


def test_steps_become_episodes_and_episodes_epochs_by_hand() -> None:
    service = EventService()
    episode = play(service.create_event_topic(ShopEvents), service)
    first_step = stats_by_name(step_statistics(episode.events.steps[0]))
    assert first_step == {"ShopEvents/sold/in_step/bread": 3.0, "ShopEvents/sold/in_step/rolls": 5.0}
    stats = episode.end()
    assert stats_by_name(stats) == {
        "ShopEvents/sold/total/bread": 4.0,  # 3 in one step, 1 in the other
        "ShopEvents/sold/total/rolls": 5.0,
        "ShopEvents/sold/largest/bread": 2.0,
        "ShopEvents/sold/largest/rolls": 5.0,
        "ShopEvents/closed/count": 1.0,
    }
    epochs = EpochStatistics()
    other = {**stats, LogStatsKey(ShopEvents.sold, "total", ("bread",)): 10.0}
    assert epochs.reduce(EventStats([(0, stats), (3, other)])) == {
        "ShopEvents/sold/mean_total/bread": 7.0,
        "ShopEvents/sold/mean_total/rolls": 5.0,
        "ShopEvents/sold/best": 10.0,
        "ShopEvents/closed/all": 2.0,
    }
    resumed = EpochStatistics()
    resumed.load_state_dict(epochs.state_dict())
    assert resumed.reduce(EventStats([(0, stats)]))["ShopEvents/closed/all"] == 3.0


def test_subscribers_are_told_what_they_asked_for_until_the_step_ends() -> None:
    service = EventService()
    pubsub, revenue = Pubsub(service), Revenue()
    pubsub.register_subscriber(revenue)
    shop, base = pubsub.create_event_topic(ShopEvents), pubsub.create_event_topic(BaseEnvEvents)
    base.reward(3.0)
    shop.sold("north", "bread", 2.0)
    shop.closed()
    assert [call.arguments["amount"] for call in revenue.query_events(ShopEvents.sold)] == [2.0]
    assert [call.event for call in revenue.calls] == [ShopEvents.sold, ShopEvents.closed]
    assert len(service.query_events(BaseEnvEvents.reward)) == 1
    assert len(service.clear_events()) == 3
    assert not service.calls
    assert not list(revenue.query_events(ShopEvents.sold, ShopEvents.closed))


def test_events_are_asked_for_one_by_one_or_in_a_list() -> None:
    service = EventService()
    pubsub, revenue = Pubsub(service), Revenue()
    pubsub.register_subscriber(revenue)
    shop = pubsub.create_event_topic(ShopEvents)
    shop.closed()
    shop.sold("north", "bread", 2.0)
    shop.closed()
    sold, both = [ShopEvents.sold], [ShopEvents.closed, ShopEvents.sold, ShopEvents.closed]
    for asked in (service, revenue, EpisodeEvents([list(service.calls)])):
        assert [call.event for call in asked.query_events(sold)] == sold
        for events in ((ShopEvents.sold, ShopEvents.closed), [[ShopEvents.closed, ShopEvents.sold]], [iter(both)]):
            assert [call.event for call in asked.query_events(*events)] == both
        assert not list(asked.query_events([]))


@pytest.mark.parametrize("wrong", ["ShopEvents.sold", ShopEvents, None, ["sold"], [ShopEvents.sold, ShopEvents]])
def test_what_is_no_event_is_refused_where_it_is_asked_for(wrong: Any) -> None:
    service = EventService()
    for asked in (service, Revenue(), EpisodeEvents()):
        with pytest.raises(InvalidSpecificationError, match=r"no event; accepted: methods of an events interface"):
            asked.query_events(wrong)
    with pytest.raises(InvalidSpecificationError, match=r"bound method .* is no event"):
        service.query_events(service.create_event_topic(ShopEvents).sold)


def test_services_are_apart() -> None:
    one, other = EventService(), EventService()
    one.create_event_topic(ShopEvents).closed()
    assert one.calls == [EventCall(ShopEvents.closed, {})]
    assert not other.calls


def test_wrong_arguments_and_groups_are_told() -> None:
    shop = EventService().create_event_topic(ShopEvents)
    with pytest.raises(EnvError, match="shop, product, amount"):
        shop.sold("north", "bread")  # type: ignore[call-arg]
    with pytest.raises(EnvError, match="no public methods"):
        EventService().create_event_topic(int.__class__.__base__)
    with pytest.raises(InvalidSpecificationError, match="accepted: amount"):

        @define_stats_grouping("colour")
        def sold(self: object, amount: float) -> None: ...


@pytest.mark.parametrize("decorator", [define_step_stats, define_episode_stats, define_epoch_stats])
def test_what_is_no_function_is_refused_where_it_is_declared(decorator: Any) -> None:
    for wrong in (None, "mean", 3):
        with pytest.raises(InvalidSpecificationError, match=rf"^{decorator.__name__}: {wrong!r} is not callable"):
            decorator(wrong)
    for groups in ("colour", ("amount", "colour"), ["colour"]):
        with pytest.raises(InvalidSpecificationError, match="no argument 'colour' to group by; accepted: amount"):

            @decorator(np.sum, group_by=groups)
            def sold(self: object, amount: float) -> None: ...

    with pytest.raises(InvalidSpecificationError, match=r"as in @define_stats_grouping\('product'\)"):

        @define_stats_grouping  # type: ignore[arg-type]
        def bought(self: object, amount: float) -> None: ...


@pytest.mark.parametrize(
    ("function", "failure"),
    [
        (lambda values: values.nonsense(), r"<lambda>\(\) failed with AttributeError: .*nonsense"),
        (np.sort, r"sort\(\) failed with TypeError: "),
        (lambda values: None, r"<lambda>\(\) failed with TypeError: "),
    ],
)
def test_a_function_that_fails_is_named_with_its_event_and_statistic(function: Any, failure: str) -> None:
    class Odd(ABC):
        @define_epoch_stats(function, input_name="total", output_name="spread")
        @define_episode_stats(np.sum, output_name="total")
        @abstractmethod
        def moved(self, x: float) -> None: ...

    service = EventService()
    topic, epoch = service.create_event_topic(Odd), LogStatsAggregator(LogStatsLevel.EPOCH)
    for _ in range(2):
        topic.moved(1.0)
        episode = EpisodeStatistics()
        episode.add_step(service.clear_events())
        epoch.receive_all(episode.end())
    message = rf"^Odd\.moved: the epoch statistic 'spread' cannot be made: {failure}.*array of 2 values \(float64\)"
    with pytest.raises(InvalidSpecificationError, match=message):
        epoch.reduce()


def test_a_statistic_without_a_value_to_take_says_so() -> None:
    class Odd(ABC):
        @define_episode_stats(np.sum, output_name="total")
        @abstractmethod
        def moved(self, x: float, y: float) -> None: ...

    service = EventService()
    service.create_event_topic(Odd).moved(1.0, 2.0)
    episode = EpisodeStatistics()
    episode.add_step(service.clear_events())
    with pytest.raises(InvalidSpecificationError, match="input_name=None; accepted is one of its arguments: x, y"):
        episode.end()


def test_the_first_episode_of_each_environment_counts() -> None:
    key = LogStatsKey(BaseEnvEvents.kpi, "value", ("speed",))
    stats = EventStats([(0, {key: 1.0})])
    stats.add(EventStats([(0, {key: 7.0}), (0, {key: 8.0})]), row=2)
    stats.add(EventStats([(0, {key: 2.0})]))
    assert stats.first_of_each() == {0: {key: 1.0}, 2: {key: 7.0}}
    assert EpochStatistics().reduce(stats)["BaseEnvEvents/kpi/mean/speed"] == 4.5
