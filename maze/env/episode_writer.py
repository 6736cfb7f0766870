"""What wrappers that write a file for each episode have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.episode_files import EpisodeFiles
from maze.env.wrappers import Wrapper
from maze.types import StateDict

__all__ = ["EpisodeWriter"]


class EpisodeWriter(Wrapper):
    """Says where the files of episodes go, and keeps nothing of an unfinished episode in a checkpoint.

    Args:
        env: the environment inside.
        files: names of the files, one after the other.
    """

    def __init__(self, env: MazeEnv, files: EpisodeFiles) -> None:
        super().__init__(env)
        self._files = files

    @property
    def output_dir(self) -> Path:
        """Where the files go."""
        return self._files.directory

    def place_files(self, directory: Path) -> None:
        """Write below a directory; see `Wrapper.place_files`."""
        self._files.place_within(directory)

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Pass recorded steps on, and write nothing of them."""
        return self.env.get_observation_and_action_dicts(maze_state, maze_action, first_step_in_episode)

    def own_state(self) -> StateDict:
        """Return nothing: what was kept of an episode that a checkpoint interrupts is no part of it."""
        return {}
