"""The parts of an environment of one's own: a simulation, what agents see of it, and what their actions mean in it.

`CoreMazeEnv` puts them together. The simulation knows its own states and actions alone, so that the same one can be
observed, acted on and rewarded in several ways.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env.context import EnvironmentContext
from maze.errors import EnvError, NoSnapshotError
from maze.statistics import KpiCalculator, Subscriber
from maze.types import Action, ActorID, Array, Observation, StateDict, StepKey

__all__ = [
    "ActionConversionInterface",
    "CoreEnv",
    "ObservationConversionInterface",
    "RewardAggregatorInterface",
]


class RewardAggregatorInterface(Subscriber):
    """Makes the reward of a step from the events that it subscribed to, or from the state."""

    @abstractmethod
    def summarize_reward(self, maze_state: Any) -> float:
        """Return the reward of the step.

        Args:
            maze_state: the state after it.
        """


class ActionConversionInterface(ABC):
    """Says what the actions of an agent mean in the simulation."""

    @abstractmethod
    def space(self) -> spaces.Dict:
        """Return the space of the agent's actions."""

    @abstractmethod
    def space_to_maze(self, action: Action, maze_state: Any) -> Any:
        """Return what an agent's action means in a state.

        Args:
            action: one entry for each head.
            maze_state: the state in which it is taken.
        """

    def maze_to_space(self, maze_action: Any) -> Action:
        """Return the agent's action that means this, for example to imitate recorded actions.

        Raises:
            EnvError: the conversion does not say.
        """
        raise EnvError(f"{type(self).__name__} does not convert {maze_action!r} back; give it maze_to_space().")

    def noop_action(self) -> Action:
        """Return the action that does nothing; what ``StepSkipWrapper(skip_mode="noop")`` takes in skipped steps.

        Raises:
            EnvError: there is none.
        """
        raise EnvError(f"{type(self).__name__} has no action that does nothing; give it noop_action().")


class ObservationConversionInterface(ABC):
    """Says what an agent sees of a state of the simulation."""

    @abstractmethod
    def space(self) -> spaces.Dict:
        """Return the space of the agent's observations."""

    @abstractmethod
    def maze_to_space(self, maze_state: Any) -> Mapping[str, Any]:
        """Return what an agent sees of a state, one array or number for each key."""

    def space_to_maze(self, observation: Observation) -> Any:
        """Return the state that is seen so.

        Raises:
            EnvError: the conversion does not say.
        """
        raise EnvError(f"{type(self).__name__} does not convert {sorted(observation)} back; give it space_to_maze().")


class CoreEnv(ABC):
    """A simulation with states and actions of its own.

    Its randomness comes from ``self.generator``, which `seed` begins anew; events are published through topics of
    ``self.context.event_service`` or of a `Pubsub` around it.

    Args:
        context: shared with the parts of the simulation; a new one when None.

    Attributes:
        context: as given.
        generator: all randomness of the simulation.
        reward_aggregator: makes the rewards, where the simulation does not itself.
    """

    def __init__(self, context: EnvironmentContext | None = None) -> None:
        self.context = context or EnvironmentContext()
        self.generator = np.random.default_rng()
        self.reward_aggregator: RewardAggregatorInterface | None = None

    @abstractmethod
    def reset(self) -> Any:
        """Begin an episode and return its first state."""

    @abstractmethod
    def step(self, maze_action: Any) -> tuple[Any, float, bool, dict[str, Any]]:
        """Act once.

        Args:
            maze_action: what the action conversion made.

        Returns:
            State, reward, done and info. An episode that was cut off, rather than ended, has ``"truncated": True`` in
            info; both flags may be given.
        """

    @abstractmethod
    def get_maze_state(self) -> Any:
        """Return the present state."""

    def seed(self, seed: int) -> None:
        """Begin the generator anew; the next `reset` follows."""
        self.generator = np.random.default_rng(seed)

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free what the simulation holds."""

    def render(self) -> Any:
        """Return the picture of the present state, as far as the simulation can draw one."""
        renderer = self.get_renderer()
        return None if renderer is None else renderer.render(self.get_maze_state())

    def get_renderer(self) -> Any:
        """Return an object with a method ``render(maze_state)``, or None."""
        return None

    def get_serializable_components(self) -> dict[str, Any]:
        """Return the parts that make up the state, by name, for recordings."""
        return {}

    def get_kpi_calculator(self) -> KpiCalculator | None:
        """Return what judges an episode at its end, or None."""
        return None

    def actor_id(self) -> ActorID:
        """Return who acts next; here always the one agent of step key 0."""
        return ActorID(0, 0)

    def is_actor_done(self) -> bool:
        """Tell whether the agent that acts next has ended before the episode has."""
        return False

    def get_actor_rewards(self) -> Array | None:
        """Return the rewards of a step by agent; None, as here, where `step` returns that of the one agent."""
        return None

    @property
    def agent_counts_dict(self) -> dict[StepKey, int]:
        """Number of agents by step key."""
        return {0: 1}

    def state_dict(self) -> StateDict | None:
        """Return all that the running episode depends on, the generator apart, for an exact continuation.

        None, as here, lets a run that is continued in another process begin a new episode instead.
        """
        return None

    def load_state_dict(self, state: StateDict) -> None:  # noqa: B027 - never called unless `state_dict` is written, too
        """Take over what `state_dict` returned."""

    def clone_from(self, core_env: CoreEnv) -> None:
        """Go on from where an equal simulation is, with the draws that it would make: `state_dict` says where that is.

        Args:
            core_env: stays as it is.

        Raises:
            EnvError: the simulation does not say what it depends on.
        """
        self.load_whole_state(core_env.whole_state())

    def whole_state(self) -> StateDict:
        """Return what `state_dict` says, with the generator and the counts of the context, as a copy.

        Raises:
            NoSnapshotError: the simulation does not say what it depends on, or a callback waits for the next step.
        """
        core = self.state_dict()
        if core is None:
            raise NoSnapshotError(
                f"{type(self).__name__} does not say what it depends on; give it state_dict() and load_state_dict()."
            )
        generator, context = self.generator.bit_generator.state, self.context.state_dict()
        return deepcopy({"core": core, "generator": generator, "context": context})

    def load_whole_state(self, state: StateDict) -> None:
        """Go on from what `whole_state` returned."""
        self.generator.bit_generator.state = state["generator"]
        self.load_state_dict(deepcopy(state["core"]))
        self.context.load_state_dict(state["context"])
