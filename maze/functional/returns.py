"""Returns and advantages over time-major arrays ``[T, N]`` of T steps in N environments.

All functions take discounts, not done flags: ``discount[t] = gamma * (1 - terminated[t])``. Truncation is not
termination: the value of the true last observation is bootstrapped, and only the chain to the next step is cut.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["explained_variance", "gae", "normalize", "vtrace"]

FloatArray = npt.NDArray[np.float32]


def gae(
    reward: FloatArray,
    value: FloatArray,
    next_value: FloatArray,
    discount: FloatArray,
    carry: FloatArray,
    gae_lambda: float,
) -> FloatArray:
    """Return generalised advantage estimates, exponentially weighted sums of temporal-difference errors.

    ``delta[t] = reward[t] + discount[t] * next_value[t] - value[t]`` and
    ``advantage[t] = delta[t] + discount[t] * gae_lambda * carry[t] * advantage[t + 1]``.

    Args:
        reward: rewards, [T, N].
        value: value of the observation that was acted on, [T, N].
        next_value: value of the observation that the step led to, before any reset, [T, N].
        discount: gamma, or 0 where the step terminated its episode, [T, N].
        carry: 1 where step t + 1 belongs to the same episode, else 0, [T, N].
        gae_lambda: weight of longer estimates, in [0, 1]; 0 is one-step, 1 is the full return minus the value.

    Returns:
        Advantages, float32 [T, N]. The value target is ``advantage + value``.

    Source: Schulman et al., High-Dimensional Continuous Control Using Generalized Advantage Estimation, 2016, eq. 16.
    """
    advantage = reward + discount * next_value - value
    decay = discount * carry
    decay *= gae_lambda
    for t in range(len(advantage) - 2, -1, -1):
        advantage[t] += decay[t] * advantage[t + 1]
    return advantage


def vtrace(
    reward: FloatArray,
    value: FloatArray,
    next_value: FloatArray,
    discount: FloatArray,
    carry: FloatArray,
    log_ratio: FloatArray,
    *,
    clip_rho: float = 1.0,
    clip_pg_rho: float = 1.0,
    trace_lambda: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Return V-trace targets and policy-gradient advantages: experience of an older policy, corrected for the new one.

    With the truncated ratios ``rho = min(clip_rho, r)`` and ``c = trace_lambda * min(1, clip_rho, r)``:
    ``delta[t] = rho[t] * (reward[t] + discount[t] * next_value[t] - value[t])``,
    ``correction[t] = delta[t] + discount[t] * c[t] * carry[t] * correction[t + 1]`` and
    ``target[t] = value[t] + correction[t]``. Where both policies are the same, this is :func:`gae`.

    Args:
        reward: rewards, [T, N].
        value: value of the observation that was acted on, [T, N].
        next_value: value of the observation that the step led to, before any reset, [T, N].
        discount: gamma, or 0 where the step terminated its episode, [T, N].
        carry: 1 where step t + 1 belongs to the same episode, else 0, [T, N].
        log_ratio: log probability of the action under the policy that is learned, minus that under the one that
            acted: log r, [T, N].
        clip_rho: largest weight of a step's own error, > 0; the lower, the nearer the target stays to the value of
            the policy that acted.
        clip_pg_rho: largest weight of a step in the policy gradient, > 0.
        trace_lambda: weight of longer estimates, in [0, 1]; 0 is one-step.

    Returns:
        Targets of the critic, and advantages already multiplied by ``min(clip_pg_rho, r)``; both float32 [T, N].

    Source: Espeholt et al., IMPALA: Scalable Distributed Deep-RL with Importance Weighted Actor-Learner Architectures,
    2018, section 4.1; ``trace_lambda`` is that of its remark 2. The paper's c is at most 1 and supposes
    ``clip_rho >= 1``; with less it is at most ``clip_rho`` here.
    """
    ratio = np.exp(np.minimum(log_ratio, np.float32(80.0)))  # more would be no float32
    error = reward + discount * next_value - value
    correction = np.minimum(ratio, np.float32(clip_rho)) * error
    decay = discount * carry * np.float32(trace_lambda)
    trace = decay * np.minimum(ratio, np.float32(min(1.0, clip_rho)))
    for t in range(len(correction) - 2, -1, -1):
        correction[t] += trace[t] * correction[t + 1]
    error[:-1] += decay[:-1] * correction[1:]
    return value + correction, np.minimum(ratio, np.float32(clip_pg_rho)) * error


def normalize(values: FloatArray, epsilon: float = 1e-8) -> FloatArray:
    """Return values shifted to mean 0 and scaled to standard deviation 1; one single value becomes 0."""
    centred = values - values.mean(dtype=np.float64).astype(np.float32)
    return np.asarray(centred / (centred.std(dtype=np.float64).astype(np.float32) + np.float32(epsilon)))


def explained_variance(predicted: FloatArray, target: FloatArray) -> float:
    """Return which share of the target's variance the prediction explains; NaN where the target is constant.

    1 is a perfect critic, 0 is as good as the mean, negative is worse than the mean.
    """
    variance = float(np.var(target, dtype=np.float64))
    if variance == 0.0:
        return float("nan")
    return 1.0 - float(np.var(target - predicted, dtype=np.float64)) / variance
