"""Tiny environments whose right answers are known: each isolates one thing that an algorithm must get right.

They are handed over as factories, for example ``lambda: GymMazeEnv(DelayedRewardProbe())``. Observations are one
float32 number, actions are 0 and 1. `true_value` is the value under the best policy for any discount; `best_action`
is None where actions do not matter. `PROBES` are for every algorithm; `MemoryProbe` is for networks that remember.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

__all__ = [
    "PROBES",
    "ActionRewardProbe",
    "ConstantRewardProbe",
    "DelayedRewardProbe",
    "MemoryProbe",
    "ObservationActionRewardProbe",
    "ObservationRewardProbe",
    "Probe",
]

ProbeObservation = npt.NDArray[np.float32]


class Probe(gymnasium.Env[ProbeObservation, np.int64]):
    """One-step episodes; subclasses say what is observed and what is paid.

    Attributes:
        observations: everything that can be observed.
        episode_length: steps until the episode terminates.
    """

    observations: ClassVar[tuple[float, ...]] = (0.0,)
    episode_length: ClassVar[int] = 1

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, shape=(1,), dtype=np.float32)
        self.action_space = spaces.Discrete(2)
        self.current = 0.0
        self.steps = 0

    def first_observation(self) -> float:
        """Return what the next episode begins with."""
        return 0.0

    def paid(self, observation: float, action: int) -> float:
        """Return the reward of an action at an observation."""
        raise NotImplementedError

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        """Return the value of an observation under the best policy."""
        raise NotImplementedError

    @classmethod
    def best_action(cls, observation: float) -> int | None:
        """Return the action that the best policy takes."""
        return None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ProbeObservation, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.current, self.steps = self.first_observation(), 0
        return self.observe(), {}

    def step(self, action: np.int64) -> tuple[ProbeObservation, float, bool, bool, dict[str, Any]]:
        reward = self.paid(self.current, int(action))
        self.steps += 1
        self.current = self.next_observation()
        return self.observe(), reward, self.steps >= self.episode_length, False, {}

    def next_observation(self) -> float:
        """Return what follows a step."""
        return self.current

    def observe(self) -> ProbeObservation:
        """Return the present observation as an array."""
        return np.array([self.current], dtype=np.float32)


class ConstantRewardProbe(Probe):
    """Reward 1 for one step: the value is 1. Fails where the critic's target or its learning rate is wrong."""

    def paid(self, observation: float, action: int) -> float:
        return 1.0

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return 1.0


class ObservationRewardProbe(Probe):
    """Observation -1 or 1 at random, reward equal to it: the value is the observation."""

    observations = (-1.0, 1.0)

    def first_observation(self) -> float:
        return float(self.np_random.choice(self.observations))

    def paid(self, observation: float, action: int) -> float:
        return observation

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return observation


class DelayedRewardProbe(Probe):
    """Two steps, observation 0 then 1, reward 0 then 1: the values are the discount, then 1."""

    observations = (0.0, 1.0)
    episode_length = 2

    def paid(self, observation: float, action: int) -> float:
        return observation

    def next_observation(self) -> float:
        return 1.0

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return 1.0 if observation == 1.0 else discount


class ActionRewardProbe(Probe):
    """Action 1 pays 1, action 0 pays -1: the best policy takes 1 and is worth 1."""

    def paid(self, observation: float, action: int) -> float:
        return 1.0 if action == 1 else -1.0

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return 1.0

    @classmethod
    def best_action(cls, observation: float) -> int | None:
        return 1


class ObservationActionRewardProbe(ObservationRewardProbe):
    """Observation -1 or 1 at random; action 0 at -1 and 1 at 1 pay 1, the others pay -1: the value is 1."""

    def paid(self, observation: float, action: int) -> float:
        return 1.0 if action == self.best_action(observation) else -1.0

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return 1.0

    @classmethod
    def best_action(cls, observation: float) -> int | None:
        return int(observation > 0)


class MemoryProbe(ObservationRewardProbe):
    """A cue, -1 or 1 at random, then nothing to see for four steps; the last action pays 1 if it says what the cue was.

    Other actions pay 0, a wrong answer -1: the best policy returns 1, and one without memory 0 on average.
    """

    episode_length = 5

    def first_observation(self) -> float:
        self.cue = super().first_observation()
        return self.cue

    def next_observation(self) -> float:
        return 0.0

    def paid(self, observation: float, action: int) -> float:
        if self.steps < self.episode_length - 1:
            return 0.0
        return 1.0 if action == self.best_action(self.cue) else -1.0

    @classmethod
    def true_value(cls, observation: float, discount: float) -> float:
        return discount ** (cls.episode_length - 1)  # of the cue

    @classmethod
    def best_action(cls, observation: float) -> int | None:
        return int(observation > 0)


PROBES: tuple[type[Probe], ...] = (
    ConstantRewardProbe,
    ObservationRewardProbe,
    DelayedRewardProbe,
    ActionRewardProbe,
    ObservationActionRewardProbe,
)
"""All probes, in the order in which an algorithm should pass them."""
