"""Policies whose networks carry state, playing several episodes side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from maze.errors import MazeError
from maze.types import Array, Observation, StateDict, StepKey

if TYPE_CHECKING:
    from maze.agents.policy import TorchPolicy

__all__ = ["Remembered", "RememberingPlayer"]


class RememberingPlayer:
    """Plays N episodes side by side and keeps the state of each: rows know nothing of each other.

    Args:
        policy: whose networks carry state.
        n_rows: number of episodes N, which all begin.
        step_key: whose network acts.
        agent_id: which agent acts, where agents have networks of their own.

    Attributes:
        state: before the next step, float32 [N, ...] by key.
    """

    def __init__(self, policy: TorchPolicy, n_rows: int, step_key: StepKey = 0, agent_id: int = 0) -> None:
        self.policy = policy
        self.n_rows = n_rows
        self._actor = (step_key, agent_id)
        self.state = policy.initial_state(n_rows, step_key, agent_id)

    def act(
        self, observation: Mapping[str, Array], rng: np.random.Generator, deterministic: bool = False
    ) -> dict[str, Array]:
        """Return the actions for the next step of all N episodes, see ``TorchPolicy.act``."""
        actions, self.state = self.policy.act_with_state(observation, self.state, rng, deterministic, *self._actor)
        return actions

    def forget(self, rows: Array | None = None) -> None:
        """Begin new episodes.

        Args:
            rows: where, bool [N]; everywhere when None.
        """
        for value in self.state.values():
            value[... if rows is None else rows] = 0.0

    def check_observation(self, observation: Observation) -> None:
        """Refuse observations that do not fit, see ``TorchPolicy.check_observation``."""
        self.policy.check_observation(observation)

    def state_dict(self) -> StateDict:
        """Return a copy of the state of all rows, by key."""
        return {key: value.copy() for key, value in self.state.items()}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over what :meth:`state_dict` returned."""
        for key, value in self.state.items():
            value[...] = state[key]


class Remembered:
    """The players behind ``TorchPolicy.compute_action``: one for each network and each shape of batches."""

    def __init__(self) -> None:
        self._players: dict[tuple[StepKey, int, tuple[int, ...]], RememberingPlayer] = {}

    def player(
        self, policy: TorchPolicy, leading: tuple[int, ...], step_key: StepKey, agent_id: int
    ) -> RememberingPlayer:
        """Return who plays the episodes whose observations have these batch axes."""
        key = (str(step_key), agent_id, leading)
        if key not in self._players:
            self._players[key] = RememberingPlayer(policy, math.prod(leading), step_key, agent_id)
        return self._players[key]

    def begin_episode(self, rows: Array | None) -> None:
        """Forget all states, or those in some rows of batches of N, bool [N]."""
        if rows is None:
            self._players.clear()
            return
        rows = np.asarray(rows)
        if rows.dtype != np.bool_:
            raise MazeError(f"rows: {rows!r} is not accepted; accepted: an array of bool, one for each row, or None.")
        for (_, _, leading), player in self._players.items():
            if leading == rows.shape:
                player.forget(rows.reshape(-1))
