"""Importance-weighted actor-learner architecture (IMPALA): actors play with older parameters than the learner has.

Objective: ``E[rho * log pi(a|s) * A(s, a)] + c_e * H(pi) - c_v * (V(s) - v)^2`` with V-trace targets v, advantages A
made of them, and ratios rho between the policy that is learned and the one that acted, cut off above; maximised by one
gradient step on each batch of the actors' rollouts.

Source: Espeholt et al., IMPALA: Scalable Distributed Deep-RL with Importance Weighted Actor-Learner Architectures,
2018.
Deviations: Adam instead of RMSProp; losses are means over steps, not sums; rewards are not clipped. By default actors
are a fixed number of updates behind, so that a run can be repeated to the last bit, whatever plays them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from maze import functional, rollout, statistics
from maze.rollout.memory import reserving
from maze.seeding import MAX_SEED
from maze.trainers.algorithm import EpochListener, TrainingSummary
from maze.trainers.base import TrainerParts
from maze.trainers.on_policy import OnPolicyConfig, OnPolicyTrainer, Positive, metrics_of
from maze.types import FLOAT, Array, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.rollout import ActorPlan, Rollout
    from maze.statistics import EpisodeBatch, EventStats

__all__ = ["IMPALA", "ImpalaAlgorithmConfig"]


@dataclass(frozen=True, kw_only=True)
class ImpalaAlgorithmConfig(OnPolicyConfig):
    """Settings of IMPALA; the other fields are explained in :class:`OnPolicyConfig` and :class:`AlgorithmConfig`.

    Attributes:
        num_actors: actors, which share the environments of ``runner.concurrency``; at most one for each of them.
            Results depend on it, and not on how many workers the actors are on.
        actors_batch_size: rollouts of actors in one update; None takes as many as there are actors.
        queue_out_of_sync_factor: how many updates old the parameters are that acted, which is how many batches are
            played while the learner learns; 0 makes actors and learner wait for each other.
        asynchronous: take whichever rollout is there first, rather than all in the order in which they were asked for.
            Actors of different speed then lose no time, and a run never comes out the same twice.
        vtrace_clip_rho_threshold: largest weight of a step in the critic's targets.
        vtrace_clip_pg_rho_threshold: largest weight of a step in the policy gradient.
        gae_lambda: weight of longer estimates in V-trace; the paper's is 1.
    """

    trainer: ClassVar[str] = "maze.trainers.impala.IMPALA"
    has_actors: ClassVar[bool] = True
    trains_state: ClassVar[bool] = False

    epoch_length: Annotated[int, Field(ge=1)] = 60
    n_rollout_steps: Annotated[int, Field(ge=1)] = 20
    gae_lambda: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    normalize_advantages: bool = False
    num_actors: Annotated[int, Field(ge=1)] = 2
    actors_batch_size: Annotated[int, Field(ge=1)] | None = None
    queue_out_of_sync_factor: Annotated[int, Field(ge=0)] = 1
    asynchronous: bool = False
    vtrace_clip_rho_threshold: Positive = 1.0
    vtrace_clip_pg_rho_threshold: Positive = 1.0

    @property
    def repeatable(self) -> bool:
        """Whether the same seed gives the same bits."""
        return not self.asynchronous


class IMPALA(OnPolicyTrainer[ImpalaAlgorithmConfig]):
    """One gradient step on each batch of what actors played with older parameters.

    The environment of the collector holds the normalisation statistics of all actors, and is not played with.
    """

    def __init__(self, config: ImpalaAlgorithmConfig, parts: TrainerParts) -> None:
        super().__init__(config, parts)
        self.learning_draws, self.draws = self.draws, None  # actors have their own, and play while this one flows
        seeds = rollout.split_seeds(parts.seeds, config.num_actors)
        self.batch_size = config.actors_batch_size or len(seeds)
        self.n_under_way = (config.queue_out_of_sync_factor + 1) * self.batch_size
        with reserving("algorithm.queue_out_of_sync_factor", f"{self.n_under_way} rollouts under way"):
            np.empty((self.n_under_way, config.n_rollout_steps), FLOAT)  # the rewards alone
        self.version = 0  # of the parameters: gradient steps since the run began
        self._first_env = np.cumsum([0, *map(len, seeds)]).tolist()
        self._episodes: list[StateDict] = []  # that ended in the rollouts of this epoch
        self._n_steps_of_update = 0
        self._buffers = dict(self.model.named_buffers())
        action_seed = int(parts.collector.generator.integers(MAX_SEED + 1))

        def plan() -> ActorPlan:
            return rollout.ActorPlan(
                model=copy.deepcopy(self.model).to("cpu"),
                make_vector_env=parts.make_vector_env,
                n_steps=config.n_rollout_steps,
                seeds=seeds,
                action_seed=action_seed,
                draws_globally=self.learning_draws is not None,
            )

        depth = math.ceil(self.n_under_way / len(seeds))
        self.pool = rollout.ActorPool(parts.make_workers, plan, len(seeds), depth, in_order=not config.asynchronous)

    def update(self) -> Mapping[str, Tensor | float]:
        """Ask for rollouts, take those that were asked for earlier, correct for their age, take one gradient step."""
        rollouts = self.collect()
        batch = rollout.batch_rollouts([rollout.Rollout(**played["rollout"]) for played in rollouts])
        log_prob_old = np.concatenate([played["log_prob"] for played in rollouts], axis=1)
        with self.learning_draws.flowing() if self.learning_draws is not None else nullcontext():
            measured = self.learn(batch, log_prob_old)
        age = float(np.mean([self.version - played["version"] for played in rollouts]))
        self.version += 1
        return {**measured, "policy/age": age}

    def collect(self) -> list[StateDict]:
        """Return the next rollouts, and keep the episodes and statistics that they bring.

        Returns:
            As many as make a batch; see ``ActorHost.play``.
        """
        env = self.collector.env
        n_missing = self.n_under_way - self.pool.n_under_way
        parameters = rollout.plain_parameters(self.model.flat_parameters, self._buffers)
        self.pool.ask(n_missing, parameters, env.statistics_state(), self.version)
        rollouts = self.pool.take(self.batch_size)
        for played in rollouts:
            env.merge_statistics(played["statistics"])
            episodes = played["episodes"]
            first = self._first_env[played["actor"]]
            self._episodes.append({**episodes, "env_index": episodes["env_index"] + first})
        env.update_statistics()
        self._n_steps_of_update = sum(played["log_prob"].size for played in rollouts)
        return rollouts

    def learn(self, batch: Rollout, log_prob_old: Array) -> Mapping[str, Tensor | float]:
        """Take one gradient step on a batch, and return what is worth watching.

        Args:
            batch: T steps of N environments.
            log_prob_old: log probabilities of the actions under the parameters that acted, float32 [T, N].
        """
        look = self.look_at(batch, learn=True)
        log_ratio = look.log_prob.cpu().numpy().reshape(log_prob_old.shape) - log_prob_old
        value_array = look.value.cpu().numpy().reshape(-1, log_prob_old.shape[1])
        target_array, advantage_array = self.targets(batch, value_array, log_ratio)
        if self.config.normalize_advantages:
            advantage_array = functional.normalize(advantage_array)

        target, advantage, log_prob_before = (
            self.model.tensor(array.reshape(-1)) for array in (target_array, advantage_array, log_prob_old)
        )
        value = look.value[: len(target)]
        losses = functional.policy_gradient_loss(look.log_prob, advantage), functional.value_loss(value, target)
        self.step(look, advantage / -len(advantage), functional.value_gradient(value, target))
        divergence = functional.approximate_kl(look.log_prob, log_prob_before)
        return {**metrics_of(*losses, look), "policy/approximate_kl": divergence}

    def targets(self, batch: Rollout, value: Array, log_ratio: Array) -> tuple[Array, Array]:
        """Return what the critic should say and how much better the actions were than it says, float32 [T, N] each.

        Args:
            batch: T steps of N environments.
            value: the critic's opinion of every observation, the last ones included, float32 [T + 1, N].
            log_ratio: log probabilities of the actions now, minus those when they were taken, float32 [T, N].
        """
        next_value, discount, carry = self.outcomes(batch, value)
        return functional.vtrace(
            batch.reward,
            value[:-1],
            next_value,
            discount,
            carry,
            log_ratio,
            clip_rho=self.config.vtrace_clip_rho_threshold,
            clip_pg_rho=self.config.vtrace_clip_pg_rho_threshold,
            trace_lambda=self.config.gae_lambda,
        )

    # --- the epoch loop's questions -----------------------------------------------------------------------------

    def train(
        self,
        n_epochs: int | None = None,
        *,
        listeners: Sequence[EpochListener] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> TrainingSummary:
        """Train and return how it ended; see `Trainer.train`. Actors are closed where that was not its own end."""
        try:
            summary = super().train(n_epochs, listeners=listeners, should_stop=should_stop)
        except BaseException:
            if self._epoch_start is not None or not self.pool.is_whole:
                self.pool.close()
            raise
        if summary.reason == "stopped":
            state = self.pool.state_dict()
            if not self._begin_anew(state):
                self.pool.load_state_dict(state)  # which closes the actors, and loses nothing
        return summary

    def steps_of_update(self) -> int:
        """Return how many environment steps the last update learned from."""
        return self._n_steps_of_update

    def drain_episodes(self) -> EpisodeBatch:
        """Return, and forget, the episodes that ended in the rollouts that were learned from."""
        empty = statistics.EpisodeBatch(np.zeros(0), *(np.zeros(0, np.int64) for _ in range(3)))
        batches = [empty, *(statistics.EpisodeBatch(**episodes) for episodes in self._episodes)]
        self._episodes = []
        names = ("returns", "lengths", "env_index", "end_step")
        return statistics.EpisodeBatch(
            **{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names}
        )

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what the actors' environments tell of their events until now."""
        return self.pool.drain_event_stats(self._first_env)

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether a state lacks environments of actors, so that they begin new episodes."""
        return self._begin_anew(state["pool"])

    def _begin_anew(self, pool: StateDict) -> bool:
        collectors = [actor["collector"] for actor in pool["actors"] or ()]
        return any(part["started"] and self.collector.env.begins_anew(part["env"]) for part in collectors)

    def close(self) -> None:
        """Close the actors, and the environments that gather statistics."""
        self.pool.close()
        super().close()

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on; waits for the rollouts that are under way."""
        return {
            **super().state_dict(),
            "learning_draws": self.learning_draws.state if self.learning_draws is not None else None,
            "version": self.version,
            "episodes": list(self._episodes),
            "pool": self.pool.state_dict(),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        super().load_state_dict(state)
        if self.learning_draws is not None and state["learning_draws"] is not None:
            self.learning_draws.state = state["learning_draws"]
        self.version = int(state["version"])
        self._episodes = list(state["episodes"])
        self.pool.load_state_dict(state["pool"])
