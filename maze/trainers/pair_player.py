"""The workers of evolution strategies: pairs of episodes with opposite noise, from no more than their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from maze import agents, rollout
from maze.seeding import derive_seed, numpy_generator
from maze.types import Array

if TYPE_CHECKING:
    from maze.agents import PopulationPolicy, TorchPolicy
    from maze.env import VectorEnv
    from maze.rollout import Episodes

__all__ = ["PairPlayer", "draw_noise", "frozen_parameters"]


class PairPlayer:
    """A worker: plays antithetic pairs of episodes, of which it is told no more than the numbers.

    Args:
        number: of the worker; nothing depends on it.
        policy: is played with other parameters, on the CPU.
        make_vector_env: makes environments, as many as it is told.
        deterministic: take the most likely action instead of a sample.
        max_steps: cut episodes off after as many steps; None leaves that to the environment.
    """

    def __init__(
        self,
        number: int,
        *,
        policy: TorchPolicy,
        make_vector_env: Callable[[int], VectorEnv],
        deterministic: bool,
        max_steps: int | None,
    ) -> None:
        del number
        self.policy = policy
        self.frozen = frozen_parameters(policy)
        self.make_vector_env = make_vector_env
        self.deterministic = deterministic
        self.max_steps = max_steps
        self.env: VectorEnv | None = None
        self.population: PopulationPolicy | None = None

    def play(self, state: Mapping[str, Any], pairs: Sequence[int]) -> dict[str, Any]:
        """Play some pairs.

        Args:
            state: the parameters [P] and ``noise_stddev``, the update's ``seed``, the policy's buffers and the
                wrappers' statistics.
            pairs: their numbers in the update.

        Returns:
            ``returns`` float64 and ``lengths`` int64, [2 * pairs]: with the noise and against it, pair by pair; and
            ``event_stats``, one mapping for each episode where environments tell of events.
        """
        if self.env is None or self.population is None:
            n_members = min(2 * len(pairs), rollout.MAX_ENVS)
            self.env = self.make_vector_env(n_members)
            self.population = agents.PopulationPolicy(self.policy, n_members)
        self.env.load_statistics(state["statistics"])
        self.population.load_buffers(state["buffers"])
        n_pairs = self.env.n_envs // 2
        waves = [pairs[start : start + n_pairs] for start in range(0, len(pairs), n_pairs)]
        episodes = rollout.Episodes.concatenate(
            [self._play_wave(self.env, self.population, state, wave) for wave in waves]
        )
        told = list(episodes.event_stats) if any(episodes.event_stats) else []
        return {"returns": episodes.returns, "lengths": episodes.lengths, "event_stats": told}

    def _play_wave(
        self, env: VectorEnv, population: PopulationPolicy, state: Mapping[str, Any], pairs: Sequence[int]
    ) -> Episodes:
        """Play pairs side by side, two members each."""
        noise = draw_noise(state["seed"], pairs, self.frozen)
        noise *= np.float32(state["noise_stddev"])
        members = population.parameters[: 2 * len(pairs)]
        np.add(state["parameters"], noise, members[0::2])
        np.subtract(state["parameters"], noise, members[1::2])
        episode_seeds, action_seeds = (
            [derive_seed(state["seed"], stream, pair) for pair in pairs for _ in range(2)]
            for stream in ("episode", "actions")
        )
        population.begin(action_seeds)
        return rollout.play_episodes(
            population,
            env,
            episode_seeds,
            numpy_generator(state["seed"], "unused"),
            deterministic=self.deterministic,
            max_episode_steps=self.max_steps,
            observers=population.observers,
        )

    def close(self) -> None:
        """Close the environments."""
        if self.env is not None:
            self.env.close()


def draw_noise(seed: int, pairs: Sequence[int], frozen: Array) -> Array:
    """Return the noise of some pairs of an update, float32 [K, P], the same for the same numbers everywhere.

    Args:
        seed: of the update.
        pairs: their numbers.
        frozen: which parameters are not to be learnt, bool [P]; their noise is 0.
    """
    noise = np.stack([numpy_generator(seed, "noise", pair).standard_normal(len(frozen), np.float32) for pair in pairs])
    if frozen.any():
        noise[:, frozen] = 0.0
    return noise


def frozen_parameters(policy: TorchPolicy) -> Array:
    """Return which of a policy's parameters ask for no gradient, bool [P]."""
    return np.concatenate([np.full(p.numel(), not p.requires_grad) for p in policy.parameters()])
