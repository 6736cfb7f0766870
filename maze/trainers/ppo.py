"""Proximal policy optimisation (PPO), with the clipped surrogate objective.

Objective: ``E[min(r * A, clip(r, 1 - c, 1 + c) * A)] + c_e * H(pi) - c_v * (V(s) - R)^2`` with the probability ratio
r between the learned and the acting policy, maximised over several epochs of minibatches of the same experience.

Source: Schulman et al., Proximal Policy Optimization Algorithms, 2017.
Deviations: the value loss is not clipped (Andrychowicz et al., 2021, found no gain); advantages are normalised over the
whole batch rather than over each minibatch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from maze import functional
from maze.trainers.on_policy import OnPolicyConfig, OnPolicyTrainer, metrics_of
from maze.trainers.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from maze.rollout import Rollout
    from maze.types import Array

__all__ = ["PPO", "PPOAlgorithmConfig"]


@dataclass(frozen=True, kw_only=True)
class PPOAlgorithmConfig(OnPolicyConfig):
    """Settings of PPO; the other fields are explained in :class:`OnPolicyConfig` and :class:`AlgorithmConfig`.

    Attributes:
        batch_size: rows of a minibatch; the last one of an epoch holds what is left.
        n_optimization_epochs: how often the same experience is gone through.
        clip_range: how far the probability ratio may leave 1 before the objective stops rewarding it; a number or a
            schedule.
    """

    trainer: ClassVar[str] = "maze.trainers.ppo.PPO"

    batch_size: Annotated[int, Field(ge=1)] = 256
    n_optimization_epochs: Annotated[int, Field(ge=1)] = 4
    clip_range: Annotated[float, Field(gt=0.0, le=10.0)] | Schedule = 0.2


class PPO(OnPolicyTrainer[PPOAlgorithmConfig]):
    """Several epochs of clipped minibatch steps on each rollout."""

    def update(self) -> Mapping[str, Tensor | float]:
        """Collect, estimate advantages, go through the experience in shuffled minibatches.

        Losses, entropy, divergence and the gradient's norm are those of the last minibatch.
        """
        rollout = self.collector.collect()
        n_steps, n_envs = rollout.reward.shape
        value = self.critic.predict(rollout.flat_observation(with_last=True)).reshape(n_steps + 1, n_envs)
        advantage = self.advantages(rollout, value)
        target = advantage + value[:-1]
        batch = self.batch(rollout, advantage, target)
        measured: Mapping[str, Tensor | float] = {}
        steepness: Mapping[str, Tensor | float] = {}
        for _ in range(self.config.n_optimization_epochs):
            permutation = self.model.tensor(self.generator.permutation(rollout.n_steps))
            for minibatch in functional.minibatches(batch, permutation, self.config.batch_size):
                loss, measured = self.loss(minibatch)
                steepness = self.step(loss)
        return {**measured, **steepness, "value/explained_variance": functional.explained_variance(value[:-1], target)}

    def batch(self, rollout: Rollout, advantage: Array, target: Array) -> dict[str, Tensor]:
        """Return what to learn from, rows [T * N]: observations, actions, advantages, targets, old log probabilities.

        Args:
            rollout: T steps of N environments.
            advantage: as estimated, float32 [T, N]; normalised here.
            target: what the critic should have said, float32 [T, N].
        """
        if self.config.normalize_advantages:
            advantage = functional.normalize(advantage)
        observation = self.model.tensors(rollout.flat_observation(with_last=False))
        action = self.model.tensors(rollout.flat_action())
        return {
            **{f"observation/{key}": rows for key, rows in observation.items()},
            **{f"action/{key}": rows for key, rows in action.items()},
            "log_prob_old": self.model.log_prob(observation, action),
            "advantage": self.model.tensor(advantage.reshape(-1)),
            "target": self.model.tensor(target.reshape(-1)),
        }

    def loss(self, minibatch: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the loss of one minibatch and what is worth watching."""
        observation = _part(minibatch, "observation/")
        distribution = self.model.policy.distribution(observation)
        log_prob = distribution.log_prob(_part(minibatch, "action/"))
        log_prob_old = minibatch["log_prob_old"]
        policy_loss = functional.clipped_surrogate_loss(
            log_prob, log_prob_old, minibatch["advantage"], self.present(self.config.clip_range)
        )
        value_loss = functional.value_loss(self.critic.value(observation), minibatch["target"])
        entropy = distribution.entropy().mean()
        divergence = functional.approximate_kl(log_prob.detach(), log_prob_old)
        measured = {**metrics_of(policy_loss, value_loss, entropy), "policy/approximate_kl": divergence}
        return self.total_loss(policy_loss, value_loss, entropy), measured


def _part(minibatch: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): rows for name, rows in minibatch.items() if name.startswith(prefix)}
