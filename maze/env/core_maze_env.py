"""An environment composed of a simulation and its conversions, with events, rewards and indicators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium import spaces

from maze.env.base_env import MazeEnv
from maze.env.context_env import ContextEnv
from maze.env.core_env import ActionConversionInterface, CoreEnv, ObservationConversionInterface
from maze.env.interface_errors import read_reward, wrong_values
from maze.env.readers import make_action_reader, make_observation_reader, wrong_heads
from maze.env.spaces import to_dict_space
from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import BaseEnvEvents, KpiCalculator
from maze.types import Action, ActorID, Array, Observation, StateDict, StepKey

__all__ = ["CoreMazeEnv", "check_agent_counts"]

CoreEnvT = TypeVar("CoreEnvT", bound=CoreEnv)


class CoreMazeEnv(ContextEnv, Generic[CoreEnvT]):
    """A simulation as agents know it: observations and actions are converted, events become statistics.

    Once an episode has ended, `step` stays there: the same observation, reward 0 and ``done`` until the next `reset`.

    Args:
        core_env: the simulation.
        action_conversion_dict: what actions mean, by step key; here the one key 0.
        observation_conversion_dict: what is seen, by step key; here the one key 0.

    Attributes:
        core_env: as given.
        context: of the simulation.

    Raises:
        InvalidSpecificationError: there are other step keys than 0, or several agents, or a conversion is none.
        EnvError: a space is not supported.
    """

    def __init__(
        self,
        core_env: CoreEnvT,
        action_conversion_dict: Mapping[StepKey, ActionConversionInterface],
        observation_conversion_dict: Mapping[StepKey, ObservationConversionInterface],
    ) -> None:
        _check_conversions("action_conversion_dict", action_conversion_dict, ActionConversionInterface)
        _check_conversions("observation_conversion_dict", observation_conversion_dict, ObservationConversionInterface)
        check_agent_counts(core_env)
        super().__init__(core_env.context)
        self.core_env = core_env
        self.action_conversion_dict = dict(action_conversion_dict)
        self.observation_conversion_dict = dict(observation_conversion_dict)
        self._action_conversion = action_conversion_dict[0]
        self._observation_conversion = observation_conversion_dict[0]
        self.observation_space = _dict_space(self._observation_conversion, self._observation_conversion.space())
        self.action_space = _dict_space(self._action_conversion, self._action_conversion.space())
        self._observation_readers = {
            key: make_observation_reader(space, key) for key, space in self.observation_space.spaces.items()
        }
        self._action_readers = {key: make_action_reader(space, key) for key, space in self.action_space.spaces.items()}
        self._base_events = self.context.event_service.create_event_topic(BaseEnvEvents)
        self._kpi_calculator = core_env.get_kpi_calculator()

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        seed = self._begin_episode()
        if seed is not None:
            self.core_env.seed(seed)
        maze_state = self.core_env.reset()
        self.context.event_service.clear_events()  # what happens before the first action belongs to no step
        self._observation = self._observe(maze_state)
        return dict(self._observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`.

        Raises:
            EnvError: `reset` was never called, or the action is not in the action space.
        """
        self._check_begun("step")
        given = self._read_action(action)
        stays = self._stay()
        if stays is not None:
            return stays
        self.context.begin_step()
        maze_action = self._action_conversion.space_to_maze(given, self.core_env.get_maze_state())
        told: Any = self.core_env.step(maze_action)
        try:
            maze_state, paid, done, core_info = told
        except (TypeError, ValueError) as error:
            raise wrong_values(self, "step", told, "state, reward, done, info") from error
        self.context.end_step()
        reward = read_reward(self, paid)
        self._base_events.reward(reward)
        flags = _ends(bool(done), core_info)
        if done:
            self._end = flags
            self._tell_kpis(maze_state)
        self._keep_events(done=bool(done))
        result = self._observe(maze_state)
        self._observation = {key: value.copy() for key, value in result.items()}
        return result, reward, bool(done), {**core_info, **flags}

    def _read_action(self, action: Any) -> Action:
        if not isinstance(action, Mapping) or action.keys() != self._action_readers.keys():
            raise wrong_heads(action, self._action_readers)
        return {key: read(action[key]) for key, read in self._action_readers.items()}

    def _observe(self, maze_state: Any) -> Observation:
        seen = self._observation_conversion.maze_to_space(maze_state)
        if seen.keys() != self._observation_readers.keys():
            raise EnvError(
                f"{type(self._observation_conversion).__name__}.maze_to_space() gave the keys {sorted(seen)}; its "
                f"space() has {sorted(self._observation_readers)}."
            )
        return {key: read(seen[key]) for key, read in self._observation_readers.items()}

    def _turn_back(self, maze_action: Any) -> Action:
        action = self._read_action(self._action_conversion.maze_to_space(maze_action))
        return {key: np.asarray(value) for key, value in action.items()}

    def _tell_kpis(self, maze_state: Any) -> None:
        if self._kpi_calculator is None:
            return
        so_far = self._episode.events
        so_far.steps.append(list(self.context.event_service.calls))  # the last step's, for the calculator alone
        for name, value in self._kpi_calculator.calculate_kpis(so_far, maze_state).items():
            self._base_events.kpi(name, float(value))
        so_far.steps.pop()

    def noop_action(self) -> Action:
        """Return the action that does nothing, as the action conversion says.

        Raises:
            EnvError: the conversion has none, or it is not in the action space.
        """
        given = self._action_conversion.noop_action()
        if given.keys() != self._action_readers.keys():
            raise wrong_heads(given, self._action_readers)
        return {key: np.asarray(read(given[key])) for key, read in self._action_readers.items()}

    def get_maze_state(self) -> Any:
        """Return the simulation's present state."""
        return self.core_env.get_maze_state()

    def get_renderer(self) -> Any:
        """Return what draws states; see `CoreEnv.get_renderer`."""
        return self.core_env.get_renderer()

    def get_serializable_components(self) -> dict[str, Any]:
        """Return the parts that make up the state; see `CoreEnv.get_serializable_components`."""
        return self.core_env.get_serializable_components()

    def get_kpi_calculator(self) -> KpiCalculator | None:
        """Return what judges an episode at its end, or None."""
        return self._kpi_calculator

    def actor_id(self) -> ActorID:
        """Return who acts next."""
        return self.core_env.actor_id()

    def is_actor_done(self) -> bool:
        """Tell whether the agent that acts next has ended before the episode has."""
        return self.core_env.is_actor_done()

    def get_actor_rewards(self) -> Array | None:
        """Return the rewards of the last step by agent; see `CoreEnv.get_actor_rewards`."""
        return self.core_env.get_actor_rewards()

    @property
    def agent_counts_dict(self) -> dict[StepKey, int]:
        """Number of agents by step key."""
        return self.core_env.agent_counts_dict

    def render(self) -> Any:
        """Return the picture of the present state."""
        return self.core_env.render()

    def close(self) -> None:
        """Close the simulation."""
        self.core_env.close()

    def layer_state(self) -> StateDict:
        """Return the simulation's state and the course of the episode; see `MazeEnv.layer_state`."""
        return {**super().layer_state(), "core": self.core_env.whole_state()}

    def load_layer_state(self, state: StateDict) -> None:
        """Take over what `layer_state` returned."""
        self.core_env.load_whole_state(state["core"])
        super().load_layer_state(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.core_env).__name__})"


