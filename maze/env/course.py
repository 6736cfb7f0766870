"""Wrappers that change the course of an episode: where it begins, how often the agent acts, and when it is cut off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import Field

from maze.env.base_env import MazeEnv, RecordedStep
from maze.env.mask_keys import are_possible, mask_keys
from maze.env.readers import make_action_reader, wrong_heads
from maze.env.sampling import ActionSampler, neutral_action
from maze.env.stateful import Rows, StatefulWrapper
from maze.env.told_rewards import add_told, copy_told
from maze.env.vector_base import VectorStep
from maze.errors import EnvError, InvalidSpecificationError, suggest
from maze.seeding import draw_seed, numpy_generator
from maze.types import Action, AnyMapping, Array, Observation, StateDict

__all__ = ["RandomResetWrapper", "StepSkipWrapper", "TimeLimitWrapper"]

SKIP_MODES = ("sticky", "noop")


NotNegative: TypeAlias = Annotated[int, Field(ge=0)]


class TimeLimitWrapper(StatefulWrapper):
    """Cuts episodes off after a number of steps, and says so in ``info["truncated"]``: learners bootstrap there.

    An episode that terminates in its last step is terminated and not truncated.

    Args:
        env: the environment inside.
        max_episode_steps: steps of an episode at most; 0 sets no limit.

    Raises:
        InvalidSpecificationError: the limit is not a whole number >= 0.
    """

    def __init__(self, env: MazeEnv, max_episode_steps: NotNegative) -> None:
        super().__init__(env)
        self.max_episode_steps = max_episode_steps

    def start(self, n_envs: int) -> None:
        """Make room for the number of steps of each episode, int64 ``[N]``."""
        self.rows = {"steps": np.zeros(n_envs, np.int64)}

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once and cut off the episodes that reached the limit."""
        step = inner.step_rows(action, rows)
        steps = self.rows["steps"]
        steps[rows] += 1
        if not self.max_episode_steps:
            return step
        truncated = step.truncated | (rows & (steps >= self.max_episode_steps) & ~step.terminated)
        return replace(step, truncated=truncated)

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin episodes and count their steps from 0."""
        self.rows["steps"][rows] = 0
        return inner.reset_rows(rows)


class RandomResetWrapper(StatefulWrapper):
    """Begins every episode with a random number of random actions, so that first states differ.

    Rewards of these steps are dropped. An episode that ends meanwhile is followed by another one, in which what is left
    of the number is taken. Draws come from a generator for each environment, seeded together with it.

    Args:
        env: the environment inside.
        min_skip_steps: fewest random actions.
        max_skip_steps: most random actions.

    Raises:
        InvalidSpecificationError: the numbers are not whole, or in the wrong order.
    """

    def __init__(self, env: MazeEnv, min_skip_steps: NotNegative = 0, max_skip_steps: NotNegative = 10) -> None:
        super().__init__(env)
        self.min_skip_steps, self.max_skip_steps = min_skip_steps, max_skip_steps
        self._neutral = neutral_action(self.action_space)
        self._sampler = ActionSampler(self.action_space, self.observation_space)
        self._generators: list[np.random.Generator] = []

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse numbers in the wrong order; see `Wrapper.check_values`."""
        least, most = arguments.get("min_skip_steps", 0), arguments.get("max_skip_steps", math.inf)
        if least > most:
            raise InvalidSpecificationError(
                f"{path}.max_skip_steps: {most} must not be less than min_skip_steps {least}."
            )

    def start(self, n_envs: int) -> None:
        """Seed the generators from the operating system, until they are seeded."""
        self.seed_rows([draw_seed() for _ in range(n_envs)])

    def seed_rows(self, seeds: Sequence[int]) -> None:
        """Seed the generator of each environment."""
        self._generators = [numpy_generator(int(seed), "random_reset") for seed in seeds]

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin episodes and take random steps in them."""
        observation = inner.reset_rows(rows)
        remaining = np.zeros(len(rows), np.int64)
        for row in rows.nonzero()[0].tolist():
            remaining[row] = self._generators[row].integers(self.min_skip_steps, self.max_skip_steps, endpoint=True)
        while remaining.any():
            active = remaining > 0
            step = inner.step_rows(self._draw(observation, active), active)
            remaining[active] -= 1
            observation = step.observation
            ended = step.terminated | step.truncated
            if ended.any():
                observation = inner.reset_rows(ended)
        return observation

    def get_observation_and_action_dicts(
        self, maze_state: Any, maze_action: Any, first_step_in_episode: bool
    ) -> RecordedStep:
        """Pass recorded steps on: they begin where the random actions had ended."""
        return self.env.get_observation_and_action_dicts(maze_state, maze_action, first_step_in_episode)

    def _draw(self, observation: Observation, active: Array) -> Action:
        """Return random actions ``[N, *shape]``; where nobody acts, neutral ones."""
        action = {head: np.repeat(value[None], len(active), axis=0) for head, value in self._neutral.items()}
        for row in active.nonzero()[0].tolist():
            masks = {key: observation[key][row] for key in self._sampler.mask_keys}
            for head, value in self._sampler.draw_one(self._generators[row], masks).items():
                action[head][row] = value
        return action

    def own_state(self) -> StateDict:
        """Return the generators' states, too."""
        return {**super().own_state(), "generators": [rng.bit_generator.state for rng in self._generators]}

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        super().load_own_state(state)
        self.seed_rows([0] * len(state["generators"]))
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = saved


