__all__ = [
    "BaseEnvEvents",
    "EpisodeBatch",
    "EpisodeTracker",
    "Event",
    "EventLog",
    "EventRecord",
    "LogStats",
    "LogStatsAggregator",
    "LogStatsKey",
    "LogStatsLevel",
    "define_episode_stats",
    "define_epoch_stats",
    "summarise_episodes",
]

from .episodes import EpisodeBatch as EpisodeBatch
from .episodes import EpisodeTracker as EpisodeTracker
from .episodes import summarise_episodes as summarise_episodes
from .event_log import EventLog as EventLog
from .event_log import EventRecord as EventRecord
from .event_statistics import BaseEnvEvents as BaseEnvEvents
from .event_statistics import Event as Event
from .event_statistics import LogStats as LogStats
from .event_statistics import LogStatsKey as LogStatsKey
from .event_statistics import LogStatsLevel as LogStatsLevel
from .event_statistics import define_episode_stats as define_episode_stats
from .event_statistics import define_epoch_stats as define_epoch_stats
from .log_stats import LogStatsAggregator as LogStatsAggregator
