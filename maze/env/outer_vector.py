"""What vector environments around another one share, whichever way their wrappers see it."""

from __future__ import annotations

from collections.abc import Mapping

from maze.env.maze_env import MazeEnv
from maze.env.vector_base import VectorEnv
from maze.types import Array, Observation

__all__ = ["OuterVectorEnv"]


class OuterVectorEnv(VectorEnv):
    """A vector environment inside wrappers; what the wrappers gather is kept by those of one single environment.

    Args:
        env: the vector environment inside.
        prototype: a single environment inside the same wrappers; its statistics are used.
    """

    def __init__(self, env: VectorEnv, prototype: MazeEnv) -> None:
        self.env = env
        self.n_envs = env.n_envs
        self.observation_space, self.action_space = prototype.observation_space, prototype.action_space
        self._prototype = prototype
        self._training = False
        self._observation: Observation = {}

    @property
    def training(self) -> bool:
        """Whether wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        self._prototype.training = bool(value)
        self.env.training = bool(value)

    @property
    def observation(self) -> Observation:
        """The present observations as the agent sees them."""
        return self._observation

    def close(self) -> None:
        """Close the environments inside."""
        self.env.close()

    def update_statistics(self) -> None:
        """Merge what the wrappers gathered."""
        self.env.fetch_statistics()
        self._prototype.update_statistics()
        self.env.spread_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics of all wrappers, by the names that a single environment uses."""
        return self._prototype.statistics_state()

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over statistics of a vector environment or of a single one."""
        self._prototype.load_statistics(state)
        self.env.spread_statistics()

    def gather_anew(self) -> None:
        """Let the wrappers begin gathering from nothing; see `VectorEnv.gather_anew`."""
        self._prototype.gather_anew()

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics that were gathered elsewhere; see `VectorEnv.merge_statistics`."""
        self._prototype.merge_statistics(state)
