"""Proximal policy optimisation (PPO), with the clipped surrogate objective.

Objective: ``E[min(r * A, clip(r, 1 - c, 1 + c) * A)] + c_e * H(pi) - c_v * (V(s) - R)^2`` with the probability ratio
r between the learned and the acting policy, maximised over several epochs of minibatches of the same experience.

Source: Schulman et al., Proximal Policy Optimization Algorithms, 2017.
Deviations: the value loss is not clipped (Andrychowicz et al., 2021, found no gain); advantages are normalised over the
whole batch rather than over each minibatch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from maze import functional
from maze.errors import InvalidSpecificationError
from maze.trainers.on_policy import OnPolicyConfig, OnPolicyTrainer, metrics_of
from maze.trainers.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents.joint_pass import Look
    from maze.rollout import Rollout
    from maze.types import Array

__all__ = ["PPO", "PPOAlgorithmConfig"]


@dataclass(frozen=True, kw_only=True)
class PPOAlgorithmConfig(OnPolicyConfig):
    """Settings of PPO; the other fields are explained in :class:`OnPolicyConfig` and :class:`AlgorithmConfig`.

    Attributes:
        batch_size: rows of a minibatch; the last one of an epoch holds what is left.
        n_optimization_epochs: how often the same experience is gone through.
        recurrent_sequence_length: of networks that carry state: steps of the sequences from which they learn, each from
            the state in which it was acted on, with gradients that end at its first step; a divisor of
            ``n_rollout_steps``. A minibatch has as many as fit into ``batch_size``, at least one. None takes whole
            rollouts; shorter ones learn faster, from what memory is good for within them.
        clip_range: how far the probability ratio may leave 1 before the objective stops rewarding it; a number or a
            schedule.
    """

    trainer: ClassVar[str] = "maze.trainers.ppo.PPO"

    batch_size: Annotated[int, Field(ge=1)] = 256
    n_optimization_epochs: Annotated[int, Field(ge=1)] = 4
    recurrent_sequence_length: Annotated[int, Field(ge=1)] | None = None
    clip_range: Annotated[float, Field(gt=0.0, le=10.0)] | Schedule = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        length = self.recurrent_sequence_length
        if length is not None and self.n_rollout_steps % length:
            raise InvalidSpecificationError(
                f"algorithm.recurrent_sequence_length: {length} is no divisor of algorithm.n_rollout_steps, which is "
                f"{self.n_rollout_steps}; accepted: {_divisors(self.n_rollout_steps)}, or null for whole rollouts."
            )


class PPO(OnPolicyTrainer[PPOAlgorithmConfig]):
    """Several epochs of clipped minibatch steps on each rollout."""

    @property
    def sequence_length(self) -> int:
        """Steps of the sequences from which networks that carry state learn."""
        return self.config.recurrent_sequence_length or self.config.n_rollout_steps

    def update(self) -> Mapping[str, Tensor | float]:
        """Collect, estimate advantages, go through the experience in shuffled minibatches.

        Losses, entropy, divergence and the gradient's norm are those of the last minibatch.
        """
        rollout = self.collector.collect()
        value, log_prob_old = self.assess(rollout)
        advantage = self.advantages(rollout, value)
        target = advantage + value[:-1]
        batch = self.batch(rollout, advantage, target, log_prob_old)
        steepness: Mapping[str, Tensor | float] = {}
        for _ in range(self.config.n_optimization_epochs):
            for minibatch in self.minibatches(batch):
                look = self.look(minibatch)
                steepness = self.step(look, *self.gradients(look, minibatch))
        explained = functional.explained_variance(value[:-1], target)
        return {**self.metrics(look, minibatch), **steepness, "value/explained_variance": explained}

    def assess(self, rollout: Rollout) -> tuple[Array, Tensor]:
        """Return what critic and policy thought, before anything is learned from the rollout.

        Returns:
            The critic's opinion of every observation, the last ones included, float32 [T + 1, N], and the log
            probabilities of the actions, rows [T * N].
        """
        if self.recurrence is not None:
            return self.recurrence.assess(rollout)
        look = self.look_at(rollout, learn=False)
        return look.value.cpu().numpy().reshape(-1, rollout.reward.shape[1]), look.log_prob

    def batch(self, rollout: Rollout, advantage: Array, target: Array, log_prob_old: Tensor) -> dict[str, Tensor]:
        """Return what to learn from: observations, actions, advantages, targets, old log probabilities.

        Rows are steps [T * N], or with networks that carry state sequences of steps, see :class:`Recurrence`.

        Args:
            rollout: T steps of N environments.
            advantage: as estimated, float32 [T, N]; normalised here.
            target: what the critic should have said, float32 [T, N].
            log_prob_old: as :meth:`assess` returned it.
        """
        if self.config.normalize_advantages:
            advantage = functional.normalize(advantage)
        if self.recurrence is not None:
            learned = {"advantage": advantage, "target": target}
            return self.recurrence.sequences(rollout, learned, log_prob_old, self.sequence_length)
        observation = self.model.tensors(rollout.flat_observation(with_last=False))
        action = self.model.tensors(rollout.flat_action())
        return {
            **{f"observation/{key}": rows for key, rows in observation.items()},
            **{f"action/{key}": rows for key, rows in action.items()},
            "log_prob_old": log_prob_old,
            "advantage": self.model.tensor(advantage.reshape(-1)),
            "target": self.model.tensor(target.reshape(-1)),
        }

    def minibatches(self, batch: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
        """Yield disjoint minibatches that together hold every step once."""
        permutation = self.model.tensor(self.generator.permutation(len(batch["advantage"])))
        if self.recurrence is None:
            yield from functional.minibatches(batch, permutation, self.config.batch_size)
            return
        n_sequences = max(self.config.batch_size // self.sequence_length, 1)
        for minibatch in functional.minibatches(batch, permutation, n_sequences):
            yield self.recurrence.rows(minibatch)

    def look(self, minibatch: Mapping[str, Tensor]) -> Look:
        """Look at all steps of a minibatch."""
        if self.recurrence is not None:
            return self.recurrence.look(minibatch)
        return self.joint.look(functional.part(minibatch, "observation/"), functional.part(minibatch, "action/"))

    def gradients(self, look: Look, minibatch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the gradients of both losses: with respect to each log probability, and to each value, [B]."""
        clip_range = self.present(self.config.clip_range)
        advantage, log_prob_old = minibatch["advantage"], minibatch["log_prob_old"]
        return (
            functional.clipped_surrogate_gradient(look.log_prob, log_prob_old, advantage, clip_range),
            functional.value_gradient(look.value, minibatch["target"]),
        )

    def metrics(self, look: Look, minibatch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return both losses of a minibatch and what else is worth watching."""
        clip_range, log_prob_old = self.present(self.config.clip_range), minibatch["log_prob_old"]
        policy_loss = functional.clipped_surrogate_loss(look.log_prob, log_prob_old, minibatch["advantage"], clip_range)
        losses = metrics_of(policy_loss, functional.value_loss(look.value, minibatch["target"]), look)
        return {**losses, "policy/approximate_kl": functional.approximate_kl(look.log_prob, log_prob_old)}


def _divisors(number: int) -> str:
    return ", ".join(str(divisor) for divisor in range(1, number + 1) if number % divisor == 0)