def _check_conversions(name: str, given: Any, kind: type) -> None:
    """Refuse everything but one conversion, for example that of the other kind."""
    if not isinstance(given, Mapping):
        raise InvalidSpecificationError(f"{name}: {given!r} is not accepted; accepted is {{0: {kind.__name__}}}.")
    if list(given) != [0]:
        raise InvalidSpecificationError(
            f"{name}: has the step keys {list(given)}; accepted is [0], since environments of several steps are not "
            "supported yet."
        )
    if not isinstance(given[0], kind):
        raise InvalidSpecificationError(
            f"{name}: {given[0]!r} is not accepted; accepted is an object of a class below maze.{kind.__name__}."
        )


def _dict_space(conversion: object, space: spaces.Space[Any]) -> spaces.Dict:
    if not isinstance(space, spaces.Dict):
        raise EnvError(f"{type(conversion).__name__}.space() is {space}; accepted is a gymnasium Dict space.")
    return to_dict_space(space, "observation")


def _ends(done: bool, info: Mapping[str, Any]) -> dict[str, bool]:
    """Return both flags of a step, of which a simulation may give one, or none where its episodes just end."""
    truncated = done and bool(info.get("truncated", False))
    return {"terminated": done and bool(info.get("terminated", not truncated)), "truncated": truncated}


def check_agent_counts(env: MazeEnv | CoreEnv) -> None:
    """Refuse an environment in which more acts than one agent, before it is trained as if there were one.

    Args:
        env: an environment or a simulation.

    Raises:
        InvalidSpecificationError: there are several agents or steps.
    """
    counts = env.agent_counts_dict
    if counts != {0: 1}:
        raise InvalidSpecificationError(
            f"{type(env).__name__}.agent_counts_dict: is {counts!r}; accepted is {{0: 1}}, one agent with the step key "
            "0. Environments of several agents or steps come in a later release."
        )
