"""A room that loses warmth, and a heater that can be on or off: the reward is how near the room is to its target."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

TARGET = 20.0


class Thermostat(gymnasium.Env[npt.NDArray[np.float32], np.int64]):
    """Observes how many degrees the room is too warm, and how cold it is outside; action 1 heats, action 0 waits.

    Args:
        power: how much warmer a step of heating makes the room, in degrees.
        loss: share of the difference to the outside that a step takes away.
        length: steps of an episode.
    """

    def __init__(self, power: float = 1.5, loss: float = 0.1, length: int = 50) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.power, self.loss, self.length = power, loss, length
        self.room = self.outside = TARGET
        self.n_steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Begin with another room, on another day."""
        super().reset(seed=seed, options=options)
        self.room = float(self.np_random.uniform(10.0, 25.0))
        self.outside = float(self.np_random.uniform(8.0, 16.0))
        self.n_steps = 0
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Heat or wait; the reward is 1 at the target and falls by 0.2 for each degree."""
        self.room += self.power * int(action) - self.loss * (self.room - self.outside)
        self.n_steps += 1
        reward = 1.0 - 0.2 * abs(self.room - TARGET)
        return self._observe(), reward, False, self.n_steps >= self.length, {}

    def _observe(self) -> npt.NDArray[np.float32]:
        return np.array([self.room - TARGET, self.outside], np.float32)
