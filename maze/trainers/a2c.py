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

    from maze.agents.joint_pass import Look

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
        look = self.look_at(rollout, learn=True)
        value_array = look.value.cpu().numpy().reshape(-1, rollout.reward.shape[1])  # [T + 1, N]
        advantage = self.advantages(rollout, value_array)
        target = advantage + value_array[:-1]
        if self.config.normalize_advantages:
            advantage = functional.normalize(advantage)
        return self.learn(look, self.model.tensor(advantage.reshape(-1)), self.model.tensor(target.reshape(-1)))

    def learn(self, look: Look, advantage: Tensor, target: Tensor) -> Mapping[str, Tensor | float]:
        """Take one gradient step, and return what is worth watching.

        Args:
            look: at all steps of a rollout.
            advantage: of the actions, [T * N].
            target: what the critic should have said, [T * N].
        """
        value = look.value[: len(target)]
        policy_loss = functional.policy_gradient_loss(look.log_prob, advantage)
        value_loss = functional.value_loss(value, target)
        steepness = self.step(look, advantage / -len(advantage), functional.value_gradient(value, target))
        return {**metrics_of(policy_loss, value_loss, look), **steepness}
