"""What the parts of one environment share: its time, the names of its episodes, and its events."""

from __future__ import annotations

from collections.abc import Callable

from maze.errors import InvalidSpecificationError, NoSnapshotError
from maze.statistics import EventService
from maze.types import StateDict

__all__ = ["EnvironmentContext"]


class EnvironmentContext:
    """What the parts of one environment, and wrappers around it, share; the environment tells it what it does.

    Attributes:
        event_service: holds the events of the present step.
        step_id: number of steps that were done in the running episode; during a step those before it.
        is_stepping: whether a step is going on, from its action to the last callback; one that failed, until the next.
    """

    def __init__(self) -> None:
        self.event_service = EventService()
        self.step_id = 0
        self.is_stepping = False
        self._seed: int | None = None
        self._n_episodes = 0
        self._post_step: list[Callable[[], object]] = []

    @property
    def episode_id(self) -> str:
        """The seed of the environment and the number of the episode since it was seeded; runs repeat it exactly."""
        return f"{'unseeded' if self._seed is None else self._seed}-{self._n_episodes}"

    @property
    def is_reset(self) -> bool:
        """Whether an episode was begun."""
        return self._n_episodes > 0

    @property
    def step_is_initial(self) -> bool:
        """Whether an episode was begun and its first step is not done yet."""
        return self.is_reset and self.step_id == 0

    def register_post_step(self, callback: Callable[[], object]) -> None:
        """Have something called once, at the end of the step that is going on, or else of the next one.

        The simulation has done its step then, `step_id` counts it, and events that the callback lets happen belong to
        it: KPIs and statistics know them. Callbacks are called in the order in which they were registered; those of an
        episode that no step followed are forgotten with it.

        Args:
            callback: takes no arguments.

        Raises:
            InvalidSpecificationError: it cannot be called.
        """
        if not callable(callback):
            raise InvalidSpecificationError(
                f"callback: {callback!r} cannot be called; give a function of no arguments."
            )
        self._post_step.append(callback)

    def begin_episode(self, seed: int | None = None) -> None:
        """Count an episode, from 1 where a seed is given, and forget the events of the last one."""
        if seed is not None:
            self._seed, self._n_episodes = seed, 0
        self._n_episodes += 1
        self.step_id, self.is_stepping = 0, False
        self._post_step.clear()
        self.event_service.clear_events()

    def begin_step(self) -> None:
        """Take note that a step begins."""
        self.is_stepping = True

    def end_step(self) -> None:
        """Count the step, call what was registered for its end, and take note that it has ended."""
        self.step_id += 1
        if self._post_step:
            callbacks, self._post_step = self._post_step, []
            for callback in callbacks:
                callback()
        self.is_stepping = False

    def state_dict(self) -> StateDict:
        """Return the counts.

        Raises:
            NoSnapshotError: a callback waits for the end of the next step.
        """
        if self._post_step:
            raise NoSnapshotError(f"{self._post_step[0]!r} waits for the end of the next step, and cannot be saved.")
        return {"step_id": self.step_id, "seed": self._seed, "n_episodes": self._n_episodes}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over what ``state_dict`` returned."""
        self.step_id, self._seed, self._n_episodes = state["step_id"], state["seed"], state["n_episodes"]
        self.is_stepping = False
        self._post_step.clear()