class StepSkipWrapper(StatefulWrapper):
    """Lets the environment go on for several steps for each action of the agent, and adds up their rewards.

    Where a mask among the observations does not allow what skipped steps would do, the agent chooses anew at once.

    Args:
        env: the environment inside.
        n_steps: steps of the environment for each of the agent, 1 skips nothing.
        skip_mode: ``"sticky"`` repeats the action, ``"noop"`` does nothing after the first step.
        noop_action: what doing nothing means, by action head; by default what the environment says (a `CoreMazeEnv`
            has the `noop_action` of its action conversion, which wrappers inside turn into an action of theirs), and
            where that says nothing, what is nearest to zero in the action space.

    Raises:
        InvalidSpecificationError: an argument is not accepted.
    """

    def __init__(
        self,
        env: MazeEnv,
        n_steps: Annotated[int, Field(ge=1)],
        skip_mode: str = "sticky",
        noop_action: AnyMapping | None = None,
    ) -> None:
        super().__init__(env)
        self.n_steps, self.skip_mode = n_steps, skip_mode
        self._masks = mask_keys(self.observation_space, self.action_space)
        self._noop = self._find_noop(noop_action) if skip_mode == "noop" or noop_action is not None else {}

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse unknown modes; see `Wrapper.check_values`."""
        mode = arguments.get("skip_mode", SKIP_MODES[0])
        if mode not in SKIP_MODES:
            raise InvalidSpecificationError(f"{path}.skip_mode: {mode!r} is unknown; {suggest(mode, SKIP_MODES)}")

    def _find_noop(self, given: AnyMapping | None) -> Action:
        """Return the action of skipped steps, without batch axis."""
        try:
            noop = self.env.noop_action() if given is None else given
            if noop is None:
                return neutral_action(self.action_space)
            heads = self.action_space.spaces
            if noop.keys() != heads.keys():
                raise wrong_heads(noop, heads)
            for head, space in heads.items():
                make_action_reader(space, head)(np.asarray(noop[head]))
        except EnvError as error:
            remedy = " Or give noop_action, or skip_mode: sticky." if given is None else ""
            raise InvalidSpecificationError(f"noop_action: {error}{remedy}") from error
        return {head: np.asarray(noop[head], space.dtype) for head, space in heads.items()}

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once, and go on until the steps are done, the episode has ended, or a mask forbids to go on."""
        step = inner.step_rows(action, rows)
        reward, terminated, truncated = step.reward.copy(), step.terminated.copy(), step.truncated.copy()
        told = copy_told(step.told_rewards)
        following = action
        if self.skip_mode == "noop":
            following = {head: np.repeat(value[None], len(rows), axis=0) for head, value in self._noop.items()}
        active = rows.copy()
        for _ in range(self.n_steps - 1):
            active &= ~(terminated | truncated)
            for head, key in self._masks.items():
                active &= are_possible(self.action_space[head], following[head], step.observation[key])
            if not active.any():
                break
            step = inner.step_rows(following, active)
            np.add(reward, step.reward, out=reward, where=active)
            add_told(told, step.told_rewards, active)
            terminated |= step.terminated
            truncated |= step.truncated
        return VectorStep(step.observation, reward, terminated, truncated, told_rewards=told)
