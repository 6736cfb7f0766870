"""Evolution strategies (ES): search among parameters instead of actions.

Objective: ``E[u(theta + s * e)] - c / 2 * |theta|^2`` over standard normal noise e, with the noise's standard deviation
s, the weight c of the penalty, and as utility u the rank of an episode's return among those of the update. Its gradient
is estimated from pairs of episodes, ``theta + s * e`` and ``theta - s * e``; it takes neither gradients of the network
nor values. What travels to workers is the parameters and the numbers of pairs; what comes back is returns and lengths.

Source: Salimans et al., Evolution Strategies as a Scalable Alternative to Reinforcement Learning, 2017.
Deviations: both episodes of a pair begin alike, which takes the beginning's luck out of their difference. Workers draw
the noise of a pair from its number (40 us for the 4,600 parameters of a small network, 3 % of playing long episodes)
rather than look it up in a shared table: one of 25 million numbers would take every worker 0.4 s and 100 MB before the
first episode. Statistics that wrappers normalise by are gathered by the unperturbed policy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from maze import agents, functional
from maze.errors import InvalidSpecificationError, TrainingError
from maze.rollout.memory import reserving
from maze.seeding import MAX_SEED
from maze.statistics import EpisodeBatch, EventStats
from maze.trainers.base import AlgorithmConfig, Trainer, TrainerParts
from maze.trainers.on_policy import NonNegative, Positive
from maze.trainers.pair_player import PairPlayer, draw_noise, frozen_parameters
from maze.trainers.schedules import Schedule
from maze.types import FLOAT, Array, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.rollout import Workers

__all__ = ["ES", "ESAlgorithmConfig"]


@dataclass(frozen=True, kw_only=True)
class ESAlgorithmConfig(AlgorithmConfig):
    """Settings of ES; the other fields are explained in :class:`AlgorithmConfig`.

    Attributes:
        n_rollouts_per_update: episodes between updates; an odd number is rounded up to whole pairs.
        n_timesteps_per_update: further rounds of as many episodes are played until an update has this many steps.
        max_steps: cut episodes off after as many steps; 0 leaves that to the environment.
        optimizer: ``adam``, or ``sgd`` (plain gradient ascent).
        lr: step size of the optimiser; a number or a :class:`Schedule`.
        l2_penalty: weight of the penalty for large parameters.
        noise_stddev: standard deviation of the noise that parameters are tried with; a number or a schedule.
        deterministic: members take the most likely action instead of a sample; the noise explores.
        n_rollout_steps: steps in each of the runner's environments, with the unperturbed policy after each update, from
            which wrappers gather what they normalise by or monitor; none are taken where no wrapper gathers anything.
    """

    trainer: ClassVar[str] = "maze.trainers.es.ES"

    n_epochs: Annotated[int, Field(ge=0)] = 100
    epoch_length: Annotated[int, Field(ge=1)] = 5
    n_rollouts_per_update: Annotated[int, Field(ge=1)] = 40
    n_timesteps_per_update: Annotated[int, Field(ge=0)] = 0
    max_steps: Annotated[int, Field(ge=0)] = 0
    optimizer: Literal["adam", "sgd"] = "adam"
    lr: Positive | Schedule = 0.02
    l2_penalty: NonNegative = 0.005
    noise_stddev: Positive | Schedule = 0.05
    deterministic: bool = True
    n_rollout_steps: Annotated[int, Field(ge=1)] = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        noise = self.noise_stddev
        if isinstance(noise, Schedule) and not (noise.start > 0.0 and noise.end > 0.0):
            raise InvalidSpecificationError(
                f"algorithm.noise_stddev: a schedule from {noise.start} to {noise.end} is not accepted, since without "
                "noise nothing is tried; give start and end > 0."
            )

    @property
    def n_pairs(self) -> int:
        """Pairs of episodes of a round."""
        return (self.n_rollouts_per_update + 1) // 2


class ES(Trainer[ESAlgorithmConfig]):
    """Estimates the gradient from the returns of antithetic pairs, and takes one step along it."""

    def __init__(self, config: ESAlgorithmConfig, parts: TrainerParts) -> None:
        super().__init__(config, parts)
        policy = self.model.policy
        self.frozen = frozen_parameters(policy)
        size = len(self.frozen)  # the policy's parameters come first; those of a critic are left out
        self.parameters, self.gradient = self.model.flat_parameters[:size], self.model.flat_gradient[:size]
        with reserving("algorithm.n_rollouts_per_update", f"{config.n_rollouts_per_update} episodes"):
            np.empty((config.n_pairs, size), FLOAT)  # the noise of one update
        self.optimizer = agents.Adam(self.parameters, self.gradient)
        player = partial(
            PairPlayer,
            policy=copy.deepcopy(policy).to("cpu"),
            make_vector_env=parts.make_vector_env,
            deterministic=config.deterministic,
            max_steps=config.max_steps or None,
        )
        if not self.collector.env.gathers:  # they never play, and equal runs are to have equal states
            self.collector.env.reset(range(self.collector.env.n_envs))
        self._make_workers: Callable[[], Workers] = partial(parts.make_workers, player)
        self._workers: Workers | None = None
        self._n_steps_of_update = 0
        self._returns: list[float] = []  # of the episodes since the last drain
        self._lengths: list[int] = []
        self._event_stats = EventStats()

    def update(self) -> Mapping[str, Tensor | float]:
        """Play pairs, rank their returns, step along the gradient."""
        seed = int(self.generator.integers(MAX_SEED))
        noise_stddev = self.present(self.config.noise_stddev)
        returns, n_steps = self.play(seed, noise_stddev)
        utility = functional.centered_ranks(returns)
        noise = draw_noise(seed, range(len(utility)), self.frozen)
        self.step(utility, noise, noise_stddev)
        self._n_steps_of_update = n_steps + self.gather()
        norm = float(self.parameters.norm())
        return {
            "loss/policy": -float(returns.mean()),
            "loss/l2_penalty": 0.5 * self.config.l2_penalty * norm**2,
            "policy/gradient_norm": self.gradient.norm(),
            "policy/parameter_norm": norm,
        }

    def play(self, seed: int, noise_stddev: float) -> tuple[Array, int]:
        """Play pairs of episodes with all workers.

        Args:
            seed: of the update; the noise, the episodes and the members' draws follow from it.
            noise_stddev: standard deviation of the noise.

        Returns:
            Returns [K, 2] with the noise and against it, and the number of steps.
        """
        state = {
            "parameters": self.parameters.cpu().numpy(),
            "buffers": {name: buffer.cpu().numpy() for name, buffer in self.model.policy.named_buffers()},
            "statistics": self.collector.env.statistics_state(),
            "seed": seed,
            "noise_stddev": noise_stddev,
        }
        self._workers = workers = self._workers or self._make_workers()
        returns: list[Array] = []
        n_pairs, n_steps = 0, 0
        while not n_pairs or n_steps < self.config.n_timesteps_per_update:
            pairs = np.array_split(np.arange(n_pairs, n_pairs + self.config.n_pairs), workers.n_workers)
            for played in workers.call("play", [(state, share.tolist()) for share in pairs if len(share)]):
                returns.append(played["returns"])
                n_steps += int(played["lengths"].sum())
                self._returns += played["returns"].tolist()
                self._lengths += played["lengths"].tolist()
                self._event_stats.episodes.extend(enumerate(played["event_stats"]))
            n_pairs += self.config.n_pairs
        return np.concatenate(returns).reshape(-1, 2), n_steps

    def step(self, utility: Array, noise: Array, noise_stddev: float) -> None:
        """Change the parameters once, up the gradient of the objective.

        Args:
            utility: of the episodes of each pair, [K, 2].
            noise: of each pair, [K, P].
            noise_stddev: standard deviation of the noise.
        """
        parameters = self.parameters.cpu().numpy()
        gradient = functional.antithetic_gradient(utility, noise, noise_stddev, parameters, self.config.l2_penalty)
        gradient[self.frozen] = 0.0
        self.gradient.copy_(-self.model.tensor(gradient))
        lr = self.present(self.config.lr)
        if self.config.optimizer == "adam":
            self.optimizer.step(lr)
        else:
            self.parameters.sub_(self.gradient, alpha=lr)
        if not bool(self.parameters.norm().isfinite()):  # nobody can act with them
            raise TrainingError(
                f"The parameters grew beyond all bounds in epoch {self.epoch + 1}; the best state until then is kept. "
                "Lower the learning rate."
            )

    def gather(self) -> int:
        """Let wrappers gather statistics of what the policy meets, where they do, and return the steps that it took."""
        return self.collector.collect().n_steps if self.collector.env.gathers else 0

    def steps_of_update(self) -> int:
        """Return how many environment steps the last update took, those for statistics included."""
        return self._n_steps_of_update

    def drain_episodes(self) -> EpisodeBatch:
        """Return, and forget, the episodes that were played since the last call."""
        returns, lengths, gathered = (
            np.array(self._returns),
            np.array(self._lengths, np.int64),
            super().drain_episodes(),
        )
        self._returns, self._lengths = [], []
        return EpisodeBatch(
            returns=np.concatenate([returns, gathered.returns]),
            lengths=np.concatenate([lengths, gathered.lengths]),
            env_index=np.concatenate([np.zeros_like(lengths), gathered.env_index]),
            end_step=np.concatenate([lengths, gathered.end_step]),
        )

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of events since the last call."""
        stats, self._event_stats = self._event_stats, EventStats()
        stats.add(super().drain_event_stats())
        return stats

    def close(self) -> None:
        """Close the workers and the environments for statistics."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None
        super().close()

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on.

        Of an epoch that is going on, the events until now are left out: events in its statistics are those of its rest.
        """
        episodes = {"returns": list(self._returns), "lengths": list(self._lengths)}
        return {**super().state_dict(), "optimizer": self.optimizer.state_dict(), "episodes": episodes}

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        super().load_state_dict(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self._returns, self._lengths = (list(state["episodes"][name]) for name in ("returns", "lengths"))
        self._event_stats = EventStats()
