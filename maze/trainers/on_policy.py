"""What A2C, PPO and IMPALA share: settings, what steps lead to, advantages, and one gradient step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import numpy as np
from pydantic import Field

from maze import agents, functional
from maze.errors import InvalidSpecificationError
from maze.trainers.base import AlgorithmConfig, Trainer, TrainerParts
from maze.trainers.schedules import Schedule
from maze.types import Array, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents.joint_pass import Look
    from maze.rollout import Rollout
    from maze.trainers.recurrence import Recurrence

__all__ = ["NonNegative", "OnPolicyConfig", "OnPolicyTrainer", "Positive", "UnitInterval", "metrics_of"]

UnitInterval = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class OnPolicyConfig(AlgorithmConfig):
    """Fields that A2C, PPO and IMPALA share.

    Attributes:
        n_rollout_steps: steps of each environment between updates.
        lr: learning rate of Adam; a number or a :class:`Schedule`.
        gamma: discount of a reward one step later.
        gae_lambda: 0 bootstraps after one step, 1 uses the whole observed return.
        policy_loss_coef: weight of the policy's loss.
        value_loss_coef: weight of the critic's loss.
        entropy_coef: weight of the entropy bonus, which keeps the policy exploring; a number or a schedule.
        max_grad_norm: largest Euclidean norm of the gradient; 0 does not clip.
        normalize_advantages: shift and scale each update's advantages to mean 0 and standard deviation 1.
        critic_burn_in_epochs: first epochs that train the critic alone; ``patience`` counts from their end, and Adam
            begins anew there.
        deterministic_eval: set ``deterministic`` of the evaluator; None leaves it (a former spelling).
        eval_repeats: set ``n_episodes`` of the evaluator; None leaves it (a former spelling).
    """

    needs_critic: ClassVar[bool] = True
    trains_state: ClassVar[bool] = True

    n_rollout_steps: Annotated[int, Field(ge=1)] = 128
    lr: Positive | Schedule = 0.001
    gamma: UnitInterval = 0.99
    gae_lambda: UnitInterval = 0.95
    policy_loss_coef: NonNegative = 1.0
    value_loss_coef: NonNegative = 0.5
    entropy_coef: NonNegative | Schedule = 0.0
    max_grad_norm: NonNegative = 0.5
    normalize_advantages: bool = True
    critic_burn_in_epochs: Annotated[int, Field(ge=0)] = 0
    deterministic_eval: bool | None = None
    eval_repeats: Annotated[int, Field(ge=1)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.critic_burn_in_epochs >= self.n_epochs > 0:
            raise InvalidSpecificationError(
                f"algorithm.critic_burn_in_epochs: {self.critic_burn_in_epochs} is not accepted; accepted: less than "
                f"algorithm.n_epochs, which is {self.n_epochs}, since the policy learns nothing before."
            )

    @property
    def evaluator_settings(self) -> dict[str, int | bool]:
        """What the former spellings of the evaluator's settings ask for."""
        settings: dict[str, int | bool] = {}
        if self.eval_repeats is not None:
            settings["n_episodes"] = self.eval_repeats
        if self.deterministic_eval is not None:
            settings["deterministic"] = self.deterministic_eval
        return settings


ConfigT = TypeVar("ConfigT", bound=OnPolicyConfig)


