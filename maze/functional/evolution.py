"""Evolution strategies: how good a search direction was, and which way is up, from returns alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["antithetic_gradient", "centered_ranks"]

FloatArray = npt.NDArray[np.float32]


def centered_ranks(values: npt.NDArray[np.float64]) -> FloatArray:
    """Return the ranks of values, spread evenly from -0.5 (smallest) to 0.5: their order counts, and no outlier does.

    Equal values share the mean of their ranks, so that what makes no difference pulls in no direction.

    Args:
        values: of any shape.

    Returns:
        Float32 of the same shape; their sum is 0. A single value becomes 0.

    Source: Wierstra et al., Natural Evolution Strategies, 2014 (fitness shaping), in the form of Salimans et al., 2017.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - 0.5 * (counts + 1)  # from 0
    spread = mean_rank / max(np.size(values) - 1, 1) - (0.5 if np.size(values) > 1 else 0.0)
    return spread.astype(np.float32)[inverse].reshape(np.shape(values))


def antithetic_gradient(
    utility: FloatArray, noise: FloatArray, noise_stddev: float, parameters: FloatArray, l2_penalty: float
) -> FloatArray:
    """Estimate the gradient of the expected utility of noisy parameters, less a penalty for large ones.

    ``1 / (2 K s) * sum_k (u[k, 0] - u[k, 1]) * noise[k] - l2_penalty * parameters``, the gradient of
    ``E[u(parameters + s * noise)] - l2_penalty / 2 * |parameters|^2``.

    Args:
        utility: of the K pairs at ``parameters + s * noise`` and at ``parameters - s * noise``, [K, 2].
        noise: standard normal draws, [K, P].
        noise_stddev: s, standard deviation of the noise that was added to the parameters.
        parameters: around which the pairs lie, [P].
        l2_penalty: weight of the penalty.

    Returns:
        Direction in which the objective rises, float32 [P].

    Source: Salimans et al., Evolution Strategies as a Scalable Alternative to Reinforcement Learning, 2017, sections 2
    and 2.1 (antithetic, or mirrored, sampling).
    """
    difference = (utility[:, 0] - utility[:, 1]) * np.float32(0.5 / (len(utility) * noise_stddev))
    return np.asarray(difference @ noise - np.float32(l2_penalty) * parameters)
