"""Advantage actor-critic (A2C).

Objective: ``E[log pi(a|s) * A(s, a)] + c_e * H(pi) - c_v * (V(s) - R)^2`` with advantages A and returns R from
generalised advantage estimation, maximised by one gradient step on each batch of experience.

Source: Mnih et al., Asynchronous Methods for Deep Reinforcement Learning, 2016, in its synchronous form.
Deviations: Adam instead of RMSProp; generalised advantage estimates, which with ``gae_lambda=1`` are the paper's n-step
returns; on request, advantages are normalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from maze import functional
from maze.trainers.on_policy import OnPolicyConfig, OnPolicyTrainer, UnitInterval, metrics_of

if TYPE_CHECKING:
    from torch import Tensor

    from maze.distributions import DictDistribution
    from maze.rollout import Rollout

__all__ = ["A2C", "A2CAlgorithmConfig"]


@dataclass(frozen=True, kw_only=True)
class A2CAlgorithmConfig(OnPolicyConfig):
    """Settings of A2C; the fields are explained in :class:`OnPolicyConfig` and :class:`AlgorithmConfig`."""

    trainer: ClassVar[str] = "maze.trainers.a2c.A2C"

    epoch_length: Annotated[int, Field(ge=1)] = 250
    n_rollout_steps: Annotated[int, Field(ge=1)] = 5
    gae_lambda: UnitInterval = 1.0
    normalize_advantages: bool = False


class A2C(OnPolicyTrainer[A2CAlgorithmConfig]):
    """One gradient step on each rollout of the current policy."""

    def update(self) -> Mapping[str, Tensor | float]:
        """Collect, estimate advantages, take one gradient step."""
        rollout = self.collector.collect()
        value = self.value(rollout)
        value_array = value.detach().cpu().numpy().reshape(-1, rollout.reward.shape[1])  # [T + 1, N]
        advantage = self.advantages(rollout, value_array)
        target = advantage + value_array[:-1]
        if self.config.normalize_advantages:
            advantage = functional.normalize(advantage)

        distribution = self.distribution(rollout)
        log_prob = distribution.log_prob(self.model.tensors(rollout.flat_action()))
        policy_loss = functional.policy_gradient_loss(log_prob, self.model.tensor(advantage.reshape(-1)))
        value_loss = functional.value_loss(value[: rollout.n_steps], self.model.tensor(target.reshape(-1)))
        entropy = distribution.entropy().mean()
        steepness = self.step(self.total_loss(policy_loss, value_loss, entropy))
        return {**metrics_of(policy_loss, value_loss, entropy), **steepness}

    def value(self, rollout: Rollout) -> Tensor:
        """Return the critic's opinion of every observation, the last ones included, with gradients [(T + 1) * N]."""
        if self.recurrence is not None:
            return self.recurrence.value(rollout).flatten()
        return self.critic.value(self.model.tensors(rollout.flat_observation(with_last=True)))

    def distribution(self, rollout: Rollout) -> DictDistribution:
        """Return the distribution over the actions of all steps, rows [T * N], with gradients."""
        if self.recurrence is not None:
            return self.recurrence.distribution(rollout)[0]
        return self.model.policy.distribution(self.model.tensors(rollout.flat_observation(with_last=False)))
