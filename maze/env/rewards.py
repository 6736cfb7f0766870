"""Wrappers that change rewards: a factor, bounds, and the spread of the discounted return.

A factor and bounds are the same throughout, so that they are part of the task: returns are counted in what they make of
rewards, in training as in evaluations. A spread moves while training goes on, so that returns made of it would mean
something else in every epoch: nothing but learning sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from maze.env.gathering import Gathering, in_blocks
from maze.env.maze_env import MazeEnv
from maze.env.running_statistics import ClipRange, MeanZeroStdOne
from maze.env.stateful import Rows, StatefulWrapper
from maze.env.told_rewards import COUNTED, ORIGINAL
from maze.env.vector_base import VectorStep
from maze.env.wrapper_arguments import Bound, check_order
from maze.env.wrappers import RewardWrapper
from maze.types import FLOAT, Action, Array, Observation, StateDict

__all__ = ["ReturnNormalizationRewardWrapper", "RewardClippingWrapper", "RewardScalingWrapper"]


class RewardScalingWrapper(RewardWrapper):
    """Multiplies rewards.

    Args:
        env: the environment inside.
        scale: the factor.

    Raises:
        InvalidSpecificationError: the factor is no number.
    """

    def __init__(self, env: MazeEnv, scale: float) -> None:
        super().__init__(env)
        self.scale = FLOAT(scale)

    def reward(self, reward: Array) -> Array:
        """Return the rewards times the factor."""
        return np.asarray(reward * self.scale)


class RewardClippingWrapper(RewardWrapper):
    """Cuts rewards off at bounds.

    Args:
        env: the environment inside.
        min_val: least reward; None sets no bound.
        max_val: greatest reward; None sets no bound.

    Raises:
        InvalidSpecificationError: the bounds are no numbers, or in the wrong order.
    """

    def __init__(self, env: MazeEnv, min_val: Bound | None = None, max_val: Bound | None = None) -> None:
        super().__init__(env)
        low, high = -np.inf if min_val is None else min_val, np.inf if max_val is None else max_val
        self.low, self.high = FLOAT(low), FLOAT(high)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse bounds in the wrong order; see `Wrapper.check_values`."""
        check_order(arguments.get("min_val"), arguments.get("max_val"), ("min_val", "max_val"), path)

    def reward(self, reward: Array) -> Array:
        """Return the rewards within the bounds."""
        return np.asarray(np.clip(reward, self.low, self.high))


class _ReturnSpread(MeanZeroStdOne):
    """Divides by the standard deviation, and shifts nothing."""

    def __init__(self, epsilon: float, clip_range: ClipRange) -> None:
        self.epsilon = epsilon
        super().__init__((), clip_range, None)

    def shift_and_factor(self) -> tuple[Array, Array]:
        """Return 0 and 1 / sqrt(variance + epsilon); 0 and 1 before any data."""
        own = self._published
        variance = own["squared_deviations"] / own["count"] if own["count"] else np.ones(()) - self.epsilon
        return np.zeros((), FLOAT), np.asarray(1.0 / np.sqrt(variance + self.epsilon), FLOAT)


class ReturnNormalizationRewardWrapper(StatefulWrapper):
    """Divides rewards, while `training` is on, by the standard deviation of the running return R' = gamma R + r.

    Statistics are gathered meanwhile, and used from the next `update_statistics` on; before any data rewards stay as
    they are. Evaluations, rollouts and whoever else does not train get the rewards from inside; returns of training are
    made of these, too, and so are the episodes that ES compares. A wrapper of rewards that stands further outside sees
    normalised ones in training alone; for bounds of normalised rewards there is `clip_range`. Recorded episodes hold
    the rewards from inside, so that SAC's `initial_demonstrations` are not normalised.
    Source: Engstrom et al., "Implementation matters in deep policy gradients" (2020).

    Args:
        env: the environment inside.
        gamma: discount of the running return.
        epsilon: added to the variance.
        clip_range: least and greatest normalised reward; None sets no bounds.

    Raises:
        InvalidSpecificationError: a number is out of its range.
    """

    changes_reward = learning_only = True

    def __init__(
        self,
        env: MazeEnv,
        gamma: Annotated[float, Field(ge=0.0, le=1.0)] = 0.99,
        epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-8,
        clip_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(env)
        self.gamma = float(gamma)
        bounds = None if clip_range is None else (FLOAT(clip_range[0]), FLOAT(clip_range[1]))
        self._statistics = _ReturnSpread(float(epsilon), bounds)
        self._pending = Gathering()

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse bounds in the wrong order; see `Wrapper.check_values`."""
        low, high = arguments.get("clip_range") or (None, None)
        check_order(low, high, ("clip_range.0", "clip_range.1"), path)

    def start(self, n_envs: int) -> None:
        """Make room for the running return of each environment, float64 ``[N]``."""
        self.rows = {"running_return": np.zeros(n_envs)}

    def step_rows(self, inner: Rows, action: Action, rows: Array) -> VectorStep:
        """Act once; the running return sees the reward from inside, who learns the divided one."""
        step = inner.step_rows(action, rows)
        running = self.rows["running_return"]
        running[rows] = self.gamma * running[rows] + step.reward[rows]
        if not self.training:
            return step
        everyone = bool(rows.all())
        self._pending.add(running if everyone else running[rows], None if everyone else rows.nonzero()[0])
        self._statistics.add(self._pending.take_block(()))
        told = {ORIGINAL: step.reward, COUNTED: step.reward, **(step.told_rewards or {})}
        return replace(step, reward=self._statistics.normalize(step.reward), told_rewards=told)

    def reset_rows(self, inner: Rows, rows: Array) -> Observation:
        """Begin episodes, whose running return is 0."""
        self.rows["running_return"][rows] = 0.0
        return inner.reset_rows(rows)

    def update_statistics(self) -> None:
        """Merge the gathered returns of this wrapper, and what all inner wrappers gathered."""
        super().update_statistics()
        self._statistics.add(self._pending.take(()))
        self._statistics.publish()

    def own_statistics(self) -> dict[str, Array]:
        """Return the statistics in use, float64 by name."""
        return self._statistics.state()

    def load_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over statistics and drop what was gathered meanwhile."""
        self._statistics.load(state)
        self._pending.drop()

    def gather_own_anew(self) -> None:
        """Begin gathering from nothing; the statistics in use stay in use until `update_statistics`."""
        self._pending.drop()
        self._statistics.clear()

    def merge_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge what the same wrapper gathered elsewhere."""
        self._statistics.merge_state(state)

    def share_statistics(self, other: ReturnNormalizationRewardWrapper) -> None:
        """Gather into, and divide by, the statistics of the same wrapper around a sister environment."""
        self._statistics = other._statistics
        self._pending.join(other._pending)

    def take_gathered(self) -> list[Array]:
        """Remove and return the gathered returns, ``[M]`` of each environment."""
        return self._pending.hand_over(())

    def add_gathered(self, parts: Sequence[list[Array]]) -> None:
        """Gather the returns of environments in other processes."""
        for block in in_blocks([returns for part in parts for returns in part]):
            self._statistics.add(block)

    def own_state(self) -> StateDict:
        """Return the running returns, the statistics in use and everything gathered since."""
        statistics = self._statistics
        return {
            **super().own_state(),
            "published": statistics.state(),
            "gathered": statistics.gathered_state(),
            "pending": self._pending.state(),
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        super().load_own_state(state)
        self._statistics.load(state["published"])
        self._statistics.load_gathered(state["gathered"])
        self._pending.load(state["pending"])
