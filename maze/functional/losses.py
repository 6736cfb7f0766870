"""Losses of policy-gradient methods over flat batches ``[B]``; pure, differentiable, no side effects."""

from __future__ import annotations

from torch import Tensor

__all__ = [
    "approximate_kl",
    "clipped_surrogate_gradient",
    "clipped_surrogate_loss",
    "policy_gradient_loss",
    "value_gradient",
    "value_loss",
]


def policy_gradient_loss(log_prob: Tensor, advantage: Tensor) -> Tensor:
    """Return ``-mean(log_prob * advantage)``, whose gradient is the policy gradient.

    Args:
        log_prob: log probability of the actions that were taken, [B].
        advantage: constant with respect to the policy, [B].

    Source: Sutton et al., Policy Gradient Methods for Reinforcement Learning with Function Approximation, 1999.
    """
    return -(log_prob * advantage).mean()


def clipped_surrogate_loss(log_prob: Tensor, log_prob_old: Tensor, advantage: Tensor, clip_range: float) -> Tensor:
    """Return the negative clipped surrogate objective ``-mean(min(r * A, clip(r, 1 - c, 1 + c) * A))``.

    Args:
        log_prob: log probability under the policy that is learned, [B].
        log_prob_old: log probability under the policy that acted, [B].
        advantage: constant with respect to the policy, [B].
        clip_range: c, how far the probability ratio r may move the objective.

    Source: Schulman et al., Proximal Policy Optimization Algorithms, 2017, eq. 7.
    """
    ratio = (log_prob - log_prob_old).exp()
    clipped = ratio.clamp(1.0 - clip_range, 1.0 + clip_range)
    return -(ratio * advantage).min(clipped * advantage).mean()


def clipped_surrogate_gradient(log_prob: Tensor, log_prob_old: Tensor, advantage: Tensor, clip_range: float) -> Tensor:
    """Return the gradient of ``clipped_surrogate_loss`` with respect to each log probability, [B].

    It is ``-r * A / B``, and 0 where the ratio has left its range in the direction that the advantage rewards.

    Args:
        log_prob: as for the loss; so are the others.
        log_prob_old: log probability under the policy that acted, [B].
        advantage: constant with respect to the policy, [B].
        clip_range: c.
    """
    ratio = (log_prob - log_prob_old).exp_()
    clipped = ratio.clamp(1.0 - clip_range, 1.0 + clip_range).mul_(advantage)
    surrogate = ratio.mul_(advantage)
    return surrogate.mul_(surrogate <= clipped).mul_(-1.0 / len(log_prob))


def value_gradient(value: Tensor, target: Tensor) -> Tensor:
    """Return the gradient of ``value_loss`` with respect to each value, [B]."""
    return (value - target).mul_(2.0 / len(value))


def value_loss(value: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error between predicted values and their targets, both [B]."""
    error = value - target
    return (error * error).mean()


def approximate_kl(log_prob: Tensor, log_prob_old: Tensor) -> Tensor:
    """Return the low-variance, non-negative estimate ``mean(r - 1 - log r)`` of KL(old || new), as a scalar tensor.

    Source: Schulman, Approximating KL Divergence, 2020 (the estimator k3).
    """
    log_ratio = log_prob - log_prob_old
    return (log_ratio.exp() - 1.0 - log_ratio).mean()
