"""An environment of maze for other libraries: gymnasium's interface of five values."""

from __future__ import annotations

from typing import Any

import gymnasium

from maze.env.maze_env import MazeEnv
from maze.errors import InvalidSpecificationError
from maze.types import Action, Observation

__all__ = ["GymnasiumView", "as_gymnasium"]


class GymnasiumView(gymnasium.Env[Any, Any]):
    """A `MazeEnv`, wrappers included, as a gymnasium environment with Dict spaces.

    Args:
        env: the environment to show.
    """

    def __init__(self, env: MazeEnv) -> None:
        self.env = env
        self.observation_space = env.observation_space
        self.action_space = env.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; options are not used."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self.env.seed(seed)
        return self.env.reset(), {}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act once."""
        observation, reward, _, info = self.env.step(action)
        return observation, reward, bool(info["terminated"]), bool(info["truncated"]), info

    def render(self) -> Any:
        """Return what the environment draws."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def as_gymnasium(env: MazeEnv) -> GymnasiumView:
    """Return an environment for libraries that expect gymnasium's ``reset`` and ``step``.

    Args:
        env: the environment inside; ``close`` closes it.

    Raises:
        InvalidSpecificationError: it is no MazeEnv.
    """
    if not isinstance(env, MazeEnv):
        raise InvalidSpecificationError(
            f"env: {env!r} is not accepted; accepted: a MazeEnv, such as GymMazeEnv('CartPole-v1') or rc.env_factory()."
        )
    return GymnasiumView(env)
