"""What is kept of episodes that were played: numbers, the table of them, and pictures of how they are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maze import report
from maze.statistics import send_plot
from maze.tracking import Tracker

if TYPE_CHECKING:
    from maze.rollout import Episodes

__all__ = ["log_episodes", "show_episodes"]


def log_episodes(tracker: Tracker, method: str, episodes: Episodes, seed: int) -> None:
    """Send a table of episodes, and histograms of their returns and lengths, to the tracking store.

    Args:
        tracker: of the run.
        method: of the call that played them; the artifacts are named after it.
        episodes: what was played.
        seed: of the run.
    """
    from maze.rollout.trajectory import episode_columns  # noqa: PLC0415  (is loaded by now)

    tracker.log_text(report.columns_as_csv(episode_columns(episodes)), f"tables/{method}_episodes.csv")
    table = report.EpisodeTable(returns=episodes.returns, lengths=episodes.lengths)
    tracker.log_figure(report.return_histogram_figure({seed: table}), f"figures/{method}_returns.png")
    tracker.log_figure(report.episode_length_figure({seed: table}), f"figures/{method}_lengths.png")


def show_episodes(tracker: Tracker, method: str, episodes: Episodes, video: bytes) -> None:
    """Keep what no table of episodes holds: figures of their events, and what one of them looked like.

    Args:
        tracker: of what the run shows.
        method: of the call that played them; the artifacts are named after it.
        episodes: what was played.
        video: one of them as a GIF; b"" where there is none.
    """
    for name, plot in getattr(episodes, "plots", {}).items():
        send_plot(tracker, plot, f"{method}/{name}")
    if video:
        tracker.log_image(video, f"videos/{method}_episode.gif")
