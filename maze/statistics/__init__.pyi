__all__ = ["EpisodeBatch", "EpisodeTracker", "summarise_episodes"]

from .episodes import EpisodeBatch as EpisodeBatch
from .episodes import EpisodeTracker as EpisodeTracker
from .episodes import summarise_episodes as summarise_episodes
