"""Wrappers that remember something of each environment or change the course of its episodes, on whole batches.

A `StatefulWrapper` is written once, for N environments side by side, of which some are stepped or begun anew while the
others wait. A vector environment gives it all N; around a single environment the very same code sees a batch of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.interface_errors import check_observation, read_ends, read_reward, wrong_values
from maze.env.readers import wrong_heads
from maze.env.sampling import neutral_action
from maze.env.told_rewards import told_from_info, told_in_info
from maze.env.vector_base import VectorStep
from maze.env.wrappers import Wrapper, unconverted
from maze.errors import EnvError
from maze.statistics import EventCall
from maze.types import Action, Array, Observation, StateDict

__all__ = ["Rows", "StatefulWrapper"]


class Rows(Protocol):
    """N environments that wait where their episode ended until it is said that they begin anew.

    All arrays have N rows and are valid until the next call; those of environments that waited keep their observation,
    and have reward 0 and no ends.
    """

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in the environments where ``rows``, bool ``[N]``, is true."""
        ...

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in the environments where ``rows``, bool ``[N]``, is true."""
        ...


class _BatchOfOne:
    """A single environment as `Rows`.

    Attributes:
        env: as given.
        info: of the last step.
        events: what happened since the episode began or they were taken: of several steps, where a wrapper makes them.
    """

    def __init__(self, env: MazeEnv) -> None:
        self.env = env
        self.info: dict[str, Any] = {}
        self.events: list[EventCall] = []

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        del rows  # nobody asks for a step of no environment
        step: Any = self.env.step({key: values[0] for key, values in action.items()})
        try:
            observation, reward, _, self.info = step
        except (TypeError, ValueError) as error:
            raise wrong_values(self.env, "step", step) from error
        self.events.extend(self.env.get_step_events())
        terminated, truncated = read_ends(self.env, self.info)
        ends = np.array([terminated]), np.array([truncated])
        told = told_from_info(self.info, (1,))
        return VectorStep(
            _with_axis(observation), np.array([read_reward(self.env, reward)], np.float32), *ends, told_rewards=told
        )

    def reset_rows(self, rows: Array) -> Observation:
        del rows
        self.events = []
        observation = self.env.reset()
        check_observation(self.env, "reset", observation)
        return _with_axis(observation)


class _RecordedRows:
    """A step that was recorded, as `Rows`: it can be taken or begun with once, and by the action that was recorded."""

    def __init__(self, wrapper: Wrapper, observation: Observation, action: Action) -> None:
        self._wrapper, self._observation, self._action = wrapper, _with_axis(observation), action
        self._taken = False

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        del rows
        if any(not np.array_equal(action[head][0], value) for head, value in self._action.items()):
            raise unconverted(self._wrapper)
        unknown, not_known_to_end = np.full(1, np.nan, np.float32), np.zeros(1, bool)
        return VectorStep(self._take(), unknown, not_known_to_end, not_known_to_end)

    def reset_rows(self, rows: Array) -> Observation:
        del rows
        return self._take()

    def _take(self) -> Observation:
        if self._taken:
            raise unconverted(self._wrapper)
        self._taken = True
        return self._observation


def _with_axis(observation: Observation) -> Observation:
    return {key: np.asarray(value)[None] for key, value in observation.items()}


def _without_axis(observation: Observation) -> Observation:
    return {key: np.array(value[0]) for key, value in observation.items()}


class StatefulWrapper(Wrapper):
    """A wrapper with a state for each environment: override `start`, `step_rows` and `reset_rows`.

    The hooks of hook-only wrappers are not called by these.

    Args:
        env: the environment inside.

    Attributes:
        rows: the state, arrays ``[N, ...]`` by name; saved and restored as it is.
    """

    batchable: ClassVar[bool] = True

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self.rows: dict[str, Array] = {}
        self._single: _BatchOfOne | None = None
        self._end: StateDict | None = None
        self._recorded: StateDict | None = None  # `own_state` after the last recorded step
        self._recorded_action: Action = {}
        self._step_events: list[EventCall] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "batchable" not in cls.__dict__:
            cls.batchable = cls.step is StatefulWrapper.step and cls.reset is StatefulWrapper.reset
        super().__init_subclass__(**kwargs)

    def start(self, n_envs: int) -> None:
        """Make room for N environments, before any of them begins."""

    def seed_rows(self, seeds: Sequence[int]) -> None:
        """Make what the wrapper draws reproducible, with a seed for each of the N environments."""

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once in some environments; see `Rows`.

        What is returned tells the ``told_rewards`` of the steps inside; without them, its rewards count as original.

        Args:
            inner: the N environments inside; may be stepped several times, or not at all.
            action: ``[N, *shape]`` by head; those of other environments are valid, and mean nothing.
            rows: which environments act, bool ``[N]``.
        """
        return inner.step_rows(action, rows)

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin an episode in some environments; see `Rows`."""
        return inner.reset_rows(rows)

    def seed(self, seed: int) -> None:
        """Seed this wrapper and the environment inside."""
        self._inner()
        self.seed_rows([seed])
        super().seed(seed)

    def start_batch(self, n_envs: int) -> None:
        """Serve N environments of a vector environment from now on, instead of the single one."""
        self._single = self._end = None
        self.start(n_envs)

    def _inner(self) -> _BatchOfOne:
        if self._single is None:
            self._single = _BatchOfOne(self.env)
            self.start(1)
        return self._single

    def reset(self) -> Observation:
        """Begin an episode and return its first observation."""
        observation = self.reset_rows(self._inner(), np.ones(1, bool))
        self._end = None
        return _without_axis(observation)

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`. At its end the episode stays until the next `reset`."""
        if self._single is None:
            raise EnvError("step() was called before reset(). Call reset() to begin an episode.")
        if not isinstance(action, Mapping) or action.keys() != self.action_space.spaces.keys():
            raise wrong_heads(action, self.action_space.spaces)
        if self._end is not None:
            observation = {key: value.copy() for key, value in self._end["observation"].items()}
            return observation, 0.0, True, dict(self._end["info"])
        batch = {key: np.asarray(value)[None] for key, value in action.items()}
        step = self.step_rows(self._single, batch, np.ones(1, bool))
        self._step_events, self._single.events = self._single.events, []
        flags = {"terminated": bool(step.terminated[0]), "truncated": bool(step.truncated[0])}
        observation, done = _without_axis(step.observation), any(flags.values())
        if done:
            self._end = {"observation": {key: value.copy() for key, value in observation.items()}, "info": flags}
        return observation, float(step.reward[0]), done, told_in_info({**self._single.info, **flags}, step.told_rewards)

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Let a recorded step pass; see `Wrapper.get_observation_and_action_dicts`.

        What is remembered of recorded steps is kept apart from the episode that is being played. Rewards are not known
        here, nor actions that were None.

        Raises:
            EnvError: also, the first step is missing, or the wrapper does something else than one step for an action.
        """
        if type(self).step is not StatefulWrapper.step or type(self).reset is not StatefulWrapper.reset:
            raise unconverted(self)
        observations, actions = self.env.get_observation_and_action_dicts(
            maze_state, maze_action, first_step_in_episode
        )
        if observations is not None:
            observations = {key: self._pass_recorded(seen, first_step_in_episode) for key, seen in observations.items()}
        self._recorded_action = neutral_action(self.action_space) if actions is None else actions[0]
        return observations, actions

    def _pass_recorded(self, observation: Observation, first: bool) -> Observation:
        """Return what the wrapper shows of a recorded observation; the running episode stays as it is."""
        if self._recorded is None and not first:
            raise EnvError("The recorded steps begin within an episode; begin with first_step_in_episode=True.")
        self._inner()
        running, training, self._training = self.own_state(), self._training, False
        inner, rows = _RecordedRows(self, observation, self._recorded_action), np.ones(1, bool)
        try:
            if self._recorded is None or first:
                seen = _without_axis(self.reset_rows(inner, rows))
            else:
                self.load_own_state(self._recorded)
                action = {head: np.asarray(value)[None] for head, value in self._recorded_action.items()}
                seen = _without_axis(self.step_rows(inner, action, rows).observation)
            self._recorded = self.own_state()
        finally:
            self.load_own_state(running)
            self._training = training
        return seen

    def get_step_events(self) -> list[EventCall]:
        """Return what happened inside since the last step, in all steps that this wrapper made of it."""
        return [*self._step_events, *self.own_step_events()]

    def own_state(self) -> StateDict:
        """Return the state of all environments."""
        return {
            "rows": {name: value.copy() for name, value in self.rows.items()},
            "started": self._single is not None,
            "end": self._end,
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        if state["started"]:
            self._inner()
        for name, value in state["rows"].items():
            self.rows[name][...] = value
        self._end = state["end"]
