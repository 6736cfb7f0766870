__all__ = [
    "ActionEvents",
    "BaseEnvEvents",
    "ConsoleWriter",
    "Distribution",
    "EpisodeBatch",
    "EpisodeEvents",
    "EpisodeStatistics",
    "EpisodeStats",
    "EpisodeTracker",
    "EpochStatistics",
    "Event",
    "EventCall",
    "EventLog",
    "EventRecord",
    "EventService",
    "EventStats",
    "JsonLinesWriter",
    "KpiCalculator",
    "LogStats",
    "LogStatsAggregator",
    "LogStatsKey",
    "LogStatsLevel",
    "LogStatsWriter",
    "ObservationEvents",
    "Plot",
    "Pubsub",
    "RewardEvents",
    "StatsValue",
    "Subscriber",
    "TensorboardWriter",
    "TrackerWriter",
    "ValueSample",
    "WriterGroup",
    "define_episode_stats",
    "define_epoch_stats",
    "define_plot",
    "define_stats_grouping",
    "define_step_stats",
    "distribution_of",
    "event_tags",
    "events_of",
    "send_plot",
    "statistic_name",
    "step_statistics",
    "summarise_episodes",
]

from .base_events import BaseEnvEvents as BaseEnvEvents
from .collected import EpisodeStatistics as EpisodeStatistics
from .collected import EpochStatistics as EpochStatistics
from .collected import EventStats as EventStats
from .collected import step_statistics as step_statistics
from .distribution import Distribution as Distribution
from .distribution import distribution_of as distribution_of
from .episodes import EpisodeBatch as EpisodeBatch
from .episodes import EpisodeTracker as EpisodeTracker
from .episodes import summarise_episodes as summarise_episodes
from .event_decorators import define_episode_stats as define_episode_stats
from .event_decorators import define_epoch_stats as define_epoch_stats
from .event_decorators import define_plot as define_plot
from .event_decorators import define_stats_grouping as define_stats_grouping
from .event_decorators import define_step_stats as define_step_stats
from .event_log import EventLog as EventLog
from .event_log import EventRecord as EventRecord
from .event_statistics import EpisodeStats as EpisodeStats
from .event_statistics import Event as Event
from .event_statistics import LogStats as LogStats
from .event_statistics import LogStatsKey as LogStatsKey
from .event_statistics import LogStatsLevel as LogStatsLevel
from .event_statistics import events_of as events_of
from .event_statistics import statistic_name as statistic_name
from .events import EpisodeEvents as EpisodeEvents
from .events import EventCall as EventCall
from .events import EventService as EventService
from .events import Pubsub as Pubsub
from .events import Subscriber as Subscriber
from .kpis import KpiCalculator as KpiCalculator
from .log_stats import LogStatsAggregator as LogStatsAggregator
from .monitoring import ActionEvents as ActionEvents
from .monitoring import ObservationEvents as ObservationEvents
from .monitoring import RewardEvents as RewardEvents
from .monitoring import ValueSample as ValueSample
from .plots import Plot as Plot
from .tags import event_tags as event_tags
from .tensorboard import TensorboardWriter as TensorboardWriter
from .writers import ConsoleWriter as ConsoleWriter
from .writers import JsonLinesWriter as JsonLinesWriter
from .writers import LogStatsWriter as LogStatsWriter
from .writers import StatsValue as StatsValue
from .writers import TrackerWriter as TrackerWriter
from .writers import WriterGroup as WriterGroup
from .writers import send_plot as send_plot
