"""What makes wrappers transparent: the environment inside is asked for everything that they do not say themselves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from maze.env.base_env import MazeEnv
from maze.env.interface_errors import space_of
from maze.errors import EnvError
from maze.statistics import EpisodeStats, KpiCalculator, LogStats
from maze.types import ActorID, Array, StepKey

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["TransparentEnv"]

_OWN = frozenset({"env", "_changes_action", "_changes_observation", "_gathers", "_sees_reward", "_training"})
"""What every wrapper has from the start, and never takes from the environment inside."""

_SPACES = frozenset({"observation_space", "action_space"})


@cache
def _class_of_both(outer: type, inner: type) -> type:
    """Return a class that is a subclass of both, only ever used as an answer to `isinstance`."""
    if issubclass(inner, outer):
        return inner
    return type(outer.__name__, (outer, inner), {"__module__": outer.__module__})


class TransparentEnv(MazeEnv):
    """An environment around another one that passes on what it does not do itself; `Wrapper` says the rest.

    Args:
        env: the environment inside.

    Attributes:
        env: as given.
    """

    def __init__(self, env: MazeEnv) -> None:
        self.env = env
        self._training = env.training
        self.observation_space = cast("spaces.Dict", space_of(env, "observation_space"))
        self.action_space = cast("spaces.Dict", space_of(env, "action_space"))

    def seed(self, seed: int) -> None:
        """Seed the inner environment."""
        self.env.seed(seed)

    def render(self) -> Any:
        """Return the picture of the inner environment."""
        return self.env.render()

    def close(self) -> None:
        """Close the inner environment."""
        self.env.close()

    def actor_id(self) -> ActorID:
        """Return who acts next in the inner environment."""
        return self.env.actor_id()

    def is_actor_done(self) -> bool:
        """Tell whether the agent that acts next in the inner environment has ended before the episode has."""
        return self.env.is_actor_done()

    def get_actor_rewards(self) -> Array | None:
        """Return the rewards of the last step by agent, as the inner environment tells them."""
        return self.env.get_actor_rewards()

    def get_maze_state(self) -> Any:
        """Return the present state of the simulation inside."""
        return self.env.get_maze_state()

    def get_env_time(self) -> int:
        """Return how many steps of the running episode were done inside."""
        return self.env.get_env_time()

    def get_episode_id(self) -> str:
        """Return the name of the running episode."""
        return self.env.get_episode_id()

    def get_renderer(self) -> Any:
        """Return what draws states of the simulation inside, or None."""
        return self.env.get_renderer()

    def get_serializable_components(self) -> dict[str, Any]:
        """Return the parts that make up the state of the simulation inside, by name."""
        return self.env.get_serializable_components()

    def get_kpi_calculator(self) -> KpiCalculator | None:
        """Return what judges an episode of the environment inside at its end, or None."""
        return self.env.get_kpi_calculator()

    @property
    def agent_counts_dict(self) -> dict[StepKey, int]:
        """Number of agents by step key in the inner environment."""
        return self.env.agent_counts_dict

    def last_episode_stats(self) -> EpisodeStats:
        """Return what the events of the episode inside that ended last tell."""
        return self.env.last_episode_stats()

    def last_step_stats(self) -> LogStats:
        """Return the statistics of the events of the last step inside."""
        return self.env.last_step_stats()

    @property
    def training(self) -> bool:
        """Whether this and all inner wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        self.env.training = bool(value)

    # Why a property: isinstance asks the type first and `__class__` second. The type stays the wrapper's own, so its
    # methods are found as written and the inner environment keeps its own `self`; a real subclass of both would run
    # the inner methods on the wrapper's attributes instead.
    def _seen_class(self) -> type:
        env = self.__dict__.get("env")
        return type(self) if env is None else _class_of_both(type(self), env.__class__)

    __class__ = property(_seen_class)

    def __getattr__(self, name: str) -> Any:
        has_env = "env" in self.__dict__
        if name in _OWN or (name in _SPACES and not has_env):
            raise EnvError(
                f"{type(self).__name__} has no {name}; its __init__ must call super().__init__(env) before it uses it."
            )
        if name.startswith("__") or not has_env:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __reduce__(self) -> tuple[Any, ...]:  # by default pickle compares the class with `__class__` and refuses
        return _rebuild, (type(self), self.__dict__)


def _rebuild(kind: type[TransparentEnv], attributes: dict[str, Any]) -> TransparentEnv:
    wrapper = kind.__new__(kind)
    wrapper.__dict__.update(attributes)
    return wrapper
