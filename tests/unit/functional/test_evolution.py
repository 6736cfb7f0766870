"""Evolution strategies' mathematics against numbers worked out by hand, and on a function whose gradient is known."""

from __future__ import annotations

import numpy as np
import pytest

from maze.functional import antithetic_gradient, centered_ranks


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], [0.5, -0.5, 0.0]),
        ([10.0, 1e9, -5.0, 11.0, 12.0], [-0.25, 0.5, -0.5, 0.0, 0.25]),  # an outlier is only the first
        ([1.0, 1.0, 2.0], [-0.25, -0.25, 0.5]),  # equal ones share ranks 0 and 1 of 2
        ([5.0, 2.0, 5.0, 5.0, 7.0], [0.0, -0.5, 0.0, 0.0, 0.5]),
        ([4.0, 4.0, 4.0], [0.0, 0.0, 0.0]),
        ([4.0], [0.0]),
        ([-np.inf, 0.0, np.inf], [-0.5, 0.0, 0.5]),
    ],
)
def test_ranks(values: list[float], expected: list[float]) -> None:
    ranks = centered_ranks(np.array(values))
    assert ranks.dtype == np.float32
    np.testing.assert_allclose(ranks, expected, atol=1e-7)


def test_ranks_keep_the_shape_and_sum_to_nothing() -> None:
    values = np.random.default_rng(0).integers(0, 5, (7, 2)).astype(np.float64)
    ranks = centered_ranks(values)
    assert ranks.shape == (7, 2)
    assert float(ranks.sum()) == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_array_equal(centered_ranks(values * 100.0 - 3.0), ranks)


def test_the_gradient_of_two_pairs_by_hand() -> None:
    utility = np.array([[3.0, 1.0], [0.0, 1.0]], np.float32)
    noise = np.array([[1.0, -2.0], [4.0, 0.5]], np.float32)
    parameters = np.array([10.0, -20.0], np.float32)
    # 1 / (2 * 2 * 0.5) * (2 * [1, -2] - 1 * [4, 0.5]) = 0.5 * [-2, -4.5], less 0.1 * [10, -20]
    gradient = antithetic_gradient(utility, noise, 0.5, parameters, 0.1)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, [-2.0, -0.25], rtol=1e-6)


def test_pairs_without_a_difference_leave_the_penalty_alone() -> None:
    utility, noise = np.ones((3, 2), np.float32), np.ones((3, 2), np.float32)
    np.testing.assert_allclose(
        antithetic_gradient(utility, noise, 0.1, np.array([2.0, 4.0], np.float32), 0.5), [-1, -2]
    )


def test_the_gradient_of_a_quadratic() -> None:
    # u(x) = -x'Ax / 2 + b'x has the gradient b - Ax, which noise does not change
    rng = np.random.default_rng(1)
    root = rng.standard_normal((4, 4))
    matrix, slope, parameters = root @ root.T, rng.standard_normal(4), rng.standard_normal(4).astype(np.float32)
    noise = rng.standard_normal((200_000, 4)).astype(np.float32)

    def utility(points: np.ndarray) -> np.ndarray:
        return -0.5 * np.einsum("ki,ij,kj->k", points, matrix, points) + points @ slope

    both = np.stack([utility(parameters + 0.3 * noise), utility(parameters - 0.3 * noise)], axis=1).astype(np.float32)
    estimate = antithetic_gradient(both, noise, 0.3, parameters, 0.25)
    exact = slope - matrix @ parameters - 0.25 * parameters
    np.testing.assert_allclose(estimate, exact, atol=0.02 * np.abs(exact).max())


def test_opposite_noise_cancels_whatever_is_even() -> None:
    # the same noise on both sides of a symmetric function: no direction is better, exactly
    noise = np.random.default_rng(2).standard_normal((5, 3)).astype(np.float32)
    utility = np.repeat(np.square(noise).sum(1)[:, None], 2, axis=1)
    assert not antithetic_gradient(utility, noise, 1.0, np.zeros(3, np.float32), 0.0).any()
