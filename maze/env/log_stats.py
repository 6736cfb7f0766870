"""Returns and lengths of episodes, kept by a wrapper around the environment that they happen in."""

from __future__ import annotations

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.wrappers import Wrapper
from maze.errors import EnvError
from maze.types import Array, StateDict

__all__ = ["LogStatsWrapper"]


class LogStatsWrapper(Wrapper):
    """Keeps the return and the length of every finished episode.

    Args:
        env: the environment inside.
        logging_prefix: name of the group in which a report shows these statistics, for example ``"eval"``.

    Attributes:
        logging_prefix: as given.
        episode_returns: undiscounted return of each finished episode since the last `clear_statistics`.
        episode_lengths: number of steps of each of them.
    """

    def __init__(self, env: MazeEnv, logging_prefix: str | None = None) -> None:
        super().__init__(env)
        self.logging_prefix = logging_prefix
        self.episode_returns: list[float] = []
        self.episode_lengths: list[int] = []
        self._running_return: Array = np.zeros(())  # float64 [...]
        self._running_length: Array = np.zeros((), dtype=np.int64)  # [...]
        self._single_ended = True

    def episode_start(self, batch_shape: tuple[int, ...]) -> None:
        """Forget unfinished episodes."""
        self._running_return = np.zeros(batch_shape)
        self._running_length = np.zeros(batch_shape, dtype=np.int64)
        self._single_ended = False

    def episode_step(self, reward: Array, done: Array) -> None:
        """Add one step to the running episodes and keep those that ended."""
        if self._single_ended:  # a single environment stays at its end until it is reset
            return
        self._running_return += reward
        self._running_length += 1
        if not np.count_nonzero(done):
            return
        self.episode_returns.extend(self._running_return[done].tolist())
        self.episode_lengths.extend(self._running_length[done].tolist())
        self._running_return[done] = 0.0
        self._running_length[done] = 0
        self._single_ended = done.shape == ()

    def last_episode_statistics(self) -> dict[str, float]:
        """Return the ``"return"`` and ``"length"`` of the episode that ended last.

        Raises:
            EnvError: no episode has ended yet.
        """
        if not self.episode_returns:
            raise EnvError("No episode has ended yet, so there are no statistics of it. Step until done is true.")
        return {"return": self.episode_returns[-1], "length": self.episode_lengths[-1]}

    def clear_statistics(self) -> None:
        """Forget all finished episodes."""
        self.episode_returns.clear()
        self.episode_lengths.clear()

    def own_state(self) -> StateDict:
        """Return the finished and the running episodes."""
        return {
            "episode_returns": list(self.episode_returns),
            "episode_lengths": list(self.episode_lengths),
            "running_return": self._running_return.copy(),
            "running_length": self._running_length.copy(),
            "single_ended": self._single_ended,
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over finished and running episodes."""
        self.episode_returns = [float(value) for value in state["episode_returns"]]
        self.episode_lengths = [int(value) for value in state["episode_lengths"]]
        self._running_return = np.array(state["running_return"], dtype=np.float64)
        self._running_length = np.array(state["running_length"], dtype=np.int64)
        self._single_ended = bool(state["single_ended"])
