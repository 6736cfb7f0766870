"""The pieces of soft actor-critic over flat batches ``[B]``, with K critics; pure, differentiable, no side effects.

The temperature weighs entropy against reward. Expectations over actions are estimated from one drawn action where
actions are continuous, and computed where they are discrete.
"""

from __future__ import annotations

from torch import Tensor

__all__ = [
    "one_step_target",
    "soft_value",
    "soft_value_of_discrete",
    "squared_error_of_critics",
    "temperature_gradient",
]


def soft_value(action_value: Tensor, log_prob: Tensor, temperature: Tensor | float) -> Tensor:
    """Return ``min_k Q_k(s, a) - temperature * log pi(a|s)`` of an action that was drawn from the policy, [B].

    Its negative mean is the policy's loss, where gradients flow through the drawn action.

    Args:
        action_value: every critic's value of that action, [K, B].
        log_prob: its log probability, [B].
        temperature: a number, or a tensor without axes.

    Source: Haarnoja et al., Soft Actor-Critic Algorithms and Applications, 2018, eq. 3.
    """
    return action_value.amin(0) - temperature * log_prob


def soft_value_of_discrete(action_value: Tensor, log_prob: Tensor, temperature: Tensor | float) -> Tensor:
    """Return the expectation ``sum_a pi(a|s) * (min_k Q_k(s, a) - temperature * log pi(a|s))``, [B].

    Args:
        action_value: every critic's value of every action, [K, B, A].
        log_prob: the policy's log probability of every action, [B, A]; probabilities of 0 are finite, very negative.
        temperature: a number, or a tensor without axes.

    Source: Christodoulou, Soft Actor-Critic for Discrete Action Settings, 2019, eq. 10 and 12.
    """
    return (log_prob.exp() * (action_value.amin(0) - temperature * log_prob)).sum(-1)


def one_step_target(reward: Tensor, discount: Tensor, next_value: Tensor) -> Tensor:
    """Return ``reward + discount * next_value``, [B].

    Args:
        reward: [B].
        discount: gamma, or 0 where the step terminated its episode, [B]; a truncated step is discounted like others.
        next_value: value of what the step led to, before any reset, [B].
    """
    return reward.addcmul(discount, next_value)


def squared_error_of_critics(action_value: Tensor, target: Tensor) -> Tensor:
    """Return half the mean squared error, summed over the critics.

    Args:
        action_value: every critic's value of the action that was taken, [K, B].
        target: what they should have said, constant, [B].

    Source: Haarnoja et al., 2018, eq. 5.
    """
    error = action_value - target
    return (error * error).sum() * (0.5 / target.shape[0])


def temperature_gradient(entropy: Tensor, target_entropy: Tensor | float) -> Tensor:
    """Return ``mean(entropy - target_entropy)``, without axes: going down it raises the temperature below the target.

    It is the gradient of ``log_temperature * (entropy - target_entropy)`` with respect to the logarithm of the
    temperature.

    Args:
        entropy: of the policy, or its estimate ``-log pi(a|s)``, [B].
        target_entropy: what the entropy should be, in nats; for all states, or for each, [B].

    Source: Haarnoja et al., 2018, section 5, with the logarithm in the temperature's place, as in the authors' own
    code: steps are as large for small temperatures.
    """
    if isinstance(target_entropy, Tensor):
        return (entropy - target_entropy).mean()
    return entropy.mean() - target_entropy