class OnPolicyTrainer(Trainer[ConfigT]):
    """Learns from the experience of the current policy, which is thrown away after the update."""

    def __init__(self, config: ConfigT, parts: TrainerParts) -> None:
        if parts.model.critic is None:
            raise InvalidSpecificationError(
                f"critic: {type(config).__name__} needs a critic and model.critic is null; "
                "pass critic='template_state' (with model='vector_obs') or critic='flatten_concat'."
            )
        if not isinstance(parts.model.critic, agents.TorchStateCritic):
            raise InvalidSpecificationError(
                f"critic: {type(config).__name__} needs a critic of states; model.critic is one of actions "
                f"({type(parts.model.critic).__name__}). Pass critic='template_state' or critic='flatten_concat'."
            )
        super().__init__(config, parts)
        self.critic = parts.model.critic
        self.recurrence: Recurrence | None = None
        if parts.model.has_state:
            from maze.trainers.recurrence import Recurrence  # noqa: PLC0415  (loads torch, which composing must not)

            self.recurrence = Recurrence(parts.model, self.critic, self.collector.env.n_envs)
        self.joint = agents.JointPass(parts.model.policy, self.critic)
        self.optimizer = agents.Adam(parts.model.flat_parameters, parts.model.flat_gradient)

    @property
    def policy_weight(self) -> float:
        """1, or 0 while the critic is trained alone."""
        return 0.0 if self.epoch < self.config.critic_burn_in_epochs else 1.0

    @property
    def first_epoch_that_counts(self) -> int:
        """Patience begins with the policy's training; what is evaluated before is always the same."""
        return self.config.critic_burn_in_epochs

    def begin_epoch(self) -> None:
        """Let the optimiser begin anew where the policy does: the burn-in's steps would make its first ones too large.

        Moments of a policy without gradients are 0, and what corrects them as long as steps are few would no longer.
        """
        if self.epoch == self.config.critic_burn_in_epochs > 0:
            self.optimizer.begin_anew()

    def advantages(self, rollout: Rollout, value: Array) -> Array:
        """Return generalised advantage estimates, [T, N].

        Args:
            rollout: T steps of N environments.
            value: the critic's opinion of every observation, the last ones included, float32 [T + 1, N].
        """
        next_value, discount, carry = self.outcomes(rollout, value)
        return functional.gae(rollout.reward, value[:-1], next_value, discount, carry, self.config.gae_lambda)

    def outcomes(self, rollout: Rollout, value: Array) -> tuple[Array, Array, Array]:
        """Return what the steps of a rollout lead to: next values, discounts and carries, each float32 [T, N].

        The next value of a truncated step is that of its true last observation, a terminated step's discount is 0, and
        neither carries on to the next step.

        Args:
            rollout: T steps of N environments.
            value: the critic's opinion of every observation, the last ones included, float32 [T + 1, N].
        """
        n_steps, n_envs = rollout.reward.shape
        next_value = value[1:].copy()
        if len(rollout.truncated_index):
            if self.recurrence is None:
                truncated_value = self.critic.predict(rollout.truncated_observation)
            else:
                truncated_value = self.recurrence.truncated_value(rollout)
            next_value.reshape(n_steps * n_envs)[rollout.truncated_index] = truncated_value
        gamma = np.float32(self.config.gamma)
        discount = np.where(rollout.terminated, np.float32(0.0), gamma)
        carry = (~(rollout.terminated | rollout.truncated)).astype(np.float32)
        return next_value, discount, carry

    def step(self, look: Look, of_log_prob: Tensor, of_value: Tensor) -> Mapping[str, Tensor | float]:
        """Change the parameters once, down the gradient of ``c_p * policy_loss + c_v * value_loss - c_e * entropy``.

        Args:
            look: at the actions and observations that are learned from.
            of_log_prob: gradient of the policy's loss with respect to the actions' log probabilities, [A]; changed.
            of_value: gradient of the critic's loss with respect to the values of the first rows; changed.

        Returns:
            How far, and how steep it was.
        """
        config, weight = self.config, self.policy_weight
        self.model.zero_gradients()
        look.backward(
            of_log_prob.mul_(config.policy_loss_coef) if weight else None,
            -self.present(config.entropy_coef),
            of_value.mul_(config.value_loss_coef),
        )
        learning_rate = self.present(config.lr)
        norm = self.optimizer.step(learning_rate, config.max_grad_norm)
        rate = {"policy/learning_rate": learning_rate}
        return rate if norm is None else {**rate, "policy/gradient_norm": norm}

    def look_at(self, rollout: Rollout, *, learn: bool) -> Look:
        """Look at a whole rollout at once: the actions of all steps, and all observations, the last ones included.

        Args:
            rollout: T steps of N environments.
            learn: keep what gradients need.
        """
        if self.recurrence is not None:
            return self.recurrence.look_at(rollout)
        observation = self.model.tensors(rollout.flat_observation(with_last=True))
        return self.joint.look(observation, self.model.tensors(rollout.flat_action()), learn=learn)

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on."""
        critic_state = None if self.recurrence is None else self.recurrence.state_dict()
        return {**super().state_dict(), "optimizer": self.optimizer.state_dict(), "critic_state": critic_state}

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        super().load_state_dict(state)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.recurrence is not None:
            self.recurrence.load_state_dict(state["critic_state"])


def metrics_of(policy_loss: Tensor, value_loss: Tensor, look: Look) -> Mapping[str, Tensor]:
    """Return losses and mean entropy under the names that all on-policy algorithms use, detached from the graph."""
    return {
        "loss/policy": policy_loss,
        "loss/value": value_loss,
        "policy/entropy": look.distribution.entropy().detach().mean(),
    }
