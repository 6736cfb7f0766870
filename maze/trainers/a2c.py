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
        n_steps, n_envs = rollout.reward.shape
        n_rows = n_steps * n_envs
        observation = self.model.tensors(rollout.flat_observation(with_last=True))
        value = self.critic.value(observation)
        value_array = value.detach().cpu().numpy().reshape(n_steps + 1, n_envs)
        advantage = self.advantages(rollout, value_array)
        target = advantage + value_array[:-1]
        if self.config.normalize_advantages:
            advantage = functional.normalize(advantage)

        distribution = self.model.policy.distribution({key: rows[:n_rows] for key, rows in observation.items()})
        log_prob = distribution.log_prob(self.model.tensors(rollout.flat_action()))
        policy_loss = functional.policy_gradient_loss(log_prob, self.model.tensor(advantage.reshape(-1)))
        value_loss = functional.value_loss(value[:n_rows], self.model.tensor(target.reshape(-1)))
        entropy = distribution.entropy().mean()
        steepness = self.step(self.total_loss(policy_loss, value_loss, entropy))
        return {**metrics_of(policy_loss, value_loss, entropy), **steepness}
